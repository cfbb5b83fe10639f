// What is different between two values of JSON: fields, and fields of fields, for values that have
// the same ones. Most changes of an edge are two times in a hundred fields. Pure.

/** New values by field, or by `field.inner`. */
export type Patch = Readonly<Record<string, unknown>>;

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Are these two objects with the same fields, so that what differs can be named? */
function isAlike(before: unknown, after: unknown): boolean {
  if (!isFields(before) || !isFields(after)) return false;
  const names = Object.keys(after);
  return (
    names.length === Object.keys(before).length &&
    names.every((name) => !name.includes('.') && Object.hasOwn(before, name))
  );
}

/** Of what JSON keeps: to be undefined is to be absent. */
const isSame = (a: unknown, b: unknown): boolean => a === b || textOf(a) === textOf(b);
const textOf = (value: unknown): string | undefined => JSON.stringify(value);

/** @returns undefined: they are too different, and the second is to be told as a whole */
export function patchOf(before: unknown, after: unknown): Patch | undefined {
  if (!isAlike(before, after) || !isFields(before) || !isFields(after)) return undefined;
  const patch: [path: string, value: unknown][] = [];
  for (const [name, value] of Object.entries(after)) {
    const old = before[name];
    if (isSame(old, value)) continue;
    // What has become undefined would be lost on the way.
    if (value === undefined) return undefined;
    if (!isAlike(old, value) || !isFields(old) || !isFields(value)) {
      patch.push([name, value]);
      continue;
    }
    for (const [inner, innerValue] of Object.entries(value)) {
      if (isSame(old[inner], innerValue)) continue;
      if (innerValue === undefined) return undefined;
      patch.push([`${name}.${inner}`, innerValue]);
    }
  }
  return Object.fromEntries(patch);
}

/** The second value, from the first and what is different. */
export function patched(before: unknown, patch: Patch): unknown {
  if (!isFields(before)) throw new Error('a patch is for an object');
  const after = new Map(Object.entries(before));
  for (const [path, value] of Object.entries(patch)) {
    const dot = path.indexOf('.');
    if (dot < 0) {
      after.set(path, value);
      continue;
    }
    const name = path.slice(0, dot);
    const old = after.get(name);
    if (!isFields(old)) throw new Error(`a patch of ${path} is for an object`);
    const fields = Object.entries(old).map(([inner, each]) =>
      inner === path.slice(dot + 1) ? [inner, value] : [inner, each],
    );
    after.set(name, Object.fromEntries(fields));
  }
  return Object.fromEntries(after);
}
