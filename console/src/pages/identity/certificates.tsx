// One row for each workload: as whom, until when, renewed when, and who says so.
import { useMemo, useSyncExternalStore, type ReactNode } from 'react';
import type { IdentityRow } from '../../api/types.ts';
import { onSecond } from '../../base/clock.ts';
import { Empty } from '../../components/states.tsx';
import { Table, type Column } from '../../components/table.tsx';
import { IdentityText } from '../../components/text.tsx';
import { Link } from '../../router/link.tsx';
import { formatDuration } from '../../components/format.ts';
import { shownNowMs, store, useEdges, useNowMs } from '../../store/hooks.ts';
import { useSilence, useSilences } from '../../store/hooks.ts';
import { isWhole } from '../../store/silence.ts';
import {
  certificateState,
  consequenceOf,
  countdownText,
  rotationOf,
  sourceText,
  toneOf,
} from './countdown.ts';
import { orderCertificates } from './rows.ts';

/** Rows change their order when one becomes urgent; that need not be seen to the second. */
const ORDER_STEP_MS = 10_000;

export function Certificates({ rows }: { readonly rows: readonly IdentityRow[] }): ReactNode {
  const orderedAtMs = useSyncExternalStore(
    onSecond,
    () => Math.floor(shownNowMs() / ORDER_STEP_MS) * ORDER_STEP_MS,
  );
  const ordered = useMemo(() => orderCertificates(rows, orderedAtMs), [rows, orderedAtMs]);
  const { byNode } = useSilences();
  const columns = useMemo(() => columnsFor((row) => byNode.has(row.node)), [byNode]);
  return (
    <Table
      label="Certificates"
      columns={columns}
      rows={ordered}
      rowKey={({ node }) => node}
      empty={
        <Empty title="No workload has a certificate yet">
          <p>The first one appears when an agent has called in.</p>
          <Link to="/join">Add a VM</Link>
        </Empty>
      }
    />
  );
}

/** Until when and renewed when is what was issued: whether the proxy has it nobody tells now. */
const columnsFor = (isSilent: (row: IdentityRow) => boolean): readonly Column<IdentityRow>[] =>
  COLUMNS.map((column) =>
    OF_THE_PROXY.has(column.key)
      ? { ...column, cellClass: (row) => (isSilent(row) ? 'hatched' : '') }
      : column,
  );

const OF_THE_PROXY = new Set(['identity', 'expires', 'rotates']);

const COLUMNS: readonly Column<IdentityRow>[] = [
  { key: 'workload', title: 'Workload', render: (row) => <Workload row={row} /> },
  { key: 'identity', title: 'Identity', render: (row) => <Identity row={row} /> },
  { key: 'expires', title: 'Expires in', render: (row) => <Expiry row={row} /> },
  { key: 'rotates', title: 'Rotates', render: (row) => <Rotates row={row} /> },
  {
    key: 'serial',
    title: 'Serial',
    render: ({ certificate }) => <Short text={certificate?.serial ?? ''} />,
  },
  {
    key: 'issuer',
    title: 'Issuer',
    render: ({ certificate }) => <Short text={certificate?.issuer ?? ''} />,
  },
  {
    key: 'source',
    title: 'Source',
    render: ({ certificate }) => <span className="quiet">{sourceText(certificate)}</span>,
  },
];

function Workload({ row }: { readonly row: IdentityRow }): ReactNode {
  const [, namespace = '', name = ''] = /^wl:([^/]+)\/(.+)$/.exec(row.node) ?? [];
  const path = `/workloads/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  return (
    <>
      {name === '' ? row.workload : <Link to={path}>{row.workload}</Link>}
      {row.isVm && <span className="vm-badge">VM</span>}
    </>
  );
}

function Identity({ row }: { readonly row: IdentityRow }): ReactNode {
  const { certificate, remark } = row;
  return (
    <div className="identity-cell">
      <IdentityText id={certificate?.identity ?? ''} />
      {remark !== '' && <span className="remark">{remark}</span>}
      <NoReport node={row.node} />
    </div>
  );
}

function NoReport({ node }: { readonly node: string }): ReactNode {
  const silence = useSilence(node);
  const nowMs = useNowMs();
  if (!silence) return null;
  const since = silence.sinceMs > 0 ? ` for ${formatDuration(nowMs - silence.sinceMs)}` : '';
  const who = isWhole(silence) ? '' : `${silence.names.length} of ${silence.proxies} proxies: `;
  return (
    <span className="remark">
      {who}no report{since}; this is what was known then
    </span>
  );
}

/** A clock that ticks, and a ring for who looks from afar. */
function Expiry({ row: { node, certificate } }: { readonly row: IdentityRow }): ReactNode {
  const nowMs = useNowMs();
  const open = useOpenConnections(node);
  const state = certificateState(certificate, nowMs);
  const tone = toneOf(state);
  const consequence = consequenceOf(certificate, state, open);
  const share = state.kind === 'fresh' || state.kind === 'overdue' ? state.share : 0;
  return (
    <div className={`expiry ${tone}`}>
      <Ring share={share} isKnown={state.kind !== 'unknown'} />
      <span
        className={tone === 'unknown' ? 'unknown' : 'countdown'}
        title={certificate ? new Date(certificate.notAfterMs).toISOString() : 'no report'}
      >
        {countdownText(state)}
      </span>
      {consequence !== '' && <span className="consequence">{consequence}</span>}
    </div>
  );
}

/** Who is connected to or from it now: those connections outlive the certificate. */
function useOpenConnections(node: string): number {
  const edges = useEdges();
  return useMemo(
    () =>
      edges
        .filter(({ from, to }) => from === node || to === node)
        .reduce((sum, { index }) => sum + (store.samples.of(index)?.open ?? 0), 0),
    [edges, node],
  );
}

const RADIUS = 6;
const CIRCUMFERENCE = 2 * Math.PI * RADIUS;

function Ring({
  share,
  isKnown,
}: {
  readonly share: number;
  readonly isKnown: boolean;
}): ReactNode {
  const rest = `${(share * CIRCUMFERENCE).toFixed(2)} ${CIRCUMFERENCE.toFixed(2)}`;
  return (
    <svg className="ring" viewBox="-8 -8 16 16" width="16" height="16" aria-hidden="true">
      <circle r={RADIUS} className={isKnown ? 'ring-track' : 'ring-track unknown'} />
      {isKnown && share > 0 && (
        <circle r={RADIUS} className="ring-rest" strokeDasharray={rest} transform="rotate(-90)" />
      )}
    </svg>
  );
}

function Rotates({ row: { certificate } }: { readonly row: IdentityRow }): ReactNode {
  const nowMs = useNowMs();
  const { text, isOverdue } = rotationOf(certificate, nowMs);
  if (certificate === null) return <span className="unknown">{text}</span>;
  const { rotateAtMs, rotations } = certificate;
  return (
    <span
      className={isOverdue ? 'warn' : undefined}
      title={`renewal at ${new Date(rotateAtMs).toISOString()}, ${rotations} so far`}
    >
      {text}
    </span>
  );
}

function Short({ text }: { readonly text: string }): ReactNode {
  if (text === '') return <span className="unknown">unknown</span>;
  return (
    <code className="short" title={text}>
      {text}
    </code>
  );
}
