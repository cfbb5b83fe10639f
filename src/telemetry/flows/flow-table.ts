// Who talks to whom, of the reports of all agents: what each batch adds, counted once. Keeps no
// time and no file itself: whoever owns it says what time it is, and stores what is pending.
import type { Denial } from '#api/events.ts';
import type { Sample } from '#api/graph.ts';
import type { FlowBatch } from '#gen/isthmus/v1/flows_pb.js';
import { Edges, type EdgeStore } from './edges.ts';
import type { EdgeRecord, StoredEdge } from './edge-record.ts';
import type { FlowTick, Unsubscribe } from './flows.ts';
import { Intake, type Stream } from './intake.ts';
import { LiveConnections } from './live-connections.ts';
import type { FlowNames } from './naming.ts';
import { OpenBudget, StreamDictionary } from './open-connections.ts';
import { isNothing } from './quantities.ts';
import { Pending, type Silence, type StoredBehind } from './pending.ts';
import { MISSING_MS_MAX, ReportingAgent } from './reporters.ts';
import type { AgentIdentity } from './reporters.ts';

/** An agent that has said nothing for so long is not reporting: it says something every 5 s. */
const HEARD_WITHIN_MS = 15_000;
/** Agents that have gone are remembered so long: for connections that they find again. */
const AGENT_KEPT_MS = 10 * 60_000;
const SWEEP_MS = 60_000;

/** What a batch came to. */
export type Receipt = 'counted' | 'repeated';

export class FlowTable {
  readonly connections = new LiveConnections();
  readonly edges: Edges;
  readonly budget = new OpenBudget();
  readonly counts = { batches: 0, repeated: 0, refused: 0 };
  readonly #agents = new Map<string, ReportingAgent>();
  readonly #store: EdgeStore;
  readonly #intake: Intake;
  readonly #samples = new Map<string, Sample>();
  readonly #fingerprints = new Map<string, string>();
  readonly #listeners = new Set<(denial: Denial) => void>();
  #pending = new Pending();
  #silences: Silence[] = [];
  #sweptMs = 0;

