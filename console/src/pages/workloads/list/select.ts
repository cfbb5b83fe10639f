// Which rows are shown, and in which order.
import type { ListQuery } from './query.ts';
import type { Cell, LiveColumn, WorkloadRow } from './rows.ts';

/** Cells of what changes each second, for sorting by them. */
export type LiveCells = (row: WorkloadRow, column: LiveColumn) => Cell['order'];

export function selectRows(
  rows: readonly WorkloadRow[],
  query: ListQuery,
  live: LiveCells,
): WorkloadRow[] {
  const words = query.find
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return rows
    .filter(
      (row) =>
        (query.kind === '' || row.kind === query.kind) &&
        (query.network === null || row.node.network === query.network) &&
        (!query.isProblemsOnly || row.isProblem) &&
        words.every((word) => textOf(row).includes(word)),
    )
    .toSorted((a, b) => compareRows(a, b, query, live));
}

function textOf({ node, cells }: WorkloadRow): string {
  const parts = [node.name, node.namespace, node.network, node.identity, node.version];
  const lists = [...node.addresses, ...node.services, cells.kind.text, cells.status.text];
  return [...parts, ...lists].join(' ').toLowerCase();
}

/** What is not known comes last in both directions; what is equal keeps the order of names. */
function compareRows(a: WorkloadRow, b: WorkloadRow, query: ListQuery, live: LiveCells): number {
  const left = orderOf(a, query, live);
  const right = orderOf(b, query, live);
  if ((left === null) !== (right === null)) return left === null ? 1 : -1;
  const order = left === null || right === null ? 0 : compareValues(left, right);
  if (order !== 0) return query.isDescending ? -order : order;
  return compareValues(a.node.name, b.node.name) || compareValues(a.id, b.id);
}

function orderOf(row: WorkloadRow, { sort }: ListQuery, live: LiveCells): Cell['order'] {
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
