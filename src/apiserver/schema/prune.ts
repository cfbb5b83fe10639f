// Dropping fields that a schema does not know, and telling which they were.
import { fieldOf, itemOf } from '../field-path.ts';
import type { DraftFields, Json, JsonObject } from '../object.ts';
import { isJsonList, isJsonObject, putField } from '../object.ts';
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
  const pruned = pruneObject(schema, value, { path: '', unknown, isBuiltIn: false });
  return { value: pruned, unknown };
}

type Walk = {
  readonly path: string;
  readonly unknown: string[];
  /** Within a built-in type, where a null is what nobody set. */
  readonly isBuiltIn: boolean;
};

function prune(schema: Schema, value: Json, walk: Walk): Json {
  if (value === null && walk.isBuiltIn) return zeroOf(schema);
  if (isJsonObject(value)) return pruneObject(schema, value, walk);
  const { items } = schema;
  if (!isJsonList(value) || !items) return value;
  return value.map((item, index) =>
    prune(items, item, { ...walk, path: itemOf(walk.path, index) }),
  );
}

/** What Go makes of a null in a list or a map. */
function zeroOf({ type }: Schema): Json {
  switch (type) {
    case 'object':
      return {};
    case 'array':
      return [];
    case 'integer':
    case 'number':
    case 'int-or-string':
      return 0;
    case 'boolean':
      return false;
    case 'string':
      return '';
    default:
      return null;
  }
}

/** The fields that every embedded resource has, whatever its schema says. */
const RESOURCE_FIELDS: ReadonlyMap<string, Schema> = new Map<string, Schema>([
  ['apiVersion', { type: 'string' }],
  ['kind', { type: 'string' }],
  ['metadata', OBJECT_META],
]);

function pruneObject(schema: Schema, object: JsonObject, walk: Walk): JsonObject {
  if (schema.type === 'any' || schema.type === 'int-or-string') return object;
  const isBuiltIn = walk.isBuiltIn || schema.typeName !== undefined;
  const result: DraftFields = {};
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined) continue;
    const field =
      schema.fields?.get(name) ??
      (schema.isEmbeddedResource ? RESOURCE_FIELDS.get(name) : undefined);
    const known = field ?? schema.values;
    const path = fieldOf(walk.path, name);
    if (known) {
      if (value === null && isBuiltIn && field) continue;
      putField(result, name, prune(known, value, { ...walk, path, isBuiltIn }));
    } else if (schema.preservesUnknown) {
      putField(result, name, value);
    } else {
      walk.unknown.push(path);
    }
  }
  return result;
}
