// What differs between two states of an object, field by field as they are owned.
import type { Json } from '../object.ts';
import { isSameJson } from '../object.ts';
import type { Schema } from '../schema/schema.ts';
import { EMPTY_SET, fieldsOf, isEmptySet, LEAF, stepsOf } from './field-set.ts';
import type { FieldSet } from './field-set.ts';

export type Comparison = {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
};

const SAME: Comparison = { added: EMPTY_SET, modified: EMPTY_SET, removed: EMPTY_SET };

export function compareFields(schema: Schema, before: Json, after: Json): Comparison {
  if (isSameJson(before, after)) return SAME;
  const [left, right] = [stepsOf(schema, before), stepsOf(schema, after)];
  if (!left || !right) return { ...SAME, modified: LEAF };
  const present = new Map(left.map((step) => [step.step, step]));
  const parts: [string, Comparison][] = [];
  for (const { step, value, schema: inside, isThing } of right) {
    const old = present.get(step);
    present.delete(step);
    if (old) {
      parts.push([step, compareFields(inside, old.value, value)]);
    } else {
      const fields = fieldsOf(inside, value);
      parts.push([step, { ...SAME, added: isThing ? { ...fields, isMember: true } : fields }]);
    }
  }
  for (const { step, value, schema: inside, isThing } of present.values()) {
    const fields = fieldsOf(inside, value);
    parts.push([step, { ...SAME, removed: isThing ? { ...fields, isMember: true } : fields }]);
  }
  return {
    added: collect(parts, 'added'),
    modified: collect(parts, 'modified'),
    removed: collect(parts, 'removed'),
  };
}

function collect(
  parts: readonly (readonly [string, Comparison])[],
  which: keyof Comparison,
): FieldSet {
  const children = parts
    .map(([step, comparison]) => [step, comparison[which]] as const)
    .filter(([, set]) => !isEmptySet(set));
  return { isMember: false, children: new Map(children) };
}
