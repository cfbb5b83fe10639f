// The mesh as the console and the commands see it: one state with a revision, and what changes it,
// event by event. Whoever has one revision's state and takes the events after it has the present.
import type { MeshEvent } from '#api/events.ts';
import type {
  AgentView,
  Alert,
  CertificateView,
  MeshEdge,
  MeshNode,
  MeshStatus,
  Network,
  Snapshot,
} from '#api/graph.ts';
import type { Join } from '#api/joins.ts';
import type { LastKnown } from '#api/past.ts';
import type { Clock } from '#base/clock.ts';
import { silentLogger, type Logger } from '#base/log.ts';
import { programVersion } from '#base/version.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Flows, FlowTick } from '#telemetry/flows/flows.ts';
import type { StreamStatus } from '#xds/status.ts';
import type { AgentSessions } from '../agents/agents.ts';
import { changesOf, documentsOf, nodeIn, nodesIn, type Documents } from '../past/documents.ts';
import { Past } from '../past/past.ts';
import type { Moment } from '../past/store.ts';
import { streamId } from '../debug-workloads.ts';
import { agentsIn, agentViews, silentAgents } from './agents.ts';
import { isSameEdge, timeStepMs } from './edges.ts';
import { EventLog, type LoggedEvent } from './event-log.ts';
import { lastKnown } from './last-known.ts';
import { Marks, type KnownNodes } from './marks.ts';
import { meshNetworks, meshNodes } from './nodes.ts';
import { pastSnapshot } from './past.ts';
import { meshAlerts, meshStatus } from './status.ts';

export type MeshViewOptions = {
  readonly mesh: Mesh;
  readonly flows: Flows;
  readonly agents: Pick<AgentSessions, 'sessions' | 'onChange'>;
  readonly xds: { status(): readonly StreamStatus[] };
  /** @param instance `Pod/default/inventory-1` */
  readonly certificateOf: (instance: string) => CertificateView | undefined;
  readonly joins: () => Iterable<Join>;
  /** Where it is written down how the mesh was; absent: in memory, from the beginning. */
  readonly past?: Past;
  readonly clock: Clock;
  /** Default: nobody is told of bugs. */
  readonly log?: Logger;
  readonly eventsMax?: number;
};

/** So long changes are gathered: a burst of them is looked at once. */
const COALESCE_MS = 250;
/** And so much longer than it takes to look at them. */
const REST_FACTOR = 10;
/** While nobody watches: then only what happened in between is of interest, and when. */
const UNWATCHED_MS = 5000;
/** What only the passing of time changes: expiries, silence. */
const UPKEEP_MS = 5000;
/** Revisions begin where no earlier isthmusd's have been: tenths of seconds since 2026. */
const REVISIONS_SINCE_MS = Date.UTC(2026, 0, 1);

export class MeshView {
  readonly #options: MeshViewOptions;
  readonly #log: EventLog;
  readonly #past: Past;
  readonly marks: Marks;
  readonly #listeners = new Set<() => void>();
  #nodes: ReadonlyMap<string, MeshNode> = new Map();
  readonly #edges = new Map<string, MeshEdge>();
  /** As an earlier isthmusd ended, until this one has seen all of the mesh. */
  #earlier: Documents;
  readonly #startedMs: number;
  #lookedMs = 0;
  #joins: ReadonlySet<string> = new Set();
  #networks: readonly Network[] = [];
  #alerts: ReadonlyMap<string, Alert> = new Map();
  #status: MeshStatus | undefined;
  #agents: ReadonlyMap<string, AgentView> = new Map();
  #ticks = 0;
  #lastTick: FlowTick | undefined;
  #due = Promise.withResolvers<void>();
  #isStale = false;
  #watched = Promise.withResolvers<void>();

