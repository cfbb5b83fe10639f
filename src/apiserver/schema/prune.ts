// Dropping fields that a schema does not know, and telling which they were.
import { fieldOf, itemOf } from '../field-path.ts';
import type { Json, JsonObject } from '../object.ts';
import { isJsonList, isJsonObject } from '../object.ts';
import { OBJECT_META } from './built-in.ts';
import type { Schema } from './schema.ts';

export type Pruned<T extends Json> = {
  readonly value: T;
  /** Paths of the dropped fields, `spec.ports[0].prot`. */
  readonly unknown: readonly string[];
};

/**
 * @returns a copy without unknown fields. In built-in types a null is an absent field, as Go
 * decodes it; in custom resources nulls stay, for validation to judge.
 */
export function pruneUnknown(schema: Schema, value: JsonObject): Pruned<JsonObject> {
  const unknown: string[] = [];
  const pruned = pruneObject(schema, value, '', unknown);
  return { value: pruned, unknown };
}

function prune(schema: Schema, value: Json, path: string, unknown: string[]): Json {
  if (isJsonObject(value)) return pruneObject(schema, value, path, unknown);
  const { items } = schema;
  if (!isJsonList(value) || !items) return value;
  return value.map((item, index) => prune(items, item, itemOf(path, index), unknown));
}

/** The fields that every embedded resource has, whatever its schema says. */
const RESOURCE_FIELDS: ReadonlyMap<string, Schema> = new Map<string, Schema>([
  ['apiVersion', { type: 'string' }],
  ['kind', { type: 'string' }],
  ['metadata', OBJECT_META],
]);

function pruneObject(
  schema: Schema,
  object: JsonObject,
  path: string,
  unknown: string[],
): JsonObject {
  if (schema.type === 'any' || schema.type === 'int-or-string') return object;
  const result: Record<string, Json> = {};
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined) continue;
    const known =
      schema.fields?.get(name) ??
      (schema.isEmbeddedResource ? RESOURCE_FIELDS.get(name) : undefined) ??
      schema.values;
    const inner = fieldOf(path, name);
    if (known) {
      if (value === null && schema.typeName !== undefined) continue;
      result[name] = prune(known, value, inner, unknown);
    } else if (schema.preservesUnknown) {
      result[name] = value;
    } else {
      unknown.push(inner);
    }
  }
  return result;
}
