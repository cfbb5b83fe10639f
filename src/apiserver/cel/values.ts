// What an expression computes with. Integers are bigint, so that they divide as integers do.
import type { Json } from '../object.ts';
import { isJsonList, isJsonObject } from '../object.ts';
import type { Schema } from '../schema/schema.ts';

export type CelMap = ReadonlyMap<string | bigint | boolean, CelValue>;
export type CelDuration = { readonly kind: 'duration'; readonly nanoseconds: bigint };
export type CelTime = { readonly kind: 'timestamp'; readonly epochMs: number };
export type CelUrl = { readonly kind: 'url'; readonly url: URL; readonly hasHost: boolean };
export type CelValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | readonly CelValue[]
  | CelMap
  | CelDuration
  | CelTime
  | CelUrl;

/** A rule that cannot be computed for this value: the rule has failed, with this as the reason. */
export class CelError extends Error {}

export function isList(value: CelValue): value is readonly CelValue[] {
  return Array.isArray(value);
}

export function isMap(value: CelValue): value is CelMap {
  return value instanceof Map;
}

/** A JSON value as its schema means it: `1` is an integer or a double. */
export function toCel(value: Json | undefined, schema: Schema | undefined): CelValue {
  if (value === undefined || value === null) return null;
  if (typeof value === 'number') {
    return schema?.type !== 'number' && Number.isInteger(value) ? BigInt(value) : value;
  }
  if (isJsonList(value)) return value.map((item) => toCel(item, schema?.items));
  if (!isJsonObject(value)) return typeof value === 'object' ? null : value;
  const entries = Object.entries(value).flatMap(([name, inner]) =>
    inner === undefined
      ? []
      : [[name, toCel(inner, schema?.fields?.get(name) ?? schema?.values)] as const],
  );
  return new Map(entries);
}

/** A value's type as error messages name it. */
export function typeOf(value: CelValue): string {
  if (value === null) return 'null_type';
  if (isList(value)) return 'list';
  if (isMap(value)) return 'map';
  switch (typeof value) {
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'boolean':
      return 'bool';
    case 'string':
      return 'string';
    default:
      return value.kind;
  }
}

export function isEqual(a: CelValue, b: CelValue): boolean {
  if (a === b) return true;
  if (isNumber(a) && isNumber(b)) return Number(a) === Number(b);
  if (isList(a) && isList(b)) {
    return a.length === b.length && a.every((item, index) => isEqual(item, b[index] ?? null));
  }
  if (isMap(a) && isMap(b)) {
    return a.size === b.size && [...a].every(([key, value]) => isEqualEntry(b, key, value));
  }
  if (isTimed(a) && isTimed(b)) return amountOf(a) === amountOf(b) && a.kind === b.kind;
  return false;
}

function isEqualEntry(map: CelMap, key: string | bigint | boolean, value: CelValue): boolean {
  const other = map.get(key);
  return other !== undefined && isEqual(value, other);
}

export function isNumber(value: CelValue): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number';
}

function isTimed(value: CelValue): value is CelDuration | CelTime {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    (value.kind === 'duration' || value.kind === 'timestamp')
  );
}

function amountOf(value: CelDuration | CelTime): bigint | number {
  return value.kind === 'duration' ? value.nanoseconds : value.epochMs;
}

/** Negative, zero or positive. @throws CelError when the two have no order */
export function compare(a: CelValue, b: CelValue): number {
  if (isNumber(a) && isNumber(b)) return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (isTimed(a) && isTimed(b) && a.kind === b.kind) {
    const [left, right] = [amountOf(a), amountOf(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  }
  throw new CelError(`no such overload: ${typeOf(a)} and ${typeOf(b)} have no order`);
}
