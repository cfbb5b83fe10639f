// Validation of a custom resource against its structural schema, in kube-openapi's words.
import { fieldOf, itemOf } from '../field-path.ts';
import type { Json, JsonObject } from '../object.ts';
import { isJsonList, isJsonObject, isSameJson } from '../object.ts';
import type { Violation } from '../violation.ts';
import { duplicate, invalid, notSupported, required, wrongType } from '../violation.ts';
import { tooLong, tooMany } from '../violation.ts';
import { matchesFormat } from './formats.ts';
import type { Schema, ValueChecks } from './schema.ts';

/** A wrong object yields at most so many violations: more help nobody. */
const VIOLATIONS_MAX = 100;

export function validateValue(schema: Schema, value: Json, path = ''): readonly Violation[] {
  const found: Violation[] = [];
  collect(schema, value, path, found);
  return found.slice(0, VIOLATIONS_MAX);
}

function collect(schema: Schema, value: Json, path: string, found: Violation[]): void {
  if (found.length >= VIOLATIONS_MAX) return;
  if (value === null && schema.isNullable) return;
  if (!hasType(schema, value)) {
    found.push(typeViolation(schema.type, value, path));
    return;
  }
  const { checks } = schema;
  if (checks) {
    checkAny(checks, value, path, found);
    if (typeof value === 'string') checkText(checks, value, path, found);
    if (typeof value === 'number') checkNumber(checks, value, path, found);
    checkCombinations(checks, value, path, found);
  }
  if (isJsonList(value)) collectList(schema, value, path, found);
  if (isJsonObject(value)) collectObject(schema, value, path, found);
}

function hasType({ type }: Schema, value: Json): boolean {
  switch (type) {
    case 'object':
      return isJsonObject(value);
    case 'array':
      return isJsonList(value);
    case 'integer':
      return Number.isInteger(value);
    case 'int-or-string':
      return Number.isInteger(value) || typeof value === 'string';
    case 'any':
      return true;
    default:
      return typeof value === type;
  }
}

function typeViolation(type: string, value: Json, path: string): Violation {
  const found = foundType(value);
  const wanted = type === 'int-or-string' ? 'integer,string' : type;
  return wrongType(path, found, `${path} in body must be of type ${wanted}`);
}

function foundType(value: Json): string {
  if (value === null) return 'null';
  if (isJsonList(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

function checkAny(checks: ValueChecks, value: Json, path: string, found: Violation[]): void {
  const { enum: allowed } = checks;
  if (allowed && !allowed.some((one) => isSameJson(one, value))) {
    found.push(notSupported(path, value, allowed));
  }
}

function checkText(checks: ValueChecks, value: string, path: string, found: Violation[]): void {
  const { minLength, maxLength, pattern, patternText, format } = checks;
  const say = (detail: string) => found.push(invalid(path, value, `${path} in body ${detail}`));
  // Kubernetes counts Unicode code points.
  const length = maxLength === undefined && minLength === undefined ? 0 : Array.from(value).length;
  if (maxLength !== undefined && length > maxLength) found.push(tooLong(path, maxLength));
  if (minLength !== undefined && length < minLength) {
    say(`should be at least ${minLength} chars long`);
  }
  if (pattern && !pattern.test(value)) say(`should match '${patternText ?? pattern.source}'`);
  if (format !== undefined && !matchesFormat(format, value)) {
    const detail = `${path} in body must be of type ${format}: ${JSON.stringify(value)}`;
    found.push(invalid(path, value, detail));
  }
}

function checkNumber(checks: ValueChecks, value: number, path: string, found: Violation[]): void {
  const say = (detail: string) => found.push(invalid(path, value, `${path} in body ${detail}`));
  const { minimum, isMinimumExclusive, maximum, isMaximumExclusive, multipleOf } = checks;
  if (maximum !== undefined && (isMaximumExclusive ? value >= maximum : value > maximum)) {
    say(`should be less than ${isMaximumExclusive ? '' : 'or equal to '}${maximum}`);
  }
  if (minimum !== undefined && (isMinimumExclusive ? value <= minimum : value < minimum)) {
    say(`should be greater than ${isMinimumExclusive ? '' : 'or equal to '}${minimum}`);
  }
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) {
    say(`should be a multiple of ${multipleOf}`);
  }
}

/** Kubernetes gives these no field, but names it in the text. */
function checkCombinations(checks: ValueChecks, value: Json, path: string, found: Violation[]) {
  const name = JSON.stringify(path);
  const say = (text: string) => found.push(invalid('<nil>', '', `${name} must ${text}`));
  const fits = (schema: Schema) => validateValue(schema, value, path).length === 0;
  if (checks.anyOf && !checks.anyOf.some(fits)) {
    say('validate at least one schema (anyOf)');
  }
  if (checks.oneOf) {
    const count = checks.oneOf.filter(fits).length;
    const outcome = count === 0 ? 'Found none valid' : `Found ${count} valid alternatives`;
    if (count !== 1) say(`validate one and only one schema (oneOf). ${outcome}`);
  }
  for (const schema of checks.allOf ?? []) collect(schema, value, path, found);
  if (checks.not && fits(checks.not)) say('not validate the schema (not)');
}

function collectList(schema: Schema, list: readonly Json[], path: string, found: Violation[]) {
  const { minItems, maxItems } = schema.checks ?? {};
  if (maxItems !== undefined && list.length > maxItems) {
    found.push(tooMany(path, list.length, maxItems));
    return;
  }
  if (minItems !== undefined && list.length < minItems) {
    found.push(
      invalid(path, list.length, `${path} in body should have at least ${minItems} items`),
    );
  }
  const { items } = schema;
  if (items) list.forEach((item, index) => collect(items, item, itemOf(path, index), found));
  collectDuplicates(schema, list, path, found);
}

/** Lists that server-side apply owns by item must not hold one twice. */
function collectDuplicates(
  { ownership }: Schema,
  list: readonly Json[],
  path: string,
  found: Violation[],
): void {
  if (!ownership || ownership.kind === 'atomic') return;
  const seen = new Set<string>();
  for (const [index, item] of list.entries()) {
    const identity = ownership.kind === 'set' ? item : keysOf(item, ownership.keys);
    const text = JSON.stringify(identity);
    if (seen.has(text)) found.push(duplicate(itemOf(path, index), identity));
    seen.add(text);
  }
}

function keysOf(item: Json, keys: readonly string[]): JsonObject {
  if (!isJsonObject(item)) return {};
  return Object.fromEntries(keys.map((key) => [key, item[key]]));
}

function collectObject(schema: Schema, object: JsonObject, path: string, found: Violation[]): void {
  const { minProperties, maxProperties, required: needed = [] } = schema.checks ?? {};
  const count = Object.keys(object).length;
  if (maxProperties !== undefined && count > maxProperties) {
    found.push(tooMany(path, count, maxProperties));
    return;
  }
  if (minProperties !== undefined && count < minProperties) {
    const detail = `${path} in body should have at least ${minProperties} properties`;
    found.push(invalid(path, count, detail));
  }
  for (const name of needed) {
    if (object[name] === undefined) found.push(required(fieldOf(path, name)));
  }
  for (const [name, value] of Object.entries(object)) {
    const known = schema.fields?.get(name) ?? schema.values;
    if (known && value !== undefined) collect(known, value, fieldOf(path, name), found);
  }
}
