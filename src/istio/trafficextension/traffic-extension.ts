// A TrafficExtension is checked and kept: no proxy of ours runs extensions yet.
import { UNUSED, type ParseUnused } from '../acted-on.ts';
import { parseObject } from '../kind.ts';
import { checkTargets } from '../policy-target.ts';
import { trafficExtensionKind } from './schema.ts';

export const parseTrafficExtension: ParseUnused = (object) =>
  parseObject(trafficExtensionKind, object, (spec, _, at) => {
    checkTargets(spec, at);
    return UNUSED;
  });