  constructor(options: MeshViewOptions) {
    this.#options = options;
    this.#startedMs = options.clock.nowMs();
    const sinceMs = options.clock.nowMs() - REVISIONS_SINCE_MS;
    const revision = Math.max(0, Math.floor(sinceMs / 100));
    const { eventsMax } = options;
    this.#past = options.past ?? new Past({ clock: options.clock });
    this.marks = new Marks(options.flows, this.#past);
    this.#earlier = this.#past.before() ?? new Map();
    this.#log = new EventLog(revision, eventsMax === undefined ? {} : { eventsMax });
    this.refresh();
    if (!options.past) this.beginPast();
  }

  /** From now on what is shown is all of the mesh, and is written down. */
  beginPast(): void {
    const nodes = nodesIn(this.#earlier);
    this.#agents = new Map([...agentsIn(nodes), ...this.#agents]);
    this.marks.remember(nodes);
    this.#tryToRefresh();
    const documents = documentsOf(this.snapshot(), this.#options.joins());
    this.#past.begin(documents, this.#earlier);
    this.marks.noteLeavings(nodes, (id) => this.#nodes.get(id), this.#options.clock.nowMs());
    this.#earlier = new Map();
  }

  get revision(): number {
    return this.#log.revision;
  }

  snapshot(): Snapshot {
    this.#catchUp();
    const { mesh, flows, clock } = this.#options;
    return {
      revision: this.#log.revision,
      nowMs: clock.nowMs(),
      mesh: { trustDomain: mesh.config().trustDomain, clusterId: mesh.clusterId },
      networks: this.#networks,
      nodes: [...this.#nodes.values()],
      edges: [...this.#edges.values()],
      samples: flows.samples(),
      alerts: [...this.#alerts.values()],
      status: this.#status ?? this.#currentStatus(new Map()),
    };
  }

  /** As it was then, or at the nearest moment that is known. */
  async snapshotAt(atMs: number): Promise<Snapshot> {
    const now = this.snapshot();
    const moment = this.#past.at(atMs);
    return moment ? await pastSnapshot(now, moment, this.#options.flows) : now;
  }

  /** What is remembered of then; undefined: nothing of any moment. */
  momentAt(atMs: number): Moment | undefined {
    return this.#past.at(atMs);
  }

  /** @param id of a node, or `edge:<id>` */
  lastKnown(id: string): LastKnown | undefined {
    this.#catchUp();
    return lastKnown(id, { nodes: this.#nodes, edges: this.#edges, past: this.#past });
  }

  node(id: string): MeshNode | undefined {
    this.#catchUp();
    return this.#nodes.get(id);
  }

  nodes(): Iterable<MeshNode> {
    this.#catchUp();
    return this.#nodes.values();
  }

  edges(): Iterable<MeshEdge> {
    this.#catchUp();
    return this.#edges.values();
  }

  /** The next event after this revision; undefined: none yet. */
  after(revision: number): LoggedEvent | 'lost' | undefined {
    return this.#log.after(revision);
  }

  /** The last second's samples, and how many seconds there have been: a reader may miss some. */
  get tick(): { readonly count: number; readonly last: FlowTick | undefined } {
    return { count: this.#ticks, last: this.#lastTick };
  }

  /** Told after events and samples; it is to read them then. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    this.#watched.resolve();
    return () => this.#listeners.delete(listener);
  }

  /** Something has changed that `refresh` reads: it will, soon. */
  touch(): void {
    this.#isStale = true;
    this.#due.resolve();
  }

  /** Tells what is no state: a denial, a policy's change, a join's step. */
  publish(...events: readonly MeshEvent[]): void {
    const atMs = this.#options.clock.nowMs();
    const known: KnownNodes = {
      before: (id) => nodeIn(this.#past.documents, id),
      nameOf: (id) => this.#nodes.get(id)?.name ?? id,
    };
    for (const event of events) {
      this.#log.add(event);
      this.marks.note(event, atMs, known);
      this.#past.take(changesOf(event));
    }
    if (events.length > 0) this.#tell();
  }

  /** Follows the mesh until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { flows, agents, clock } = this.#options;
    using subscriptions = new DisposableStack();
    subscriptions.defer(flows.onTick((tick) => this.#onTick(tick)));
    subscriptions.defer(flows.onDenial((denial) => this.publish({ type: 'denial', denial })));
    subscriptions.defer(agents.onChange(() => this.touch()));
    this.touch();
    while (!signal.aborted) {
      await this.#untilDue(signal);
      if (signal.aborted) return;
      const begunMs = clock.nowMs();
      this.#tryToRefresh();
      const restMs = Math.max(COALESCE_MS, (clock.nowMs() - begunMs) * REST_FACTOR);
      await clock.sleep(restMs, signal).catch(() => undefined); // aborted: the loop ends
      await this.#untilWatched(UNWATCHED_MS - restMs, signal);
    }
  }

  /** Or until so long has passed: a mesh at which nobody looks is not looked at all the time. */
  async #untilWatched(limitMs: number, signal: AbortSignal): Promise<void> {
    if (this.#listeners.size > 0 || limitMs <= 0 || signal.aborted) return;
    this.#watched = Promise.withResolvers();
    await this.#sleepOr(this.#watched.promise, limitMs, signal);
  }

  /** Who asks once is told the present, too. */
  #catchUp(): void {
    if (this.#isStale && this.#listeners.size === 0) this.#tryToRefresh();
  }

  /** A map that cannot be drawn is a bug, but none to take the mesh's control plane down for. */
  #tryToRefresh(): void {
    try {
      this.refresh();
    } catch (error) {
      const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
      (this.#options.log ?? silentLogger).error('the view stays as it was', { problem });
    }
  }

  /** Until something changes, or it is time for a look anyway. */
  async #untilDue(signal: AbortSignal): Promise<void> {
    await this.#sleepOr(this.#due.promise, UPKEEP_MS, signal);
    this.#due = Promise.withResolvers();
  }

  /** Until something has happened, the time is over, or aborted. */
  async #sleepOr(happened: Promise<void>, limitMs: number, signal: AbortSignal): Promise<void> {
    const waiting = new AbortController();
    const both = AbortSignal.any([signal, waiting.signal]);
    const asleep = this.#options.clock.sleep(limitMs, both).catch(() => undefined);
    await Promise.race([asleep, happened]);
    waiting.abort();
    await asleep;
  }

  #onTick(tick: FlowTick): void {
    this.#ticks += 1;
    this.#lastTick = tick;
    if (tick.changed.size > 0 || tick.gone.length > 0) this.touch();
    if (tick.samples.length > 0) this.#tell();
  }

  /** Looks at everything again, and tells what is different. */
  refresh(): void {
    const { mesh, flows, agents, certificateOf, xds, clock } = this.#options;
    const nowMs = clock.nowMs();
    this.#isStale = false;
    const events: MeshEvent[] = [];
    const edges = new Map([...flows.edges()].map((edge) => [edge.id, edge]));
    const isWorkload = (key: string): boolean => keys.has(key);
    const keys = new Set([...mesh.workloads.entries()].map(([, one]) => streamId(one)));
    const looked = { nowMs, lookedMs: this.#lookedMs };
    this.#lookedMs = nowMs;
    const heard = { streams: xds.status(), sessions: agents.sessions() };
    this.#agents = agentViews({ ...heard, ...looked, isWorkload }, this.#agents);
    const silent = silentAgents(this.#agents, {
      sessions: agents.sessions(),
      nowMs,
      startedMs: this.#startedMs,
    });
    const joins = [...this.#options.joins()];
    const nodes = meshNodes(mesh, {
      agents: this.#agents,
      certificateOf,
      joins: joinsByNode(joins),
      mentioned: new Set([...edges.values()].flatMap(({ from, to }) => [from, to])),
      before: (id) => this.#nodes.get(id) ?? nodeIn(this.#earlier, id),
      left: (id) => (id.startsWith('wl:') ? this.#nodeThatLeft(id) : undefined),
      nowMs,
    });
    this.#putNodes(nodes, events, nowMs);
    this.#putEdges(edges, events);
    const networks = meshNetworks(mesh, nodes.values());
    if (JSON.stringify(networks) !== JSON.stringify(this.#networks)) {
      this.#networks = networks;
      this.#past.take([{ key: 'networks', value: networks }]);
      events.push({ type: 'reset', reason: 'the networks are others than before' });
    }
    this.#putAlerts(silent, events, nowMs);
    const status = this.#currentStatus(silent);
    if (JSON.stringify(status) !== JSON.stringify(this.#status)) {
      this.#status = status;
      events.push({ type: 'config.sync', status });
    }
    this.publish(...events);
    this.#forgetJoins(joins);
  }

  /** Of those that are remembered no more no event tells. */
  #forgetJoins(joins: readonly Join[]): void {
    const ids = new Set(joins.map(({ id }) => id));
    const gone = [...this.#joins.difference(ids)];
    this.#past.take(gone.map((id) => ({ key: `join:${id}`, value: undefined })));
    this.#joins = ids;
  }

  /** Of who has left before; strangers without a workload never were there. */
  #nodeThatLeft(id: string): MeshNode | undefined {
    const nothing = { nodes: new Map(), edges: new Map() };
    return lastKnown(id, { ...nothing, past: this.#past })?.node ?? undefined;
  }

  #putNodes(nodes: ReadonlyMap<string, MeshNode>, events: MeshEvent[], atMs: number): void {
    for (const [id, node] of nodes) {
      const before = this.#nodes.get(id);
      if (before === node) continue;
      events.push({ type: 'node.upsert', node });
      const { certificate } = node;
      const isOther = certificate && certificate.serial !== before?.certificate?.serial;
      if (isOther) events.push({ type: 'cert.upsert', node: id, certificate });
    }
    for (const id of this.#nodes.keys()) {
      if (!nodes.has(id)) events.push({ type: 'node.gone', id, atMs });
    }
    this.#nodes = nodes;
  }

  #putEdges(edges: ReadonlyMap<string, MeshEdge>, events: MeshEvent[]): void {
    const stepMs = timeStepMs(edges.size);
    for (const [id, edge] of edges) {
      const before = this.#edges.get(id);
      if (before && isSameEdge(before, edge, stepMs)) continue;
      this.#edges.set(id, edge);
      events.push({ type: 'edge.upsert', edge });
    }
    for (const id of this.#edges.keys()) {
      if (edges.has(id)) continue;
      this.#edges.delete(id);
      events.push({ type: 'edge.gone', id });
    }
  }

  #putAlerts(silent: ReadonlyMap<string, number>, events: MeshEvent[], nowMs: number): void {
    const { mesh } = this.#options;
    const refused = [...mesh.rejections.entries()].map(([key, { violations }]) => ({
      key,
      problem: violations[0]?.message ?? '',
    }));
    const parts = { nodes: this.#nodes.values(), edges: this.#edges.values() };
    const alerts = meshAlerts({ ...parts, refused, silent, nowMs }, this.#alerts);
    for (const [id, alert] of alerts) {
      const before = this.#alerts.get(id);
      if (before && before.text === alert.text && before.severity === alert.severity) continue;
      events.push({ type: 'alert', alert, isOver: false });
    }
    for (const [id, alert] of this.#alerts) {
      if (!alerts.has(id)) events.push({ type: 'alert', alert, isOver: true });
    }
    this.#alerts = alerts;
  }

  #currentStatus(silent: ReadonlyMap<string, number>): MeshStatus {
    const options = { silent, version: programVersion() };
    return meshStatus(this.#nodes.values(), this.#edges.values(), options);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Those that last. */
function joinsByNode(joins: readonly Join[]): ReadonlyMap<string, Join> {
  const lasting = joins.filter(({ endedAtMs }) => endedAtMs === null);
  return new Map(lasting.map((join) => [join.node, join]));
}
