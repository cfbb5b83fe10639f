// What goes on in the mesh: the snapshot and the events after it, and what was.
import type { EdgeReport } from '#api/edge-report.ts';
import type { Connection, Series } from '#api/history.ts';
import type { Clock } from '#base/clock.ts';
import type { ConnectionEvent, Flows } from '#telemetry/flows/flows.ts';
import type { MeshView } from '../../view/mesh-view.ts';
import { feedEvents } from '../event-feed.ts';
import { numberParameter, spanParameters, textParameter } from '../parameters.ts';
import {
  ApiRefusal,
  badRequest,
  notFound,
  ok,
  STREAMED,
  type ApiAnswer,
  type ApiCall,
  type ApiRoute,
} from '../route.ts';

export type FlowParts = {
  readonly view: MeshView;
  readonly flows: Flows;
  readonly clock: Clock;
  /** Before every kind has been listed once the map would be half a map. */
  readonly ingest: { readonly synced: Promise<unknown> };
};

const HOUR_MS = 3_600_000;
/** A large cluster is listed in seconds; who waits longer is told to come again. */
const SYNC_LIMIT_MS = 5000;
const CONNECTIONS_DEFAULT = 50;
const CONNECTIONS_MAX = 1000;
const STEP_SECONDS_MAX = 86_400;

const SEE = { verb: 'get', resource: 'flows' } as const;

export function flowRoutes(parts: FlowParts): readonly ApiRoute[] {
  const get = (path: ApiRoute['path'], handle: ApiRoute['handle']): ApiRoute => ({
    method: 'GET',
    path,
    allow: SEE,
    handle,
  });
  return [
    get('/api/v1/snapshot', async (call) => {
      await untilSynced(parts, call.signal);
      return await snapshotAnswer(parts, call);
    }),
    get('/api/v1/events', async (call) => {
      await untilSynced(parts, call.signal);
      return await eventsAnswer(parts, call);
    }),
    get('/api/v1/series', (call) => seriesAnswer(parts, call)),
    get('/api/v1/edges/:id', ({ params: { id = '' } }) => {
      const report = parts.flows.edgeReport(id);
      if (!report) throw notFound(`edge ${id}`);
      return Promise.resolve(ok(report satisfies EdgeReport));
    }),
    get('/api/v1/edges/:id/connections', (call) => {
      const { id = '' } = call.params;
      if (!parts.view.lastKnown(`edge:${id}`)) throw notFound(`edge ${id}`);
      return connectionsAnswer(parts, call, { edge: id });
    }),
    get('/api/v1/workloads/:namespace/:name/connections', (call) => {
      const { namespace = '', name = '' } = call.params;
      const node = `wl:${namespace}/${name}`;
      if (!parts.view.lastKnown(node)) throw notFound(`workload ${namespace}/${name}`);
      return connectionsAnswer(parts, call, { node });
    }),
    get('/api/v1/connections', (call) => connectionsAnswer(parts, call, undefined)),
    get('/api/v1/flows', ({ query }) => {
      const span = spanParameters(query, { nowMs: parts.clock.nowMs(), defaultMs: HOUR_MS });
      return Promise.resolve(ok(parts.flows.talkedTo(span)));
    }),
    get('/api/v1/history/last', ({ query }) => {
      const id = textParameter(query, 'of');
      if (id === undefined) throw badRequest('of is missing: the id of a node, or edge:<id>');
      const known = parts.view.lastKnown(id);
      if (!known) throw notFound(id);
      return Promise.resolve(ok(known));
    }),
    get('/api/v1/history/marks', ({ query }) => {
      const span = spanParameters(query, { nowMs: parts.clock.nowMs(), defaultMs: HOUR_MS });
      return Promise.resolve(ok(parts.view.marks.marks(span)));
    }),
  ];
}

/** @throws ApiRefusal 503 */
async function untilSynced({ ingest, clock }: FlowParts, signal: AbortSignal): Promise<void> {
  const waiting = new AbortController();
  const isLate = clock.sleep(SYNC_LIMIT_MS, AbortSignal.any([signal, waiting.signal])).then(
    () => true,
    () => signal.aborted,
  );
  const isSynced = ingest.synced.then(() => false);
  const isRefused = await Promise.race([isSynced, isLate]);
  waiting.abort();
  if (!isRefused) return;
  throw new ApiRefusal(
    503,
    { code: 'not-ready', message: 'the control plane is still reading the Kubernetes API' },
    { 'retry-after': '1' },
  );
}

