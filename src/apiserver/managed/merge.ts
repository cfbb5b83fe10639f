// Joining an applied configuration with the present object, and taking fields out of an object.
import type { Json, JsonObject } from '../object.ts';
import { isJsonList, isJsonObject } from '../object.ts';
import type { Schema } from '../schema/schema.ts';
import { EMPTY_SET, isEmptySet, itemStep, stepsOf } from './field-set.ts';
import type { FieldSet } from './field-set.ts';

/** The configuration's fields win; what it does not mention stays. */
export function mergeConfiguration(schema: Schema, live: Json | undefined, wanted: Json): Json {
  const steps = live === undefined ? undefined : stepsOf(schema, wanted);
  if (!steps || live === undefined) return wanted;
  if (isJsonObject(wanted) && isJsonObject(live)) {
    const fields = steps.map(({ step, value, schema: inside }) => {
      const name = step.slice(2);
      const present = Object.hasOwn(live, name) ? live[name] : undefined;
      return [name, mergeConfiguration(inside, present, value)] as const;
    });
    return { ...live, ...Object.fromEntries(fields) };
  }
  if (isJsonList(wanted) && isJsonList(live)) return mergeLists(schema, live, wanted);
  return wanted;
}

/** Items that both have come in the configuration's order, at the places where they were. */
function mergeLists(schema: Schema, live: readonly Json[], wanted: readonly Json[]): Json {
  const present = new Map(live.map((item) => [itemStep(schema, item), item]));
  const merged = wanted.map((item) => {
    const step = itemStep(schema, item);
    const inside = schema.items ?? { type: 'any' };
    return { step, item: mergeConfiguration(inside, present.get(step), item) };
  });
  const isWanted = new Set(merged.map(({ step }) => step));
  const queue = merged.filter(({ step }) => present.has(step));
  const kept = live.map((item) => {
    if (!isWanted.has(itemStep(schema, item))) return item;
    return queue.shift()?.item ?? item;
  });
  return [...kept, ...merged.filter(({ step }) => !present.has(step)).map(({ item }) => item)];
}

/**
 * Takes the members of `gone` out of the value. What is `owned` at or below a place keeps it.
 *
 * @returns undefined when nothing of the value is left
 */
export function removeFields(
  schema: Schema,
  value: Json,
  { gone, owned }: { readonly gone: FieldSet; readonly owned: FieldSet },
): Json | undefined {
  if (gone.isMember && isEmptySet(owned)) return undefined;
  const steps = stepsOf(schema, value);
  if (!steps || gone.children.size === 0) return value;
  const kept = steps.flatMap(({ step, value: inner, schema: inside }) => {
    const child = gone.children.get(step);
    if (!child) return [[step, inner] as const];
    const left = removeFields(inside, inner, {
      gone: child,
      owned: owned.children.get(step) ?? EMPTY_SET,
    });
    return left === undefined ? [] : [[step, left] as const];
  });
  // A part that lost all that was in it goes as well, unless somebody wants it empty.
  if (kept.length === 0 && steps.length > 0 && !owned.isMember) return undefined;
  if (isJsonList(value)) return kept.map(([, item]) => item);
  const fields: JsonObject = Object.fromEntries(kept.map(([step, item]) => [step.slice(2), item]));
  return fields;
}
