// The list's columns, and the cells that live.
import { memo, useCallback, type ReactNode } from 'react';
import { certificateState, countdownText, toneOf } from '../../identity/countdown.ts';
import { formatAgo, formatCount, formatRate } from '../../../components/format.ts';
import { Table, type Column } from '../../../components/table.tsx';
import { LiveText } from '../../../components/text.tsx';
import { Link } from '../../../router/link.tsx';
import { navigate } from '../../../router/location.ts';
import { useNowMs } from '../../../store/hooks.ts';
import { isWhole, type Silence } from '../../../store/silence.ts';
import { linkTo } from '../../../url/use-view.ts';
import { sortedBy, type ListQuery } from './query.ts';
import type { Cell, ColumnName, LiveColumn } from './rows.ts';
import { trafficNow, type ListedRow } from './use-rows.ts';

type Props = {
  readonly rows: readonly ListedRow[];
  readonly query: ListQuery;
  readonly onQuery: (query: ListQuery) => void;
  readonly empty: ReactNode;
};

export function WorkloadTable({ rows, query, onQuery, empty }: Props): ReactNode {
  const { sort, isDescending } = query;
  return (
    <Table
      label="Workloads"
      columns={TABLE_COLUMNS}
      rows={rows}
      rowKey={({ id }) => id}
      sort={`${isDescending ? '-' : ''}${sort}`}
      onSort={(next) => onQuery(sortedBy(query, next.replace(/^-/, '') as ColumnName))}
      onOpen={({ path }) => {
        if (path !== '') navigate(linkTo(path));
      }}
      empty={empty}
    />
  );
}

const TITLES: Readonly<Record<ColumnName, string>> = {
  status: 'Status',
  name: 'Name',
  kind: 'Kind',
  namespace: 'Namespace',
  network: 'Network',
  address: 'Address',
  version: 'Version',
  identity: 'Identity',
  encrypted: 'Encrypted in',
  rate: 'Rate → / ←',
  connections: 'Conn',
  certificate: 'Cert',
  sync: 'Sync',
  changed: 'Changed',
};

/** Rows come in their order: every column sorts as it is, and is told apart by its key. */
const asItIs = (): number => 0;

type IsOld = (row: ListedRow) => boolean;

const column = (
  key: ColumnName,
  render: (row: ListedRow) => ReactNode,
  isOld: IsOld = () => false,
): Column<ListedRow> => ({
  key,
  title: TITLES[key],
  render,
  sortBy: asItIs,
  isNumeric: key === 'rate' || key === 'connections',
  cellClass: (row) => (isOld(row) ? 'hatched' : ''),
});

const plain = (key: Exclude<ColumnName, LiveColumn>, isOld?: IsOld): Column<ListedRow> =>
  column(key, (row) => <Aged row={row} cell={row.cells[key]} isOld={isOld?.(row)} />, isOld);

/** What its own agent would have to tell. */
const isSilent: IsOld = ({ silence }) => silence !== undefined;
/** What either end of its edges would have to tell. */
const isUnheard: IsOld = ({ isUnheard: isSo }) => isSo;

const TABLE_COLUMNS: readonly Column<ListedRow>[] = [
  column('status', (row) => <Status row={row} />, isSilent),
  column('name', ({ path, node }) =>
    path === '' ? node.name : <Link to={path}>{node.name}</Link>,
  ),
  column('kind', ({ cells, kind }) => <span className={`kind ${kind}`}>{cells.kind.text}</span>),
  plain('namespace'),
  plain('network'),
  plain('address'),
  plain('version'),
  plain('identity'),
  plain('encrypted', isUnheard),
  column('rate', (row) => <Rates row={row} />, isUnheard),
  column('connections', (row) => <Connections row={row} />, isUnheard),
  column('certificate', (row) => <Certificate row={row} />),
  plain('sync', isSilent),
  column('changed', (row) => <Changed row={row} />),
];

function CellText({ cell: { text, tone, title } }: { readonly cell: Cell }): ReactNode {
  return (
    <span className={tone === 'neutral' ? undefined : tone} title={title || undefined}>
      {text}
      {text === '–' && title !== '' && <span className="hidden"> {title}</span>}
    </span>
  );
}

const GLYPHS: Readonly<Record<Cell['tone'], string>> = {
  good: '✓',
  bad: '✗',
  warn: '!',
  neutral: '◌',
  unknown: '?',
};

type AgedProps = {
  readonly row: ListedRow;
  readonly cell: Cell;
  readonly isOld: boolean | undefined;
};

/** What is not of now says how old it is. */
function Aged({ row: { silence }, cell, isOld = false }: AgedProps): ReactNode {
  if (!isOld) return <CellText cell={cell} />;
  return (
    <>
      <CellText cell={cell} /> <span className="quiet">as of {<Age silence={silence} />}</span>
    </>
  );
}

function Age({ silence }: { readonly silence: Silence | undefined }): ReactNode {
  const nowMs = useNowMs();
  return silence?.sinceMs ? formatAgo(silence.sinceMs, nowMs) : 'a while ago';
}

function Status({ row: { cells, silence } }: RowProps): ReactNode {
  const { text, tone, title } = cells.status;
  if (silence) return <Silent silence={silence} />;
  return (
    <span className={`status ${tone}`} title={title || undefined}>
      <span aria-hidden="true">{GLYPHS[tone]}</span> {text}
    </span>
  );
}

function Silent({ silence }: { readonly silence: Silence }): ReactNode {
  const { names, proxies } = silence;
  return (
    <span className="status unknown" title={`not reporting: ${names.join(', ')}`}>
      <span aria-hidden="true">?</span>{' '}
      {isWhole(silence) ? 'no report since' : `${names.length} of ${proxies} silent since`}{' '}
      <Age silence={silence} />
    </span>
  );
}

type RowProps = { readonly row: ListedRow };

const Rates = memo(({ row: { edges } }: RowProps): ReactNode => {
  const text = useCallback(() => {
    const { toServer, toClient } = trafficNow(edges);
    if (toServer === null) return '–';
    return `→ ${formatRate(toServer)}  ← ${formatRate(toClient)}`;
  }, [edges]);
  return <LiveText className="rates" text={text} />;
});

const Connections = memo(({ row: { edges } }: RowProps): ReactNode => {
  const text = useCallback(() => formatCount(trafficNow(edges).open), [edges]);
  return <LiveText text={text} />;
});

const Certificate = memo(({ row: { node, cells, path } }: RowProps): ReactNode => {
  const nowMs = useNowMs();
  const state = certificateState(node.certificate, nowMs);
  if (path === '') return <span className="unknown">–</span>;
  const tone = toneOf(state);
  const title = node.certificate
    ? `ends ${new Date(node.certificate.notAfterMs).toISOString()}`
    : cells.identity.title;
  return (
    <span className={tone === 'neutral' ? 'countdown' : `countdown ${tone}`} title={title}>
      {state.kind === 'expired' ? 'expired' : countdownText(state)}
    </span>
  );
});

const Changed = memo(({ row: { node } }: RowProps): ReactNode => {
  const nowMs = useNowMs();
  return (
    <time
      dateTime={new Date(node.changedAtMs).toISOString()}
      title={new Date(node.changedAtMs).toISOString()}
    >
      {formatAgo(node.changedAtMs, nowMs)}
    </time>
  );
});
