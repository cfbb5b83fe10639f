// JSON Merge Patch, RFC 7396.
import type { DraftFields, Json, JsonObject } from '../object.ts';
import { isJsonObject, putField } from '../object.ts';

/** A null removes a field; lists are replaced whole. */
export function applyMergePatch(target: Json | undefined, patch: Json): Json {
  if (!isJsonObject(patch)) return patch;
  const result: DraftFields = { ...(isJsonObject(target) ? target : {}) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    if (value === null) delete result[name];
    else putField(result, name, applyMergePatch(own(result, name), value));
  }
  return result;
}

function own(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