  constructor(options: {
    readonly store: EdgeStore;
    readonly names: FlowNames;
    /** When it begins: for a while after it not everybody has reported yet. */
    readonly nowMs: number;
  }) {
    this.#store = options.store;
    this.edges = new Edges(options);
    this.#intake = new Intake({
      edges: this.edges,
      connections: this.connections,
      budget: this.budget,
      startedMs: options.nowMs,
      onDenial: (denial) => this.#deny(denial),
    });
  }

  /** A stream begins. */
  open(identity: AgentIdentity): Stream {
    const agent = this.#agentOf(identity);
    agent.streams += 1;
    return { agent, dictionary: new StreamDictionary(this.budget) };
  }

  /** It is over. */
  close({ agent, dictionary }: Stream): void {
    agent.streams -= 1;
    dictionary.end();
  }

  streamsOf({ key }: AgentIdentity): number {
    return this.#agents.get(key)?.streams ?? 0;
  }

  /** @param nowMs when it arrived */
  apply(stream: Stream, batch: FlowBatch, nowMs: number): Receipt {
    const { agent } = stream;
    const isRepeated = batch.epoch === agent.epoch && batch.sequence <= agent.sequence;
    const refusedBefore = agent.refused;
    this.#intake.read(stream, batch, { nowMs, isRepeated, pending: this.#pending });
    this.counts.refused += agent.refused - refusedBefore;
    this.counts.batches += 1;
    if (isRepeated) {
      this.counts.repeated += 1;
      return 'repeated';
    }
    agent.epoch = batch.epoch;
    agent.sequence = batch.sequence;
    const { key } = agent.identity;
    const { epoch, sequence } = batch;
    this.#pending.reporters.set(key, { key, epoch, sequence });
    return 'counted';
  }

  /** What is to be stored, since it was last cleared. */
  get pending(): Pending {
    return this.#pending;
  }

  clearPending(): void {
    this.#pending = new Pending();
  }

  /** What an earlier run knew: so that nothing that comes late is counted twice. */
  restore(known: {
    readonly edges: Iterable<StoredEdge>;
    readonly behind: Iterable<StoredBehind>;
  }): void {
    const behind = new Map([...known.behind].map((each) => [each.edge, each]));
    for (const stored of known.edges) {
      const { account } = this.edges.restore(stored);
      const told = behind.get(stored.index);
      if (!told) continue;
      account.source.lag.set(told.source);
      account.destination.lag.set(told.destination);
      account.source.atMs = told.sourceAtMs;
      account.destination.atMs = told.destinationAtMs;
    }
  }

  /** Since the last time this was asked. */
  takeSilences(): readonly Silence[] {
    const silences = this.#silences;
    this.#silences = [];
    return silences;
  }

  *openByEdge(): Iterable<{ readonly edge: number; readonly open: number }> {
    for (const edge of this.edges.all()) {
      const open = edge.openConnections;
      if (open > 0) yield { edge: edge.index, open };
    }
  }

  /** Ends that are behind the other one: what a restart must know to count nothing twice. */
  *behind(): Iterable<StoredBehind> {
    for (const { account, index } of this.edges.all()) {
      const { source, destination } = account;
      if (!isNothing(source.lag) || !isNothing(destination.lag)) yield account.stored(index);
    }
  }

  /** A second has passed. */
  tick(nowMs: number): FlowTick {
    this.#sweep(nowMs);
    const samples: Sample[] = [];
    const changed = new Set<string>();
    for (const edge of this.edges.takeFresh()) changed.add(edge.id);
    for (const edge of this.edges.all()) {
      this.#keepSeen(edge, nowMs);
      const sample = edge.sample(nowMs);
      if (sample) {
        samples.push(sample);
        this.#samples.set(edge.id, sample);
      } else if (!changed.has(edge.id)) continue;
      this.#judge(edge);
      const fingerprint = edge.fingerprint(nowMs);
      if (this.#fingerprints.get(edge.id) !== fingerprint) changed.add(edge.id);
      this.#fingerprints.set(edge.id, fingerprint);
    }
    const gone = this.edges.takeGone();
    for (const id of gone) {
      this.#fingerprints.delete(id);
      this.#samples.delete(id);
    }
    return { atMs: nowMs, samples, changed, gone };
  }

  samples(): readonly Sample[] {
    return [...this.#samples.values()];
  }

  reporters(nowMs: number): number {
    let count = 0;
    for (const agent of this.#agents.values()) if (isHeard(agent, nowMs)) count += 1;
    return count;
  }

  openConnections(): number {
    return this.budget.kept + this.budget.crowded;
  }

  onDenial(listener: (denial: Denial) => void): Unsubscribe {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #deny(denial: Denial): void {
    this.#pending.denials.push(denial);
    for (const listener of this.#listeners) listener(denial);
  }

  #agentOf(identity: AgentIdentity): ReportingAgent {
    const known = this.#agents.get(identity.key);
    if (known?.identity.spiffeId === identity.spiffeId) return known;
    const agent = new ReportingAgent(identity, this.#store.reporter(identity.key));
    if (known) this.#forget(known);
    this.#agents.set(identity.key, agent);
    return agent;
  }

  /** What is open and reported is seen, though nothing moves on it. */
  #keepSeen(edge: EdgeRecord, nowMs: number): void {
    if (edge.openConnections === 0) return;
    for (const reporter of ['source', 'destination'] as const) {
      if (edge.open[reporter] === 0) continue;
      for (const agent of edge.agents[reporter]) {
        if (isHeard(agent, nowMs)) edge.lastSeenMs = Math.max(edge.lastSeenMs, agent.toldMs);
      }
    }
  }

  #judge(edge: EdgeRecord): void {
    const { source, destination } = edge.agents;
    let toldMs = Infinity;
    for (const agent of source) toldMs = Math.min(toldMs, agent.toldMs);
    for (const agent of destination) toldMs = Math.min(toldMs, agent.toldMs);
    edge.agreement.judge(toldMs, source.size > 0 && destination.size > 0);
  }

  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptMs < SWEEP_MS / 4) return;
    this.#sweptMs = nowMs;
    this.edges.sweep(nowMs);
    for (const agent of this.#agents.values()) {
      for (const open of agent.connections.values()) {
        if (nowMs - (open.missingSinceMs ?? nowMs) < MISSING_MS_MAX) continue;
        this.#intake.drop(agent, open, nowMs);
      }
      if (nowMs - agent.heardMs > AGENT_KEPT_MS) this.#forget(agent);
    }
    for (const edge of this.edges.all()) {
      this.#listen(edge, nowMs);
      forgetSilent(edge, nowMs);
    }
  }

  #listen(edge: EdgeRecord, nowMs: number): void {
    const { source, destination } = edge.agents;
    if (source.size + destination.size === 0) return;
    let heardMs = 0;
    for (const agents of [source, destination]) {
      for (const agent of agents) heardMs = Math.max(heardMs, agent.heardMs);
    }
    const isSilent = nowMs - heardMs >= HEARD_WITHIN_MS;
    if (isSilent === edge.isSilent) return;
    edge.isSilent = isSilent;
    const atMs = isSilent ? heardMs : nowMs;
    this.#silences.push({ edge: edge.index, atMs, isOver: !isSilent });
  }

  #forget(agent: ReportingAgent): void {
    for (const open of agent.connections.values()) this.#intake.drop(agent, open, agent.heardMs);
    this.#agents.delete(agent.identity.key);
  }
}

const isHeard = ({ heardMs }: ReportingAgent, nowMs: number): boolean =>
  nowMs - heardMs < HEARD_WITHIN_MS;

/** Whether both ends report is asked of those that do. */
function forgetSilent(edge: EdgeRecord, nowMs: number): void {
  for (const agents of [edge.agents.source, edge.agents.destination]) {
    for (const agent of agents) if (nowMs - agent.heardMs > AGENT_KEPT_MS) agents.delete(agent);
  }
}
