// `isthmus top`: the edges of the mesh, busiest first. Pure.
import type { MeshEdge, Sample } from '#api/graph.ts';
import { renderTable } from '../render.ts';
import { renderEncryption } from './encryption.ts';
import type { MeshState } from './state.ts';
import { renderMs, renderRate, renderShare, renderSpan, renderTime } from './units.ts';

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
  /** Of the requests of the last minute, 0 to 1; null: there were none, or nobody tells. */
  readonly errorShare: number | null;
  readonly clientErrorShare: number | null;
  /** Of their duration, as their client's proxy measured it. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
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
  const [, toServer, toClient, open, opened, failed, requests, , ...minute] = sample ?? [];
  const [errorShare, clientErrorShare, p50Ms, p95Ms, p99Ms] = minute;
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
    errorShare: errorShare ?? null,
    clientErrorShare: clientErrorShare ?? null,
    p50Ms: p50Ms ?? null,
    p95Ms: p95Ms ?? null,
    p99Ms: p99Ms ?? null,
    failure: edge.failure?.text ?? '',
  };
}

type TopColumn = readonly [title: string, cell: (row: TopRow) => string];

const BEFORE: readonly TopColumn[] = [
  ['FROM', ({ from }) => from],
  ['TO', ({ to, port }) => `${to}:${port}`],
  ['PROTOCOL', ({ protocol }) => protocol],
  ['ENCRYPTED', ({ encryption }) => encryption],
  ['→ TO SERVER', ({ toServer }) => known(toServer, renderRate)],
  ['← TO CLIENT', ({ toClient }) => known(toClient, renderRate)],
  ['OPEN', ({ open }) => known(open, String)],
  ['NEW/S', ({ openedPerSecond }) => known(openedPerSecond, renderCount)],
  ['FAILED/S', ({ failedPerSecond }) => known(failedPerSecond, renderCount)],
];
/** Of requests: a mesh of databases alone does without these columns. */
const REQUESTS: readonly TopColumn[] = [
  ['REQ/S', ({ requestsPerSecond }) => known(requestsPerSecond, renderCount)],
  ['ERRORS', ({ errorShare }) => known(errorShare, renderShare)],
  ['4XX', ({ clientErrorShare }) => known(clientErrorShare, renderShare)],
  ['P50', ({ p50Ms }) => known(p50Ms, renderMs)],
  ['P95', ({ p95Ms }) => known(p95Ms, renderMs)],
  ['P99', ({ p99Ms }) => known(p99Ms, renderMs)],
];
const AFTER: readonly TopColumn[] = [['LAST FAILURE', ({ failure }) => failure]];

export function renderTop(rows: readonly TopRow[]): string {
  if (rows.length === 0) return 'nobody has talked to anybody yet';
  const hasRequests = rows.some(({ requestsPerSecond }) => requestsPerSecond !== null);
  const columns = [...BEFORE, ...(hasRequests ? REQUESTS : []), ...AFTER];
  return renderTable(
    columns.map(([title]) => title),
    rows.map((row) => columns.map(([, cell]) => cell(row))),
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
