// Reading objects from the wire: what is missing, or of another type, reads as empty. The API server
// has validated the Pod already, so this is about types, not about complaints.
import { isRecord } from '#kube/objects.ts';

export type Fields = Readonly<Record<string, unknown>>;

export const recordAt = (of: Fields, field: string): Fields => {
  const value = of[field];
  return isRecord(value) ? value : {};
};

/** Undefined when the field is absent: some fields mean something by being there. */
export const optionalRecordAt = (of: Fields, field: string): Fields | undefined => {
  const value = of[field];
  return isRecord(value) ? value : undefined;
};

export const recordsAt = (of: Fields, field: string): readonly Fields[] => {
  const value = of[field];
  return Array.isArray(value) ? value.filter(isRecord) : [];
};

export const textAt = (of: Fields, field: string): string => {
  const value = of[field];
  return typeof value === 'string' ? value : '';
};

export const textsAt = (of: Fields, field: string): readonly string[] => {
  const value = of[field];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
};

export const integerAt = (of: Fields, field: string): number | undefined => {
  const value = of[field];
  return typeof value === 'number' && Number.isInteger(value) ? value : undefined;
};

export const isTrueAt = (of: Fields, field: string): boolean => of[field] === true;

export const textMapAt = (of: Fields, field: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(recordAt(of, field)).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );

/** IntOrString: `8080` or `http`. */
export const portAt = (of: Fields, field: string): number | string => {
  const value = of[field];
  if (typeof value === 'number') return value;
  const text = typeof value === 'string' ? value : '';
  return /^\d+$/.test(text) ? Number(text) : text;
};

/** Milliseconds since the epoch of an RFC 3339 time; undefined when there is none. */
export const timeAt = (of: Fields, field: string): number | undefined => {
  const atMs = Date.parse(textAt(of, field));
  return Number.isNaN(atMs) ? undefined : atMs;
};
