// Strategic merge patch: like a merge patch, but lists whose items have a key are joined by it, as
// the kind's schema says. Directives: `$patch: delete|replace|merge`, `$retainKeys`,
// `$deleteFromPrimitiveList/…` and `$setElementOrder/…`.
import type { Json, JsonObject } from '../object.ts';
import { isJsonList, isJsonObject, isSameJson, listAt, without } from '../object.ts';
import type { Schema } from '../schema/schema.ts';

const PATCH = '$patch';
const RETAIN_KEYS = '$retainKeys';
const DELETE_PREFIX = '$deleteFromPrimitiveList/';
const ORDER_PREFIX = '$setElementOrder/';

/** A patch that makes no sense for the kind: 400 for the client. */
export class StrategicPatchError extends Error {}

/** @throws StrategicPatchError */
export function applyStrategicMerge(
  target: JsonObject,
  patch: JsonObject,
  schema: Schema | undefined,
): JsonObject {
  const directive = patch[PATCH];
  if (directive === 'replace') return withoutDirectives(patch);
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') {
    throw new StrategicPatchError(`unknown $patch directive ${JSON.stringify(directive)}`);
  }
  let result = retainKeys(target, patch);
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined || name.startsWith('$')) continue;
    result = mergeField(result, { name, value }, { patch, schema });
  }
  return applyListDirectives(result, patch, schema);
}

function mergeField(
  target: JsonObject,
  { name, value }: { readonly name: string; readonly value: Json },
  { patch, schema }: { readonly patch: JsonObject; readonly schema: Schema | undefined },
): JsonObject {
  if (value === null) return without(target, name);
  const known = schema?.fields?.get(name) ?? schema?.values;
  const present = Object.hasOwn(target, name) ? target[name] : undefined;
  if (isJsonObject(value)) {
    const before = isJsonObject(present) ? present : {};
    const merged = applyStrategicMerge(before, value, known);
    const isDeleted = value[PATCH] === 'delete';
    return isDeleted ? without(target, name) : { ...target, [name]: merged };
  }
  if (isJsonList(value) && known?.mergeKey !== undefined) {
    const before = isJsonList(present) ? present : [];
    const merged = mergeList(before, value, known);
    const order = listAt(patch, `${ORDER_PREFIX}${name}`);
    return { ...target, [name]: ordered(merged, order, known.mergeKey) };
  }
  return { ...target, [name]: value };
}

/** Directives for lists that the patch does not mention otherwise. */
function applyListDirectives(
  target: JsonObject,
  patch: JsonObject,
  schema: Schema | undefined,
): JsonObject {
  let result = target;
  for (const [directive, value] of Object.entries(patch)) {
    if (directive.startsWith(DELETE_PREFIX)) {
      const name = directive.slice(DELETE_PREFIX.length);
      const gone = isJsonList(value) ? value : [];
      const kept = listAt(result, name).filter(
        (item) => !gone.some((one) => isSameJson(one, item)),
      );
      result = { ...result, [name]: kept };
    }
    if (directive.startsWith(ORDER_PREFIX)) {
      const name = directive.slice(ORDER_PREFIX.length);
      const key = schema?.fields?.get(name)?.mergeKey;
      if (key === undefined || !isJsonList(value) || !isJsonList(result[name])) continue;
      result = { ...result, [name]: ordered(listAt(result, name), value, key) };
    }
  }
  return result;
}

function mergeList(
  target: readonly Json[],
  patch: readonly Json[],
  schema: Schema,
): readonly Json[] {
  const key = schema.mergeKey ?? '';
  if (key === '') {
    const added = patch.filter((item) => !target.some((present) => isSameJson(present, item)));
    return [...target, ...added];
  }
  const replaces = patch.some((item) => isJsonObject(item) && item[PATCH] === 'replace');
  let result: readonly Json[] = replaces ? [] : target;
  for (const item of patch) {
    if (!isJsonObject(item)) {
      throw new StrategicPatchError('a list that is merged by a key must hold objects only');
    }
    if (isOnlyReplace(item)) continue;
    result = mergeItem(result, item, { key, schema: schema.items });
  }
  return result;
}

function isOnlyReplace(item: JsonObject): boolean {
  return item[PATCH] === 'replace' && Object.keys(item).length === 1;
}

function mergeItem(
  list: readonly Json[],
  item: JsonObject,
  { key, schema }: { readonly key: string; readonly schema: Schema | undefined },
): readonly Json[] {
  const identity = item[key];
  if (identity === undefined) {
    throw new StrategicPatchError(
      `map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`,
    );
  }
  const isSame = (present: Json) => isJsonObject(present) && isSameJson(present[key], identity);
  if (item[PATCH] === 'delete') return list.filter((present) => !isSame(present));
  const index = list.findIndex(isSame);
  const present = list[index];
  if (!isJsonObject(present)) return [...list, applyStrategicMerge({}, item, schema)];
  return list.with(index, applyStrategicMerge(present, item, schema));
}

/** Items named by `order` come in that order; the others keep their places around them. */
function ordered(list: readonly Json[], order: readonly Json[], key: string): readonly Json[] {
  if (order.length === 0) return list;
  const rankOf = (item: Json) =>
    order.findIndex((one) =>
      key === ''
        ? isSameJson(one, item)
        : isJsonObject(one) && isJsonObject(item) && isSameJson(one[key], item[key]),
    );
  const ranked = list.filter((item) => rankOf(item) >= 0).toSorted((a, b) => rankOf(a) - rankOf(b));
  const queue = ranked[Symbol.iterator]();
  return list.map((item) => (rankOf(item) >= 0 ? (queue.next().value ?? item) : item));
}

function retainKeys(target: JsonObject, patch: JsonObject): JsonObject {
  const kept = patch[RETAIN_KEYS];
  if (!isJsonList(kept)) return target;
  return Object.fromEntries(Object.entries(target).filter(([name]) => kept.includes(name)));
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(patch).filter(([name]) => !name.startsWith('$')));
}
