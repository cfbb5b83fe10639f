// A ProxyConfig is checked and kept: an agent is configured where it runs, as yet.
import { UNUSED, type ParseUnused } from '../acted-on.ts';
import { parseObject } from '../kind.ts';
import { proxyConfigKind } from './schema.ts';

export const parseProxyConfig: ParseUnused = (object) =>
  parseObject(proxyConfigKind, object, () => UNUSED);
