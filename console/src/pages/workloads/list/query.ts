// What the list's address says: order, filters, density. Unknown parameters are kept by whoever
// writes the address; bad values fall back to what is shown without them.
import { COLUMNS, type ColumnName } from './rows.ts';

export type ListQuery = {
  readonly sort: ColumnName;
  readonly isDescending: boolean;
  /** Empty: every kind. */
  readonly kind: string;
  /** Null: every network; empty: the mesh's own. */
  readonly network: string | null;
  readonly isProblemsOnly: boolean;
  readonly find: string;
  readonly isDense: boolean;
};

const FIND_LENGTH_MAX = 200;
const isColumn = (text: string): text is ColumnName => COLUMNS.some((column) => column === text);

/** The mesh's own network has no name; in an address it needs one. */
const OWN_NETWORK = 'mesh';

export function parseListQuery(params: URLSearchParams): ListQuery {
  const sort = params.get('sort') ?? '';
  const column = sort.replace(/^-/, '');
  const network = params.get('network');
  return {
    sort: isColumn(column) ? column : 'name',
    isDescending: isColumn(column) && sort.startsWith('-'),
    kind: params.get('kind') ?? '',
    network: network === OWN_NETWORK ? '' : network,
    isProblemsOnly: params.get('problems') === '1',
    find: (params.get('q') ?? '').slice(0, FIND_LENGTH_MAX),
    isDense: params.get('rows') === 'dense',
  };
}

/** Of each parameter its text; null: it is left out, for it says what is so without it. */
export function listQueryParams(query: ListQuery): Readonly<Record<string, string | null>> {
  const isDefaultSort = query.sort === 'name' && !query.isDescending;
  return {
    sort: isDefaultSort ? null : `${query.isDescending ? '-' : ''}${query.sort}`,
    kind: query.kind || null,
    network: query.network === '' ? OWN_NETWORK : query.network,
    problems: query.isProblemsOnly ? '1' : null,
    q: query.find || null,
    rows: query.isDense ? 'dense' : null,
  };
}

/** The order after a click on a column's head: it, and then the other way round. */
export function sortedBy(query: ListQuery, column: ColumnName): ListQuery {
  const isSame = query.sort === column;
  return { ...query, sort: column, isDescending: isSame && !query.isDescending };
}
