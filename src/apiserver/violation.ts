// What is wrong with a field, in the words of k8s.io/apimachinery's field errors. Validation
// collects all violations and never stops at the first.
import type { Json } from './object.ts';
import { isJsonList, isJsonObject } from './object.ts';

export type ViolationReason =
  | 'FieldValueRequired'
  | 'FieldValueInvalid'
  | 'FieldValueTypeInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueDuplicate'
  | 'FieldValueForbidden'
  | 'FieldValueNotFound'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany';

export type Violation = {
  readonly reason: ViolationReason;
  readonly field: string;
  /** Everything after the field: `Invalid value: 33: must be …`. */
  readonly text: string;
};

export function required(field: string, detail = ''): Violation {
  return { reason: 'FieldValueRequired', field, text: withDetail('Required value', detail) };
}

export function invalid(field: string, value: Json | undefined, detail: string): Violation {
  const text = withDetail(`Invalid value: ${renderValue(value)}`, detail);
  return { reason: 'FieldValueInvalid', field, text };
}

/** @param typeName the JSON type that was found, `string`, `object`, `null` … */
export function wrongType(field: string, typeName: string, detail: string): Violation {
  const text = `Invalid value: ${JSON.stringify(typeName)}: ${detail}: ${JSON.stringify(typeName)}`;
  return { reason: 'FieldValueTypeInvalid', field, text };
}

export function notSupported(
  field: string,
  value: Json | undefined,
  supported: readonly Json[],
): Violation {
  const values = supported.map((one) => renderValue(one)).join(', ');
  const text = `Unsupported value: ${renderValue(value)}: supported values: ${values}`;
  return { reason: 'FieldValueNotSupported', field, text };
}

export function duplicate(field: string, value: Json): Violation {
  const text = `Duplicate value: ${renderValue(value)}`;
  return { reason: 'FieldValueDuplicate', field, text };
}

export function forbidden(field: string, detail: string): Violation {
  return { reason: 'FieldValueForbidden', field, text: `Forbidden: ${detail}` };
}

export function notFound(field: string, value: Json): Violation {
  return { reason: 'FieldValueNotFound', field, text: `Not found: ${renderValue(value)}` };
}

export function tooLong(field: string, bytesMax: number): Violation {
  const text = `Too long: may not be more than ${bytesMax} bytes`;
  return { reason: 'FieldValueTooLong', field, text };
}

export function tooMany(field: string, count: number, max: number): Violation {
  const text = `Too many: ${count}: must have at most ${max} items`;
  return { reason: 'FieldValueTooMany', field, text };
}

export function renderViolation({ field, text }: Violation): string {
  return `${field}: ${text}`;
}

function withDetail(text: string, detail: string): string {
  return detail === '' ? text : `${text}: ${detail}`;
}

/** An operator's terminal is no place for a whole object. */
const VALUE_LENGTH_MAX = 500;

function renderValue(value: Json | undefined): string {
  if (value === undefined) return '""';
  if (value === null) return 'null';
  const text =
    isJsonObject(value) || isJsonList(value) || typeof value === 'string'
      ? JSON.stringify(value)
      : String(value);
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}…` : text;
}