async function snapshotAnswer({ view, clock }: FlowParts, { query }: ApiCall): Promise<ApiAnswer> {
  const atMs = numberParameter(query, 'at');
  if (atMs === undefined || atMs >= clock.nowMs()) return ok(view.snapshot());
  return ok(await view.snapshotAt(atMs));
}

async function eventsAnswer(parts: FlowParts, call: ApiCall): Promise<ApiAnswer> {
  const { view, flows, clock } = parts;
  const resumed = new URLSearchParams({ since: call.lastEventId ?? '' });
  const since = numberParameter(resumed, 'since') ?? numberParameter(call.query, 'since');
  const stream = call.stream();
  const feed = {
    after: (revision: number) => view.after(revision),
    onChange: (listener: () => void) => view.onChange(listener),
    get tick() {
      return view.tick;
    },
    get revision() {
      return view.revision;
    },
    samples: () => flows.samples(),
    nowMs: () => clock.nowMs(),
  };
  await feedEvents(stream, feed, since);
  return STREAMED;
}

async function seriesAnswer({ flows, clock }: FlowParts, { query }: ApiCall): Promise<ApiAnswer> {
  const edge = textParameter(query, 'edge');
  const node = textParameter(query, 'node');
  if ((edge === undefined) === (node === undefined)) {
    throw badRequest('ask for the series of an edge, or of a node');
  }
  const span = spanParameters(query, { nowMs: clock.nowMs(), defaultMs: 300_000 });
  const stepSeconds = numberParameter(query, 'step', { min: 1, max: STEP_SECONDS_MAX });
  const of = edge === undefined ? { node: node ?? '' } : { edge };
  const step = stepSeconds !== undefined && { stepSeconds };
  const series = await flows.series({ of, ...span, ...step });
  if (series) return ok(series satisfies Series);
  throw notFound(edge === undefined ? `node ${node}` : `edge ${edge}`);
}

type Whose = { readonly edge: string } | { readonly node: string } | undefined;

async function connectionsAnswer(parts: FlowParts, call: ApiCall, of: Whose): Promise<ApiAnswer> {
  const limit =
    numberParameter(call.query, 'limit', { min: 1, max: CONNECTIONS_MAX }) ?? CONNECTIONS_DEFAULT;
  const { flows } = parts;
  if (call.query.get('follow') !== '1') {
    return ok(flows.connections({ ...(of && { of }), limit }));
  }
  await followConnections(parts, call, of);
  return STREAMED;
}

/** Those that the client does not read in time are left out: the next movement tells all again. */
async function followConnections({ flows }: FlowParts, call: ApiCall, of: Whose): Promise<void> {
  const stream = call.stream();
  const waiting = new Map<string, Connection>();
  let isFree = true;
  let wake = Promise.withResolvers<void>();
  using subscriptions = new DisposableStack();
  subscriptions.defer(
    flows.onConnection(({ connection }: ConnectionEvent) => {
      if (!isOf(flows, connection, of)) return;
      waiting.set(connection.id, connection);
      if (waiting.size > CONNECTIONS_MAX) waiting.delete(waiting.keys().next().value ?? '');
      wake.resolve();
    }),
  );
  stream.ended.addEventListener('abort', () => wake.resolve(), { once: true });
  while (!stream.ended.aborted) {
    await wake.promise;
    wake = Promise.withResolvers();
    for (const [id, connection] of waiting) {
      if (!isFree) break;
      waiting.delete(id);
      isFree = stream.send({ type: 'connection', json: JSON.stringify(connection) });
    }
    if (isFree) continue;
    await stream.drained();
    isFree = true;
    if (waiting.size > 0) wake.resolve();
  }
}

function isOf(flows: Flows, { edge }: Connection, of: Whose): boolean {
  if (of === undefined) return true;
  if ('edge' in of) return edge === of.edge;
  const { from, to } = flows.edge(edge) ?? {};
  return from === of.node || to === of.node;
}
