// A user's own word on the container that injection makes: what it says goes before the template's,
// as a strategic merge patch would have it. Istio merges the whole Pod so; here it is the one
// container that people do write. Pure.
import { objectsAt, type Fields } from '#kube/fields.ts';
import { isRecord } from '#kube/objects.ts';

/** Lists of things that have a key, each merged by it. */
const KEYS: Readonly<Record<string, string>> = {
  env: 'name',
  ports: 'containerPort',
  volumeMounts: 'mountPath',
};
/** Objects that are merged field by field; any other value is replaced. */
const MERGED: ReadonlySet<string> = new Set(['resources', 'securityContext', 'requests', 'limits']);

/** @param autoImage in place of an image, it leaves the template's */
export function mergeContainer(template: Fields, own: Fields, autoImage: string): Fields {
  const { image, ...rest } = own;
  const merged = mergeFields(template, rest);
  return image === autoImage || image === undefined ? merged : { ...merged, image };
}

function mergeFields(template: Fields, own: Fields): Fields {
  const merged: Record<string, unknown> = { ...template };
  for (const [field, value] of Object.entries(own)) {
    const before = template[field];
    const key = KEYS[field];
    if (key !== undefined) merged[field] = mergeList(template, own, { field, key });
    else if (MERGED.has(field) && isRecord(before) && isRecord(value)) {
      merged[field] = mergeFields(before, value);
    } else merged[field] = value;
  }
  return merged;
}

function mergeList(
  template: Fields,
  own: Fields,
  { field, key }: { readonly field: string; readonly key: string },
): readonly Fields[] {
  const items = new Map(objectsAt(template, field).map((item) => [item[key], item]));
  for (const item of objectsAt(own, field)) items.set(item[key], item);
  return [...items.values()];
}
