// Filling in the defaults of a structural schema.
import type { Json, JsonObject } from '../object.ts';
import { isJsonList, isJsonObject } from '../object.ts';
import type { Schema } from './schema.ts';

/**
 * @returns a copy with defaults for absent fields at every depth. A null where null is not allowed
 * and a default is at hand counts as absent.
 */
export function withDefaults(schema: Schema, value: JsonObject): JsonObject {
  const result: Record<string, Json> = {};
  for (const [name, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const known = schema.fields?.get(name) ?? schema.values;
    if (inner === null && known?.default !== undefined && !known.isNullable) continue;
    result[name] = known ? defaulted(known, inner) : inner;
  }
  for (const [name, known] of schema.fields ?? []) {
    if (known.default === undefined || name in result) continue;
    result[name] = defaulted(known, known.default);
  }
  return result;
}

function defaulted(schema: Schema, value: Json): Json {
  if (isJsonObject(value)) return withDefaults(schema, value);
  const { items } = schema;
  if (isJsonList(value) && items) return value.map((item) => defaulted(items, item));
  return value;
}
