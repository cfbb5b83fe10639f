// The console's table: a real one, with rows that open by click or Enter and headers that sort.
import type { KeyboardEvent, ReactNode } from 'react';

export type Column<Row> = {
  readonly key: string;
  readonly title: string;
  readonly render: (row: Row) => ReactNode;
  /** Absent: the column does not sort. Strings sort as people count: a2 before a10. */
  readonly sortBy?: (row: Row) => string | number;
  readonly isNumeric?: boolean;
  /** Of the row's cell: `hatched` where it is not of now. */
  readonly cellClass?: (row: Row) => string;
};

/** `name` ascending, `-name` descending; empty: as given. */
export type Sort = string;

type Props<Row> = {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  readonly sort?: Sort;
  readonly onSort?: (sort: Sort) => void;
  readonly onOpen?: (row: Row) => void;
  readonly selectedKey?: string;
  readonly rowClass?: (row: Row) => string;
  /** What stands there when there are no rows. */
  readonly empty?: ReactNode;
};

const collator = new Intl.Collator('en', { numeric: true });

export function sorted<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sort: Sort,
): readonly Row[] {
  const sortBy = columns.find(({ key }) => key === sort.replace(/^-/, ''))?.sortBy;
  if (!sortBy) return rows;
  const sign = sort.startsWith('-') ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [left, right] = [sortBy(a), sortBy(b)];
    if (typeof left === 'number' && typeof right === 'number') return sign * (left - right);
    return sign * collator.compare(String(left), String(right));
  });
}

export function Table<Row>(props: Props<Row>): ReactNode {
  const { label, columns, rows, rowKey, sort = '', onSort, onOpen, empty } = props;
  if (rows.length === 0 && empty) return empty;
  return (
    // Where nothing in it takes the focus, it does itself: else no key would scroll it.
    <div className="table-frame" tabIndex={onOpen || onSort ? undefined : 0}>
      <table aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <Header key={column.key} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted(rows, columns, sort).map((row) => {
            const key = rowKey(row);
            const open = onOpen && (() => onOpen(row));
            return (
              <tr
                key={key}
                className={props.rowClass?.(row)}
                aria-selected={props.selectedKey === key || undefined}
                {...(open && opening(open))}
              >
                {columns.map((column) => (
                  <td key={column.key} className={cellClass(column, row)}>
                    {column.render(row)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function cellClass<Row>({ isNumeric, cellClass }: Column<Row>, row: Row): string | undefined {
  const own = cellClass?.(row) ?? '';
  return [isNumeric ? 'number' : '', own].filter(Boolean).join(' ') || undefined;
}

/** A row that opens is one stop for the keyboard. */
function opening(open: () => void): object {
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || event.target !== event.currentTarget) return;
    event.preventDefault();
    open();
  };
  return { tabIndex: 0, onClick: open, onKeyDown, 'data-opens': true };
}

type HeaderProps<Row> = {
  readonly column: Column<Row>;
  readonly sort: Sort;
  readonly onSort: ((sort: Sort) => void) | undefined;
};

function Header<Row>({ column, sort, onSort }: HeaderProps<Row>): ReactNode {
  const { key, title, isNumeric, sortBy } = column;
  const isAscending = sort === key;
  const isDescending = sort === `-${key}`;
  const className = isNumeric ? 'number' : undefined;
  if (!sortBy || !onSort) {
    return (
      <th scope="col" className={className}>
        {title}
      </th>
    );
  }
  const direction = isAscending ? 'ascending' : isDescending ? 'descending' : 'none';
  return (
    <th scope="col" className={className} aria-sort={direction}>
      <button type="button" className="sort" onClick={() => onSort(isAscending ? `-${key}` : key)}>
        {title}
        <span aria-hidden="true">{isAscending ? ' ▲' : isDescending ? ' ▼' : ''}</span>
      </button>
    </th>
  );
}
