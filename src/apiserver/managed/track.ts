// Keeping managedFields in step with writes, from an object's creation on. Of one whose owners are
// not known (a client had them forgotten), all fields belong to `before-first-apply` once it is
// applied, as in Kubernetes.
import type { KubeObject } from '../object.ts';
import type { Schema } from '../schema/schema.ts';
import { compareFields } from './compare.ts';
import type { Comparison } from './compare.ts';
import {
  difference,
  EMPTY_SET,
  fieldsOf,
  intersection,
  isEmptySet,
  union,
  withoutPaths,
} from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { isSameManager } from './managers.ts';
import type { Manager } from './managers.ts';

export type Writer = Omit<Manager, 'fields'>;

export const BEFORE_FIRST_APPLY = 'before-first-apply';

/** What nobody manages: names, and what the server itself keeps. */
const UNMANAGED: readonly (readonly string[])[] = [
  ['f:apiVersion'],
  ['f:kind'],
  ...[
    'name',
    'namespace',
    'uid',
    'resourceVersion',
    'generation',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generateName',
    'selfLink',
    'managedFields',
  ].map((field) => ['f:metadata', `f:${field}`]),
];

/** The fields of a state that can be managed through this subresource. */
export function managedFieldsOf(schema: Schema, object: KubeObject, subresource: string): FieldSet {
  return manageable(fieldsOf(schema, object), subresource);
}

function manageable(set: FieldSet, subresource: string): FieldSet {
  const whole = withoutPaths({ ...set, isMember: false }, UNMANAGED);
  if (subresource !== 'status') return withoutPaths(whole, [['f:status']]);
  const status = whole.children.get('f:status');
  return { isMember: false, children: new Map(status ? [['f:status', status]] : []) };
}

/** The owners after an Update: the writer gets what it changed, and the others lose it. */
export function trackUpdate(
  managers: readonly Manager[],
  states: { readonly schema: Schema; readonly before: KubeObject; readonly after: KubeObject },
  writer: Writer,
): readonly Manager[] {
  const { schema, before, after } = states;
  const all = compareFields(schema, before, after);
  const changed = manageable(union(all.added, all.modified), writer.subresource);
  const removed = manageable(all.removed, writer.subresource);
  const own = managers.find((one) => isSameManager(one, writer));
  if (isEmptySet(changed) && isEmptySet(removed)) return managers;
  const others = managers
    .filter((one) => one !== own)
    .map((one) => ({ ...one, fields: difference(difference(one.fields, changed), removed) }));
  const fields = difference(union(own?.fields ?? EMPTY_SET, changed), removed);
  const time = isEmptySet(changed) && own ? own.time : writer.time;
  return [...others, { ...writer, time, fields }].filter((one) => !isEmptySet(one.fields));
}

/** The first to be tracked: whatever is there was there before. */
export function beforeFirstApply(
  schema: Schema,
  object: KubeObject,
  writer: Writer,
): readonly Manager[] {
  const fields = managedFieldsOf(schema, object, '');
  if (isEmptySet(fields)) return [];
  return [{ ...writer, name: BEFORE_FIRST_APPLY, operation: 'Update', subresource: '', fields }];
}

export type Conflict = { readonly manager: Manager; readonly fields: FieldSet };

/** Whose fields an Apply would change. Fields that get the value they have are shared instead. */
export function findConflicts(
  managers: readonly Manager[],
  { added, modified }: Comparison,
  writer: Writer,
): readonly Conflict[] {
  const changed = union(added, modified);
  return managers
    .filter((one) => !isSameManager(one, writer))
    .map((manager) => ({ manager, fields: intersection(manager.fields, changed) }))
    .filter(({ fields }) => !isEmptySet(fields));
}

/** The owners after an Apply that changed this. */
export function trackApply(
  managers: readonly Manager[],
  { added, modified, removed }: Comparison,
  { writer, fields }: { readonly writer: Writer; readonly fields: FieldSet },
): readonly Manager[] {
  const lost = union(union(added, modified), removed);
  const own = managers.find((one) => isSameManager(one, writer));
  const others = managers
    .filter((one) => one !== own)
    .map((one) => ({ ...one, fields: difference(one.fields, lost) }))
    .filter((one) => !isEmptySet(one.fields));
  const isUnchanged = own !== undefined && isEmptySet(lost);
  return [...others, { ...writer, time: isUnchanged ? own.time : writer.time, fields }];
}
