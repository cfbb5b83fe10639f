// What one column of `kubectl get` is, and the small things that many columns need.
import type { Json, JsonObject, KubeObject } from '../object.ts';
import { objectAt, objectsAt, stringAt } from '../object.ts';

export type Column = {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  /** `name` on the column that names the object. */
  readonly format: string;
  readonly description: string;
  /** 0: always shown; 1: with `-o wide` only. */
  readonly priority: number;
  readonly cell: (object: KubeObject, nowMs: number) => Json;
};

type Cell = Column['cell'];

export const NAME: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  priority: 0,
  cell: ({ metadata }) => metadata.name,
};

export function column(name: string, cell: Cell, description = ''): Column {
  return { name, type: 'string', format: '', description, priority: 0, cell };
}

/** A column that is shown with `-o wide` only. */
export function wide(name: string, cell: Cell, description = ''): Column {
  return { ...column(name, cell, description), priority: 1 };
}

export const AGE: Column = column(
  'Age',
  ({ metadata }, nowMs) => renderAge(metadata.creationTimestamp, nowMs),
  'Time since the object was created.',
);

export const CREATED_AT: Column = {
  ...column('Created At', ({ metadata }) => metadata.creationTimestamp ?? null),
  type: 'date',
};

export function renderAge(timestamp: Json | undefined, nowMs: number): string {
  const thenMs = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN;
  return Number.isNaN(thenMs) ? '<unknown>' : renderDuration((nowMs - thenMs) / 1000);
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** As kubectl renders ages: two units while they tell something, then one. */
export function renderDuration(duration: number): string {
  const seconds = Math.max(0, Math.floor(duration));
  if (seconds < 2 * MINUTE) return `${seconds}s`;
  if (seconds < 10 * MINUTE) return twoUnits(seconds, [MINUTE, 'm'], [1, 's']);
  if (seconds < 3 * HOUR) return `${Math.floor(seconds / MINUTE)}m`;
  if (seconds < 8 * HOUR) return twoUnits(seconds, [HOUR, 'h'], [MINUTE, 'm']);
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)}h`;
  if (seconds < 8 * DAY) return twoUnits(seconds, [DAY, 'd'], [HOUR, 'h']);
  if (seconds < 2 * YEAR) return `${Math.floor(seconds / DAY)}d`;
  if (seconds < 8 * YEAR) return twoUnits(seconds, [YEAR, 'y'], [DAY, 'd']);
  return `${Math.floor(seconds / YEAR)}y`;
}

type Unit = readonly [seconds: number, sign: string];

function twoUnits(seconds: number, [large, largeSign]: Unit, [small, smallSign]: Unit): string {
  const first = Math.floor(seconds / large);
  const rest = Math.floor((seconds % large) / small);
  return rest === 0 ? `${first}${largeSign}` : `${first}${largeSign}${rest}${smallSign}`;
}

/** `a=b,c=d`, or `<none>`. */
export function renderLabels(labels: JsonObject): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${text(value)}`);
  return pairs.length === 0 ? '<none>' : pairs.toSorted().join(',');
}

/** A spec's selector object in the notation of the command line. */
export function renderSelector(selector: JsonObject): string {
  const equal = Object.entries(objectAt(selector, 'matchLabels')).map(
    ([key, value]) => `${key}=${text(value)}`,
  );
  const expressions = objectsAt(selector, 'matchExpressions').map((one) => {
    const values = Array.isArray(one['values']) ? one['values'].map(text).join(',') : '';
    const key = stringAt(one, 'key');
    switch (stringAt(one, 'operator')) {
      case 'In':
        return `${key} in (${values})`;
      case 'NotIn':
        return `${key} notin (${values})`;
      case 'Exists':
        return key;
      default:
        return `!${key}`;
    }
  });
  const all = [...equal.toSorted(), ...expressions];
  return all.length === 0 ? '<none>' : all.join(',');
}

/** A scalar as text; nothing for an absent one. */
export function text(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** At most `max` items, and how many more there are. */
export function renderSome(items: readonly string[], max: number): string {
  if (items.length === 0) return '<none>';
  const more = items.length - max;
  return more > 0 ? `${items.slice(0, max).join(',')} + ${more} more...` : items.join(',');
}
