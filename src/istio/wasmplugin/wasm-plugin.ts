// A WasmPlugin is checked and kept: no proxy of ours runs plugins yet.
import { UNUSED, type ParseUnused } from '../acted-on.ts';
import { parseObject } from '../kind.ts';
import { checkTargets } from '../policy-target.ts';
import { wasmPluginKind } from './schema.ts';

export const parseWasmPlugin: ParseUnused = (object) =>
  parseObject(wasmPluginKind, object, (spec, _, at) => {
    checkTargets(spec, at);
    return UNUSED;
  });
