// Which rows are shown, and in which order.
import type { ListQuery } from './query.ts';
import type { Cell, LiveColumn, WorkloadRow } from './rows.ts';

/** Cells of what changes each second, for sorting by them. */
export type LiveCells<Row extends WorkloadRow> = (row: Row, column: LiveColumn) => Cell['order'];

export type Selection<Row extends WorkloadRow> = {
  readonly live: LiveCells<Row>;
  /** Does it match what is looked for? Only asked where something is. */
  readonly isFound: (row: Row) => boolean;
};

export function selectRows<Row extends WorkloadRow>(
  rows: readonly Row[],
  query: ListQuery,
  { live, isFound }: Selection<Row>,
): Row[] {
  return rows
    .filter(
      (row) =>
        (query.kind === '' || row.kind === query.kind) &&
        (query.network === null || row.node.network === query.network) &&
        (!query.isProblemsOnly || row.isProblem) &&
        (query.find === '' || isFound(row)),
    )
    .toSorted((a, b) => compareRows(a, b, query, live));
}

/** Every word is somewhere in the row. */
export function hasWords(row: WorkloadRow, find: string): boolean {
  const text = textOf(row);
  return find
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function textOf({ node, cells }: WorkloadRow): string {
  const parts = [node.name, node.namespace, node.network, node.identity, node.version];
  const lists = [...node.addresses, ...node.services, cells.kind.text, cells.status.text];
  return [...parts, ...lists].join(' ').toLowerCase();
}

/** What is not known comes last in both directions; what is equal keeps the order of names. */
function compareRows<Row extends WorkloadRow>(
  a: Row,
  b: Row,
  query: ListQuery,
  live: LiveCells<Row>,
): number {
  const left = orderOf(a, query, live);
  const right = orderOf(b, query, live);
  if ((left === null) !== (right === null)) return left === null ? 1 : -1;
  const order = left === null || right === null ? 0 : compareValues(left, right);
  if (order !== 0) return query.isDescending ? -order : order;
  return compareValues(a.node.name, b.node.name) || compareValues(a.id, b.id);
}

function orderOf<Row extends WorkloadRow>(
  row: Row,
  { sort }: ListQuery,
  live: LiveCells<Row>,
): Cell['order'] {
  switch (sort) {
    case 'rate':
    case 'connections':
    case 'certificate':
    case 'changed':
      return live(row, sort);
    default:
      return row.cells[sort].order;
  }
}

function compareValues(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), 'en', { numeric: true });
}
