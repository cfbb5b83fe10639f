// What kube/fields.ts does not read: fields that mean something by being there, and ports.
import { isRecord } from '#kube/objects.ts';
import type { Fields } from '#kube/fields.ts';

/** Undefined when the field is absent: `emptyDir: {}` says something. */
export function optionalFieldsAt(of: Fields, name: string): Fields | undefined {
  const value = of[name];
  return isRecord(value) ? value : undefined;
}

/** IntOrString: `8080`, or the name of a container's port. */
export function portAt(of: Fields, name: string): number | string {
  const value = of[name];
  if (typeof value === 'number') return value;
  const text = typeof value === 'string' ? value : '';
  return /^\d+$/.test(text) ? Number(text) : text;
}
