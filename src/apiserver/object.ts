// Kubernetes objects as plain JSON. What the store hands out is shared by all readers and therefore
// readonly; whoever changes an object makes a draft of it first.

export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };
export type JsonObject = { readonly [key: string]: Json | undefined };

export type OwnerReference = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
};

/** The fields of ObjectMeta that the server itself reads or writes; further ones pass through. */
export type ObjectMeta = {
  readonly name: string;
  readonly generateName?: string;
  /** Absent on cluster-scoped objects. */
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: { readonly [key: string]: string };
  readonly annotations?: { readonly [key: string]: string };
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
  readonly managedFields?: readonly JsonObject[];
};

export type KubeObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: Json | undefined;
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export type DraftMeta = Mutable<ObjectMeta>;

/** An object that one request owns and may change in place, before it is stored. */
export type Draft = {
  apiVersion: string;
  kind: string;
  metadata: DraftMeta;
  [field: string]: Json | undefined;
};

/** A deep copy that the caller may change. */
export function draftOf(object: KubeObject): Draft {
  return structuredClone(object);
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !isJsonList(value);
}

export function isJsonList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** The object in that field, or an empty one: reading never fails on an absent branch. */
export function objectAt(parent: JsonObject | undefined, field: string): JsonObject {
  const value = parent?.[field];
  return isJsonObject(value) ? value : {};
}

export function listAt(parent: JsonObject | undefined, field: string): readonly Json[] {
  const value = parent?.[field];
  return isJsonList(value) ? value : [];
}

export function stringAt(parent: JsonObject | undefined, field: string): string {
  const value = parent?.[field];
  return typeof value === 'string' ? value : '';
}

export function numberAt(parent: JsonObject | undefined, field: string): number | undefined {
  const value = parent?.[field];
  return typeof value === 'number' ? value : undefined;
}

/** The objects among a list's items: for reading lists whose shape was checked before. */
export function objectsAt(parent: JsonObject | undefined, field: string): readonly JsonObject[] {
  return listAt(parent, field).filter(isJsonObject);
}

/** Fields of an object while it is being put together. */
export type DraftFields = { [field: string]: Json | undefined };

/** Sets a field whatever its name: an assignment to `__proto__` would set the prototype instead. */
export function putField(fields: DraftFields, name: string, value: Json): void {
  const attributes = { enumerable: true, configurable: true, writable: true };
  Object.defineProperty(fields, name, { value, ...attributes });
}

/** A copy that lacks these fields. */
export function without(object: JsonObject, ...fields: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([field]) => !fields.includes(field)));
}

/** `object` with `fallbacks` for the fields that are absent or, as Go sees it, empty strings. */
export function withFallbacks(object: JsonObject, fallbacks: JsonObject): JsonObject {
  const missing = Object.entries(fallbacks).filter(
    ([field]) => object[field] === undefined || object[field] === '',
  );
  return { ...object, ...Object.fromEntries(missing) };
}

/** Equal as JSON values: the order of an object's fields does not count, that of a list does. */
export function isSameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (isJsonList(a) && isJsonList(b)) {
    return a.length === b.length && a.every((item, index) => isSameJson(item, b[index]));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const fields = definedFields(a);
  return (
    fields.length === definedFields(b).length &&
    fields.every((field) => isSameJson(a[field], b[field]))
  );
}

function definedFields(object: JsonObject): string[] {
  return Object.keys(object).filter((field) => object[field] !== undefined);
}
