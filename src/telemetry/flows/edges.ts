// The edges in memory: made when first reported, put away when idle for a day, or when there are
// too many and others have moved since.
import type { FlowEdge } from '#gen/isthmus/v1/flows_pb.js';
import { EdgeRecord, type EdgeName, type StoredEdge } from './edge-record.ts';
import { edgeId, endsOf, OTHERS, type FlowNames } from './naming.ts';
import type { Pending, StoredReporter, Talker } from './pending.ts';
import type { AgentIdentity } from './reporters.ts';

/** What the history remembers of edges and talkers, by which both keep their numbers. */
export type EdgeStore = {
  edgeById(id: string): StoredEdge | undefined;
  talker(of: Omit<Talker, 'id'>): Talker | undefined;
  /** Never given before. */
  newEdgeIndex(): number;
  newTalkerId(): number;
  /** The last batch of an agent that is stored. */
  reporter(key: string): StoredReporter | undefined;
};

/** About 4 kB each, 6 kB with requests. */
const EDGES_MAX = 5000;
const TALKERS_MAX = 8000;
const IDLE_MS_MAX = 24 * 3600_000;

export class Edges {
  readonly #store: EdgeStore;
  readonly #names: FlowNames;
  /** By id; the one named last is the last. */
  readonly #edges = new Map<string, EdgeRecord>();
  readonly #talkers = new Map<string, Talker>();
  #gone: string[] = [];
  #fresh: EdgeRecord[] = [];

  constructor(options: { readonly store: EdgeStore; readonly names: FlowNames }) {
    this.#store = options.store;
    this.#names = options.names;
  }

  get size(): number {
    return this.#edges.size;
  }

  all(): IterableIterator<EdgeRecord> {
    return this.#edges.values();
  }

  get(id: string): EdgeRecord | undefined {
    return this.#edges.get(id);
  }

  /** Those of the history, at the start. */
  restore(stored: StoredEdge): EdgeRecord {
    return this.#add(new EdgeRecord(stored));
  }

  /** Put away since the last time this was asked. */
  takeGone(): readonly string[] {
    const gone = this.#gone;
    this.#gone = [];
    return gone;
  }

  takeFresh(): readonly EdgeRecord[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  /**
   * The edge that an agent means.
   *
   * @param options.mayIntroduce asked once, when the edge is new
   * @returns undefined: it is about somebody else
   */
  find(
    facts: FlowEdge,
    agent: AgentIdentity,
    options: {
      readonly nowMs: number;
      readonly pending: Pending;
      readonly mayIntroduce: () => boolean;
    },
  ): { readonly edge: EdgeRecord; readonly isFound: boolean } | undefined {
    const ends = endsOf(facts, agent, this.#names);
    if (!ends) return undefined;
    const { port } = facts;
    const protocol = protocolOf(facts.protocol);
    const name = { from: ends.from.node, to: ends.to.node, port, protocol };
    const isFound = ends.from.isFound && ends.to.isFound;
    const known = this.#known(name) ?? this.#knownAmongOthers(name, facts, options.mayIntroduce);
    const edge = known instanceof EdgeRecord ? known : this.#make(known, options.nowMs);
    const isNews = this.#describe(edge, facts);
    if (edge !== known || isNews) options.pending.edges.set(edge.index, storedOf(edge));
    return { edge, isFound };
  }

  talker(edge: EdgeRecord, facts: FlowEdge, pending: Pending): Talker {
    const of = {
      edge: edge.index,
      clientIdentity: facts.clientPrincipal,
      serverIdentity: facts.serverPrincipal,
      service: facts.serviceHost,
    };
    const key = JSON.stringify(of);
    const known = this.#talkers.get(key);
    if (known) return known;
    const stored = this.#store.talker(of);
    const talker = stored ?? { id: this.#store.newTalkerId(), ...of };
    if (!stored) pending.talkers.set(talker.id, talker);
    if (this.#talkers.size >= TALKERS_MAX) deleteFirst(this.#talkers);
    this.#talkers.set(key, talker);
    return talker;
  }

  /** Puts away what has been idle for long. */
  sweep(nowMs: number): void {
    for (const edge of this.#edges.values()) {
      if (nowMs - edge.lastSeenMs > IDLE_MS_MAX && edge.openConnections === 0) this.#putAway(edge);
    }
  }

  #known(name: EdgeName): EdgeRecord | undefined {
    const id = edgeId(name);
    const known = this.#edges.get(id) ?? this.#fromStore(id);
    if (!known) return undefined;
    this.#edges.delete(id);
    this.#edges.set(id, known);
    return known;
  }

  /** @returns the edge to be made where there is none */
  #knownAmongOthers(
    name: EdgeName,
    { isDestination }: FlowEdge,
    mayIntroduce: () => boolean,
  ): EdgeRecord | EdgeName {
    if (mayIntroduce()) return name;
    const others = isDestination ? { ...name, from: OTHERS } : { ...name, to: OTHERS, port: 0 };
    return this.#known(others) ?? others;
  }

  #fromStore(id: string): EdgeRecord | undefined {
    const stored = this.#store.edgeById(id);
    return stored && this.#add(new EdgeRecord(stored));
  }

  #make(name: EdgeName, nowMs: number): EdgeRecord {
    return this.#add(
      new EdgeRecord({
        ...name,
        id: edgeId(name),
        index: this.#store.newEdgeIndex(),
        application: '',
        service: '',
        firstSeenMs: nowMs,
        lastSeenMs: nowMs,
      }),
    );
  }

  #add(edge: EdgeRecord): EdgeRecord {
    if (this.#edges.size >= EDGES_MAX) this.#makeRoom();
    this.#edges.set(edge.id, edge);
    this.#fresh.push(edge);
    return edge;
  }

  /** @returns whether that is news */
  #describe(edge: EdgeRecord, { serviceHost }: FlowEdge): boolean {
    const service = serviceHost || edge.service;
    const application = this.#names.applicationOf(edge, service) || edge.application;
    const isTold = service === edge.service && application === edge.application;
    edge.service = service;
    edge.application = application;
    return !isTold;
  }

  /** One that nothing is open on, if there is one. */
  #makeRoom(): void {
    let oldest: EdgeRecord | undefined;
    for (const edge of this.#edges.values()) {
      oldest ??= edge;
      if (edge.openConnections > 0) continue;
      return this.#putAway(edge);
    }
    if (oldest) this.#putAway(oldest);
  }

  #putAway(edge: EdgeRecord): void {
    edge.putAway();
    this.#edges.delete(edge.id);
    this.#gone.push(edge.id);
  }
}

export const storedOf = (edge: EdgeRecord): StoredEdge => ({
  id: edge.id,
  index: edge.index,
  from: edge.from,
  to: edge.to,
  port: edge.port,
  protocol: edge.protocol,
  application: edge.application,
  service: edge.service,
  firstSeenMs: edge.firstSeenMs,
  lastSeenMs: edge.lastSeenMs,
});

const protocolOf = (text: string): EdgeName['protocol'] =>
  text === 'http' || text === 'grpc' ? text : 'tcp';

function deleteFirst(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
