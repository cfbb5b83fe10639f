// JSON Merge Patch, RFC 7396.
import type { Json, JsonObject } from '../object.ts';
import { isJsonObject } from '../object.ts';

/** A null removes a field; lists are replaced whole. */
export function applyMergePatch(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const result: Record<string, Json | undefined> = { ...(isJsonObject(target) ? target : {}) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) delete result[name];
    else define(result, name, applyMergePatch(own(result, name), value));
  }
  return result;
}

function own(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** An assignment to a field named `__proto__` would set the prototype instead. */
function define(object: Record<string, Json | undefined>, name: string, value: Json): void {
  Object.defineProperty(object, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}
