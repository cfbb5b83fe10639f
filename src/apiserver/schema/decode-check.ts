// Do a built-in object's values have the types of its fields? Worded as Go's JSON decoder words it,
// because that is what users of Kubernetes know and search for.
import type { Json } from '../object.ts';
import { isJsonList, isJsonObject } from '../object.ts';
import type { Schema } from './schema.ts';
import { isBase64, isQuantity, isRfc3339 } from './formats.ts';

const INT32_MAX = 2 ** 31 - 1;

type Place = {
  /** Name of the innermost enclosing type, `ServicePort`. */
  readonly typeName: string;
  /** Fields from the root, without indexes: `spec.ports.port`. */
  readonly path: string;
};

/** @returns the first wrong type in words, or undefined when all fit */
export function findDecodeProblem(schema: Schema, value: Json): string | undefined {
  return find(schema, value, { typeName: schema.typeName ?? '', path: '' });
}

function find(schema: Schema, value: Json, place: Place): string | undefined {
  switch (schema.type) {
    case 'object':
      return isJsonObject(value)
        ? findInObject(schema, value, place)
        : mismatch(schema, value, place);
    case 'array':
      if (!isJsonList(value)) return mismatch(schema, value, place);
      return firstOf(value, (item) => find(schema.items ?? { type: 'any' }, item, place));
    case 'string':
      return typeof value === 'string' ? findInText(schema, value) : mismatch(schema, value, place);
    case 'boolean':
      return typeof value === 'boolean' ? undefined : mismatch(schema, value, place);
    case 'integer':
      return isInteger(schema, value) ? undefined : mismatch(schema, value, place);
    case 'number':
      return typeof value === 'number' ? undefined : mismatch(schema, value, place);
    case 'int-or-string':
      return findInIntOrString(schema, value, place);
    default:
      return undefined;
  }
}

function findInObject(
  schema: Schema,
  object: { readonly [key: string]: Json | undefined },
  place: Place,
): string | undefined {
  return firstOf(Object.entries(object), ([name, value]) => {
    const known = schema.fields?.get(name) ?? schema.values;
    if (!known || value === undefined || value === null) return undefined;
    const typeName = schema.typeName ?? place.typeName;
    const isMap = schema.fields === undefined;
    const path = isMap ? place.path : place.path === '' ? name : `${place.path}.${name}`;
    return find(known, value, { typeName, path });
  });
}

function findInText({ checks }: Schema, value: string): string | undefined {
  if (checks?.format === 'byte' && !isBase64(value)) return 'illegal base64 data';
  if (checks?.format === 'date-time' && !isRfc3339(value)) {
    const text = JSON.stringify(value);
    return `parsing time ${text} as "2006-01-02T15:04:05Z07:00": cannot parse ${text}`;
  }
  return undefined;
}

function findInIntOrString(schema: Schema, value: Json, place: Place): string | undefined {
  if (schema.checks?.format === 'quantity') {
    const isWhole = typeof value === 'number' || (typeof value === 'string' && isQuantity(value));
    return isWhole
      ? undefined
      : "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  }
  const isFitting = typeof value === 'string' || isInteger(schema, value);
  return isFitting ? undefined : mismatch(schema, value, place);
}

function isInteger({ checks }: Schema, value: Json): boolean {
  if (typeof value !== 'number' || !Number.isInteger(value)) return false;
  if (checks?.format === 'int64') return Number.isSafeInteger(value);
  return value >= -INT32_MAX - 1 && value <= INT32_MAX;
}

function mismatch(schema: Schema, value: Json, place: Place): string {
  const found = typeof value === 'number' && schema.type === 'integer' ? ` ${value}` : '';
  const field = `${place.typeName}.${place.path}`;
  return `json: cannot unmarshal ${jsonTypeOf(value)}${found} into Go struct field ${field} of type ${goTypeOf(schema)}`;
}

function jsonTypeOf(value: Json): string {
  if (isJsonList(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function goTypeOf(schema: Schema): string {
  switch (schema.type) {
    case 'array':
      return `[]${goTypeOf(schema.items ?? { type: 'any' })}`;
    case 'object':
      if (schema.typeName !== undefined) return `v1.${schema.typeName}`;
      return `map[string]${goTypeOf(schema.values ?? { type: 'any' })}`;
    case 'integer':
      return schema.checks?.format ?? 'int64';
    case 'boolean':
      return 'bool';
    case 'number':
      return 'float64';
    case 'int-or-string':
      return 'intstr.IntOrString';
    case 'any':
      return 'interface {}';
    default:
      return 'string';
  }
}

function firstOf<T>(
  items: Iterable<T>,
  check: (item: T) => string | undefined,
): string | undefined {
  for (const item of items) {
    const problem = check(item);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
