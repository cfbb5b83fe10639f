// Reading objects that a Kubernetes API server has already checked: a field of another shape than
// expected is one that is not there.
import { isRecord } from '#kube/objects.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A value as an object; one without fields for anything else. */
export const fieldsOf = (value: unknown): Fields => (isRecord(value) ? value : {});

export function textAt(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value : '';
}

/** The strings in a list, whatever else is in it. */
export function textsAt(fields: Fields, name: string): readonly string[] {
  return itemsAt(fields, name).filter((item) => typeof item === 'string');
}

/** The objects in a list, whatever else is in it. */
export function objectsAt(fields: Fields, name: string): readonly Fields[] {
  return itemsAt(fields, name).filter(isRecord);
}

/** A port number; undefined for anything that is none. */
export function portAt(fields: Fields, name: string): number | undefined {
  const value = fields[name];
  const isPort = typeof value === 'number' && Number.isInteger(value) && value > 0;
  return isPort && value <= 65_535 ? value : undefined;
}

function itemsAt(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  return Array.isArray(value) ? value : [];
}
