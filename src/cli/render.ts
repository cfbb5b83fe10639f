// Results as text: a table for people, JSON and YAML for programs. Pure.
import { stringify } from 'yaml';
import { assertNever } from '#base/assert-never.ts';
import type { OutputFormat } from './common-flags.ts';

/** As kubectl does: three spaces between columns. */
const GAP = 3;

/** Columns as wide as their widest cell; an empty cell is shown as `-`. */
export function renderTable(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const lines = [headers, ...rows.map((row) => row.map((cell) => (cell === '' ? '-' : cell)))];
  const widths = headers.map((_, column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  const render = (cells: readonly string[]): string =>
    cells.map((cell, column) => cell.padEnd((widths[column] ?? 0) + GAP)).join('');
  return lines.map((cells) => render(cells).trimEnd()).join('\n');
}

/** The table is made only when it is asked for. */
export function renderOutput(format: OutputFormat, value: unknown, table: () => string): string {
  switch (format) {
    case 'json':
      return JSON.stringify(value, undefined, 2);
    case 'yaml':
      return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
    case 'table':
      return table();
    default:
      return assertNever(format);
  }
}
