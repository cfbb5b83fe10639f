// What the map asks for beside snapshot and events: series, connections, marks of the time line.
import type { EdgeReport } from '#api/edge-report.ts';
import type { MeshEdge } from '#api/graph.ts';
import type { HistoryMark } from '#api/history-marks.ts';
import type { Connection, Series } from '#api/history.ts';
import { problem, type MockCall, type MockRoute } from './routes.ts';

const MINUTE_MS = 60_000;

/** Curves that look like a database's, the same at every call. */
/** @param size of its waves: 1 is the database's */
export function seriesOf(fromMs: number, toMs: number, stepSeconds: number, size = 1): Series {
  const atMs: number[] = [];
  for (let at = fromMs; at <= toMs; at += stepSeconds * 1000) atMs.push(at);
  const wave = (base: number, period: number): number[] =>
    atMs.map((at) => {
      const turn = (at / 1000 / period) * 2 * Math.PI;
      return Math.max(0, base * (1 + 0.35 * Math.sin(turn) + 0.2 * Math.sin(turn * 3.7)));
    });
  const zeros = atMs.map(() => 0);
  return {
    stepSeconds,
    atMs,
    toServerBytes: wave(1_240 * size, 90 * size),
    toClientBytes: wave(3_420 * size, 70 * size),
    open: atMs.map(() => 4),
    opened: zeros,
    failed: zeros,
    requests: zeros,
    requestMs: zeros,
    ...noRequests(atMs.length),
  };
}

function noRequests(points: number) {
  const unknown = Array<null>(points).fill(null);
  const client = { p50Ms: unknown, p95Ms: unknown, p99Ms: unknown };
  const server = { serverP50Ms: unknown, serverP95Ms: unknown, serverP99Ms: unknown };
  const zeros = Array<number>(points).fill(0);
  return { requestErrors: zeros, clientErrors: zeros, ...client, ...server };
}

/** A pool of four, of which one works, and another connection that came a moment ago. */
export function edgeReportOf(edge: MeshEdge, nowMs: number): EdgeReport {
  const upTo = [10_000, 60_000, 600_000, 3_600_000, 6 * 3_600_000, 24 * 3_600_000, null];
  const ages = upTo.map((upToMs, at) => ({ upToMs, count: [1, 0, 0, 4][at] ?? 0 }));
  const open = {
    count: 5,
    others: 0,
    idle: 3,
    idleAfterMs: 10_000,
    ages,
    oldestMs: 48 * MINUTE_MS,
  };
  const isTcp = edge.protocol === 'tcp';
  const connect = isTcp ? { count: 31, p50Ms: 1.4, p95Ms: 3.9, maxMs: 12 } : null;
  return { nowMs, edge, open: isTcp ? open : null, connect };
}

function series({ query, nowMs }: MockCall): { readonly json: Series } {
  const toMs = Number(query.get('to') ?? nowMs);
  const fromMs = Number(query.get('from') ?? toMs - 5 * MINUTE_MS);
  const size = query.get('edge')?.includes('frontend') ? 0.6 : 1;
  return { json: seriesOf(fromMs, toMs, Number(query.get('step') ?? 1), size) };
}

export const connectionsOf = (edge: string, nowMs: number, count = 4): Connection[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `${edge}#${990 - index}`,
    edge,
    openedAtMs: nowMs - (index + 1) * 34_000,
    closedAtMs: index < 3 ? null : nowMs - 20_000,
    clientAddress: `10.24.0.12:${51_820 + index}`,
    serverAddress: '10.128.0.14:5432',
    toServerBytes: 18_200 * (index + 1),
    toClientBytes: 51_300 * (index + 1),
    encryption: 'tls',
    flags: '',
    seenBy: ['source', 'destination'],
  }));

const marksOf = (nowMs: number): HistoryMark[] => [
  {
    atMs: nowMs - 48 * MINUTE_MS,
    kind: 'join',
    about: 'wl:inventory/postgresql-1-vm',
    text: 'postgresql-1-vm joined',
  },
  {
    atMs: nowMs - 31 * MINUTE_MS,
    kind: 'policy',
    about: 'AuthorizationPolicy inventory/pg-allow',
    text: 'AuthorizationPolicy inventory/pg-allow saved by kim',
  },
  {
    atMs: nowMs - 12 * MINUTE_MS,
    kind: 'rotation',
    about: 'wl:inventory/postgresql-1-vm',
    text: 'certificate of postgresql-1-vm renewed',
  },
];

export const graphRoutes: readonly MockRoute[] = [
  { method: 'GET', path: '/api/v1/series', handle: series },
  {
    method: 'GET',
    path: '/api/v1/edges/:id',
    handle: ({ params, mesh, nowMs }) => {
      const edge = mesh.snapshot(nowMs).edges.find(({ id }) => id === params['id']);
      return edge ? { json: edgeReportOf(edge, nowMs) } : problem(404, 'not-found', 'no such edge');
    },
  },
  {
    method: 'GET',
    path: '/api/v1/edges/:id/connections',
    handle: ({ params, query, nowMs }) =>
      query.has('follow') ? { events: [] } : { json: connectionsOf(params['id'] ?? '', nowMs) },
  },
  {
    method: 'GET',
    path: '/api/v1/history/last',
    handle: ({ mesh, query }) => {
      const known = mesh.lastKnown(query.get('of') ?? '');
      return known ? { json: known } : problem(404, 'not-found', 'Nothing is remembered of it.');
    },
  },
  {
    method: 'GET',
    path: '/api/v1/history/marks',
    handle: ({ nowMs }) => ({ json: marksOf(nowMs) }),
  },
];
