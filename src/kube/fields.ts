// Reading objects that a Kubernetes API server has already checked: a field of another shape than
// expected is one that is not there.
import { isRecord } from './objects.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** A value as an object, or the one at the end of a path; one without fields for anything else. */
export function fieldsOf(value: unknown, ...path: readonly string[]): Fields {
  let fields: Fields = isRecord(value) ? value : {};
  for (const name of path) {
    const next = fields[name];
    fields = isRecord(next) ? next : {};
  }
  return fields;
}

export function textAt(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value : '';
}

export function numberAt(fields: Fields, name: string): number | undefined {
  const value = fields[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

/** The objects in a list, whatever else is in it. */
export function objectsAt(fields: Fields, name: string): readonly Fields[] {
  const value = fields[name];
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** The strings in a list, whatever else is in it. */
export function textsAt(fields: Fields, name: string): readonly string[] {
  const value = fields[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** The string-valued fields of an object: labels, annotations, selectors. */
export function textMapOf(value: unknown): Readonly<Record<string, string>> {
  const texts = Object.entries(fieldsOf(value)).flatMap(([name, text]) =>
    typeof text === 'string' ? [[name, text] as const] : [],
  );
  return Object.fromEntries(texts);
}
