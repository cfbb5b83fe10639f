// Between the version that is stored and the one that a request speaks. All versions of a kind have
// the same fields (conversion strategy None), so only the label and a version's defaults differ.
import type { Kind, ServedKind } from '../kinds/kind.ts';
import { apiVersionOf } from '../kinds/kind.ts';
import type { KubeObject } from '../object.ts';
import { withDefaults } from '../schema/defaults.ts';

/** A stored object as a request of that version sees it. */
export function asServed(object: KubeObject, { kind, version }: ServedKind): KubeObject {
  const apiVersion = apiVersionOf(kind.group, version.name);
  if (!kind.isCustom) return object;
  const { metadata } = object;
  const whole = withDefaults(version.schema, object);
  return { ...whole, apiVersion, kind: kind.kind, metadata };
}

/** A request's object as it is stored. */
export function asStored(object: KubeObject, kind: Kind): KubeObject {
  return { ...object, apiVersion: apiVersionOf(kind.group, kind.storageVersion) };
}
