// Values as YAML and JSON both have them, and changes of one of their parts.

export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json };

/** From the root to a part: keys of maps, indexes of lists. */
export type Path = readonly (string | number)[];

export const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

export const isMap = (value: Json | undefined): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function at(value: Json | undefined, path: Path): Json | undefined {
  let found = value;
  for (const step of path) {
    if (typeof step === 'number' && isList(found)) found = found[step];
    else if (typeof step === 'string' && isMap(found) && Object.hasOwn(found, step)) {
      found = found[step];
    } else return undefined;
  }
  return found;
}

/**
 * The value with one part replaced, parents made where they are missing; undefined takes the part
 * away. An index beyond a list's end appends.
 */
export function withPart(value: Json | undefined, path: Path, part: Json | undefined): Json {
  const [step, ...rest] = path;
  if (step === undefined) return part ?? null;
  const inner = (old: Json | undefined): Json | undefined =>
    rest.length === 0 ? part : withPart(old, rest, part);
  if (typeof step === 'number') {
    const list = isList(value) ? [...value] : [];
    const next = inner(list[step]);
    if (next === undefined) list.splice(step, 1);
    else list[Math.min(step, list.length)] = next;
    return list;
  }
  const map: Record<string, Json> = isMap(value) ? { ...value } : {};
  const next = inner(Object.hasOwn(map, step) ? map[step] : undefined);
  if (next === undefined) delete map[step];
  else map[step] = next;
  return map;
}

/** Equal, whatever the order of keys. */
export function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (isList(a) && isList(b)) {
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  }
  if (isMap(a) && isMap(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length &&
      keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key]))
    );
  }
  return a === b;
}
