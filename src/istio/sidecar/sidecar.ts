// A Sidecar is checked and kept: a proxy holds what it has used, so there is nothing to narrow.
import { UNUSED, type ParseUnused } from '../acted-on.ts';
import { parseObject } from '../kind.ts';
import { checkSidecar } from './check.ts';
import { sidecarKind } from './schema.ts';

export const parseSidecar: ParseUnused = (object) =>
  parseObject(sidecarKind, object, (spec, _, at) => {
    checkSidecar(spec, at);
    return UNUSED;
  });
