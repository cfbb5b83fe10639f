// Sets of fields, as server-side apply tracks them (FieldsV1 of meta/v1).
//
// Steps of a path are strings as in FieldsV1: `f:name` a field or map key, `k:{"name":"a"}` a list
// item by its keys, `v:"x"` an item of a list of scalars by its value.
import type { Json, JsonObject } from '../object.ts';
import { isJsonList, isJsonObject } from '../object.ts';
import type { Schema } from '../schema/schema.ts';

export type FieldSet = {
  /** Is this very place in the set, apart from what is below it? */
  readonly isMember: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
};

export const EMPTY_SET: FieldSet = { isMember: false, children: new Map() };
export const LEAF: FieldSet = { isMember: true, children: new Map() };

export function isEmptySet({ isMember, children }: FieldSet): boolean {
  return !isMember && children.size === 0;
}

/** Combines place by place: what is in the result at a place depends on both sets there. */
function combine(
  a: FieldSet,
  b: FieldSet,
  isMember: (inA: boolean, inB: boolean) => boolean,
): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const step of new Set([...a.children.keys(), ...b.children.keys()])) {
    const [left, right] = [a.children.get(step), b.children.get(step)];
    const child = combine(left ?? EMPTY_SET, right ?? EMPTY_SET, isMember);
    if (!isEmptySet(child)) children.set(step, child);
  }
  return { isMember: isMember(a.isMember, b.isMember), children };
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (inA, inB) => inA || inB);
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (inA, inB) => inA && inB);
}

export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return combine(a, b, (inA, inB) => inA && !inB);
}

export function isSameSet(a: FieldSet, b: FieldSet): boolean {
  return isEmptySet(combine(a, b, (inA, inB) => inA !== inB));
}

/** Without the places at and below these paths, each a list of steps. */
export function withoutPaths(set: FieldSet, paths: readonly (readonly string[])[]): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [step, child] of set.children) {
    const within = paths.filter(([first]) => first === step).map(([, ...rest]) => rest);
    if (within.some((rest) => rest.length === 0)) continue;
    const kept = within.length === 0 ? child : withoutPaths(child, within);
    if (!isEmptySet(kept)) children.set(step, kept);
  }
  return { ...set, children };
}

/** Is the whole owned as one, whatever is inside? */
export function isAtomic({ type, ownership, items }: Schema): boolean {
  if (type === 'array') return ownership === undefined || ownership.kind === 'atomic' || !items;
  return ownership?.kind === 'atomic';
}

/** Keys of list items that have a default: those whose writers may leave them out. */
const KEY_DEFAULTS: JsonObject = { protocol: 'TCP', name: '' };

/** How a list item is known in its list. */
export function itemStep({ ownership }: Schema, item: Json): string {
  if (ownership?.kind !== 'map') return `v:${JSON.stringify(item)}`;
  const object = isJsonObject(item) ? item : {};
  const keys = ownership.keys
    .toSorted()
    .map((key) => [key, object[key] ?? KEY_DEFAULTS[key] ?? null]);
  return `k:${JSON.stringify(Object.fromEntries(keys))}`;
}

export type Step = {
  readonly step: string;
  readonly value: Json;
  readonly schema: Schema;
  /** A key of the user's choice or a list item: it is a thing of its own, apart from its parts. */
  readonly isThing: boolean;
};

const UNTYPED: Schema = { type: 'any' };

/** The parts of a value that are owned one by one; undefined when it is owned as a whole. */
export function stepsOf(schema: Schema, value: Json): readonly Step[] | undefined {
  if (isAtomic(schema)) return undefined;
  if (isJsonList(value)) {
    const { items } = schema;
    if (!items) return undefined;
    return value.map((item) => ({
      step: itemStep(schema, item),
      value: item,
      schema: items,
      isThing: true,
    }));
  }
  if (!isJsonObject(value)) return undefined;
  return Object.entries(value).flatMap(([name, inner]) => {
    if (inner === undefined) return [];
    const field = schema.fields?.get(name);
    const inside = field ?? schema.values ?? UNTYPED;
    return [{ step: `f:${name}`, value: inner, schema: inside, isThing: !field }];
  });
}

/** All fields that a value has. */
export function fieldsOf(schema: Schema, value: Json): FieldSet {
  const steps = stepsOf(schema, value);
  if (!steps || steps.length === 0) return LEAF;
  const children = new Map<string, FieldSet>();
  for (const { step, value: inner, schema: inside, isThing } of steps) {
    const child = fieldsOf(inside, inner);
    children.set(step, isThing ? { ...child, isMember: true } : child);
  }
  return { isMember: false, children };
}

/** @returns undefined when the value is no FieldsV1 */
export function parseFieldSet(value: Json | undefined): FieldSet | undefined {
  if (!isJsonObject(value)) return undefined;
  const children = new Map<string, FieldSet>();
  for (const [step, inner] of Object.entries(value)) {
    if (step === '.') continue;
    if (!/^[fkvi]:/.test(step)) return undefined;
    const child = parseFieldSet(inner);
    if (!child) return undefined;
    const isLeaf = child.children.size === 0;
    children.set(step, isLeaf ? { ...child, isMember: true } : child);
  }
  return { isMember: Object.hasOwn(value, '.'), children };
}

export function renderFieldSet({ isMember, children }: FieldSet): JsonObject {
  const entries = [...children].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...(isMember && children.size > 0 && { '.': {} }),
    ...Object.fromEntries(entries.map(([step, child]) => [step, renderFieldSet(child)])),
  };
}

/** The members' paths as messages write them: `.spec.ports[port=80,protocol="TCP"].name`. */
export function renderPaths(set: FieldSet, path = ''): readonly string[] {
  const below = [...set.children].flatMap(([step, child]) =>
    renderPaths(child, `${path}${renderStep(step)}`),
  );
  return set.isMember ? [path, ...below] : below;
}

function renderStep(step: string): string {
  const rest = step.slice(2);
  if (step.startsWith('f:')) return `.${rest}`;
  if (step.startsWith('v:')) return `[=${rest}]`;
  if (step.startsWith('i:')) return `[${rest}]`;
  const keys: JsonObject = JSON.parse(rest);
  const pairs = Object.entries(keys).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return `[${pairs.join(',')}]`;
}
