// `isthmus top`: the edges of the mesh, busiest first. Pure.
import type { MeshEdge, Sample } from '#api/graph.ts';
import { renderTable } from '../render.ts';
import { renderEncryption } from './encryption.ts';
import type { MeshState } from './state.ts';
import { renderRate, renderSpan, renderTime } from './units.ts';

export type TopRow = {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly protocol: string;
  readonly encryption: string;
  /** Bytes per second; null: nothing was reported. */
  readonly toServer: number | null;
  readonly toClient: number | null;
  readonly open: number | null;
  readonly openedPerSecond: number | null;
  readonly failedPerSecond: number | null;
  readonly requestsPerSecond: number | null;
  /** Why connections failed last; empty: none did. */
  readonly failure: string;
};

export function topRows(state: MeshState, namespace: string | undefined): readonly TopRow[] {
  const isShown = ({ from, to }: MeshEdge): boolean =>
    namespace === undefined ||
    [from, to].some((id) => state.nodes.get(id)?.namespace === namespace);
  return [...state.edges.values()]
    .filter(isShown)
    .map((edge) => rowOf(state, edge, state.samples.get(edge.index)))
    .toSorted((a, b) => weightOf(b) - weightOf(a) || (keyOf(a) < keyOf(b) ? -1 : 1));
}

const weightOf = ({ toServer, toClient }: TopRow): number => (toServer ?? 0) + (toClient ?? 0);
const keyOf = ({ from, to, port }: TopRow): string => `${from} ${to} ${port}`;

function rowOf(state: MeshState, edge: MeshEdge, sample: Sample | undefined): TopRow {
  const [, toServer, toClient, open, opened, failed, requests] = sample ?? [];
  return {
    from: state.nameOf(edge.from),
    to: state.nameOf(edge.to),
    port: edge.port,
    protocol: edge.application || edge.protocol,
    encryption: renderEncryption(edge.encryption),
    toServer: toServer ?? null,
    toClient: toClient ?? null,
    open: open ?? null,
    openedPerSecond: opened ?? null,
    failedPerSecond: failed ?? null,
    requestsPerSecond: edge.protocol === 'tcp' ? null : (requests ?? null),
    failure: edge.failure?.text ?? '',
  };
}

const HEADERS = [
  'FROM',
  'TO',
  'PROTOCOL',
  'ENCRYPTED',
  '→ TO SERVER',
  '← TO CLIENT',
  'OPEN',
  'NEW/S',
  'FAILED/S',
  'REQ/S',
  'LAST FAILURE',
];

export function renderTop(rows: readonly TopRow[]): string {
  if (rows.length === 0) return 'nobody has talked to anybody yet';
  return renderTable(
    HEADERS,
    rows.map((row) => [
      row.from,
      `${row.to}:${row.port}`,
      row.protocol,
      row.encryption,
      known(row.toServer, renderRate),
      known(row.toClient, renderRate),
      known(row.open, String),
      known(row.openedPerSecond, renderCount),
      known(row.failedPerSecond, renderCount),
      known(row.requestsPerSecond, renderCount),
      row.failure,
    ]),
  );
}

/** What is not known is shown as nothing, never as 0. */
const known = (value: number | null, render: (value: number) => string): string =>
  value === null ? '' : render(value);

const renderCount = (value: number): string =>
  Number.isInteger(value) ? String(value) : value.toFixed(1);

/** The line above the table. */
export function renderSummary({ status, alerts, nowMs }: MeshState): string {
  const { proxies, proxiesInSync, plaintextEdges, nextExpiryMs, silent } = status;
  const expiry = nextExpiryMs === null ? 'unknown' : `in ${renderSpan(nextExpiryMs - nowMs)}`;
  return [
    renderTime(nowMs),
    `${proxiesInSync} of ${proxies} proxies in sync`,
    `${plaintextEdges} plaintext ${plaintextEdges === 1 ? 'edge' : 'edges'}`,
    `next certificate ends ${expiry}`,
    ...(silent.length > 0 ? [`silent: ${silent.join(', ')}`] : []),
    ...(alerts.size > 0 ? [`${alerts.size} ${alerts.size === 1 ? 'alert' : 'alerts'}`] : []),
  ].join(' · ');
}
