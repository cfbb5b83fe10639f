// Who manages which fields: the entries of metadata.managedFields.
import type { JsonObject } from '../object.ts';
import { stringAt } from '../object.ts';
import type { FieldSet } from './field-set.ts';
import {
  EMPTY_SET,
  isEmptySet,
  isSameSet,
  parseFieldSet,
  renderFieldSet,
  union,
} from './field-set.ts';

export type Manager = {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  /** Empty for the main resource. */
  readonly subresource: string;
  readonly time: string;
  readonly fields: FieldSet;
};

/** So many writers by Update are kept apart; older ones become one. */
const UPDATERS_MAX = 10;
const ANCIENT = 'ancient-changes';

/** @returns undefined when an entry cannot be read: then none is believed */
export function parseManagers(entries: readonly JsonObject[] = []): readonly Manager[] | undefined {
  const managers: Manager[] = [];
  for (const entry of entries) {
    const fields = parseFieldSet(entry['fieldsV1']);
    const operation = stringAt(entry, 'operation');
    if (!fields || (operation !== 'Apply' && operation !== 'Update')) return undefined;
    managers.push({
      name: stringAt(entry, 'manager'),
      operation,
      apiVersion: stringAt(entry, 'apiVersion'),
      subresource: stringAt(entry, 'subresource'),
      time: stringAt(entry, 'time'),
      fields,
    });
  }
  return managers;
}

export function renderManagers(managers: readonly Manager[]): readonly JsonObject[] {
  return capped(managers)
    .filter(({ fields }) => !isEmptySet(fields))
    .map(({ name, operation, apiVersion, subresource, time, fields }) => ({
      manager: name,
      operation,
      apiVersion,
      time,
      fieldsType: 'FieldsV1',
      fieldsV1: renderFieldSet(fields),
      ...(subresource !== '' && { subresource }),
    }));
}

function capped(managers: readonly Manager[]): readonly Manager[] {
  const updaters = managers.filter(({ operation }) => operation === 'Update');
  if (updaters.length <= UPDATERS_MAX) return managers;
  const oldestFirst = updaters.toSorted((a, b) => (a.time < b.time ? -1 : 1));
  const old = new Set(oldestFirst.slice(0, updaters.length - UPDATERS_MAX + 1));
  const [first] = old;
  if (!first) return managers;
  const fields = [...old].reduce((sum, one) => union(sum, one.fields), EMPTY_SET);
  return [{ ...first, name: ANCIENT, fields }, ...managers.filter((one) => !old.has(one))];
}

/** Entries of one writer: its Apply and its Update, and each subresource, are kept apart. */
export function isSameManager(
  a: Pick<Manager, 'name' | 'operation' | 'subresource'>,
  b: Pick<Manager, 'name' | 'operation' | 'subresource'>,
): boolean {
  return a.name === b.name && a.operation === b.operation && a.subresource === b.subresource;
}

/** The same owners of the same fields; when they became so does not count. */
export function isSameOwnership(a: readonly Manager[], b: readonly Manager[]): boolean {
  return (
    a.length === b.length &&
    a.every((one) =>
      b.some((other) => isSameManager(one, other) && isSameSet(one.fields, other.fields)),
    )
  );
}
