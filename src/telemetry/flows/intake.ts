// Reads one batch into the account of its agent and of the edges that it names.
import type { Denial } from '#api/events.ts';
import type { Reporter } from '#api/graph.ts';
import type { FlowBatch, FlowConnection, FlowEdge } from '#gen/isthmus/v1/flows_pb.js';
import type { FlowClosed, FlowSums } from '#gen/isthmus/v1/flows_pb.js';
import { noDurations } from '#base/durations.ts';
import { isConnection, isCount, isEdge, readDurations, shortText } from './check-batch.ts';
import type { EdgeRecord } from './edge-record.ts';
import type { Edges } from './edges.ts';
import { EDGES_MAX } from './limits.ts';
import type { LiveConnections } from './live-connections.ts';
import { catchUp, crowdOf, moveOpen, release } from './open-connections.ts';
import type { OpenBudget, StreamDictionary } from './open-connections.ts';
import type { Pending } from './pending.ts';
import { FAILED, noQuantities, OPENED, TO_CLIENT, TO_SERVER } from './quantities.ts';
import type { Quantities } from './quantities.ts';
import type { EdgeUse, OpenConnection, ReportingAgent } from './reporters.ts';
import { failureText } from './response-flags.ts';
import { SameText } from './same-text.ts';

/** What is older than this is history, and no part of what the map shows as now. */
const LIVE_MS = 5000;
/** History takes no later than this, and nothing from the future. */
const LATE_MS_MAX = 3600_000;
const ASK_AGAIN_MS = 5000;
/** After a start, not everybody has told what waited. */
const SETTLING_MS = 60_000;
/** Agents that report an edge are waited for so long. */
const WAITED_FOR_MS = 120_000;

/** What is kept of an edge's facts for as long as the stream lasts. */
const TEXTS = [
  'clientPeer',
  'clientPrincipal',
  'serverPeer',
  'serverPrincipal',
  'serviceHost',
  'protocol',
  'security',
  'tlsVersion',
  'tlsCipher',
] as const;

export type Stream = { readonly agent: ReportingAgent; readonly dictionary: StreamDictionary };

type Reading = {
  readonly nowMs: number;
  readonly isRepeated: boolean;
  readonly pending: Pending;
};

/** Of one batch: its times by the control plane's clock. */
type Context = Stream & Reading & { readonly offsetMs: number; readonly atMs: number };

export class Intake {
  readonly #edges: Edges;
  readonly #connections: LiveConnections;
  readonly #startedMs: number;
  readonly #onDenial: (denial: Denial) => void;
  readonly #budget: OpenBudget;
  readonly #same = new SameText();
  /** Used for one report after the other: a second brings thousands. */
  readonly #delta = noQuantities();
  readonly #joined = noQuantities();
  readonly #durations = noDurations();

  constructor(options: {
    readonly edges: Edges;
    readonly connections: LiveConnections;
    readonly budget: OpenBudget;
    readonly startedMs: number;
    readonly onDenial: (denial: Denial) => void;
  }) {
    this.#edges = options.edges;
    this.#connections = options.connections;
    this.#budget = options.budget;
    this.#startedMs = options.startedMs;
    this.#onDenial = options.onDenial;
  }

  read(stream: Stream, batch: FlowBatch, reading: Reading): void {
    const { agent } = stream;
    const { nowMs, isRepeated } = reading;
    const offsetMs = nowMs - batch.sentMs;
    const atMs = Math.min(nowMs, Math.max(nowMs - LATE_MS_MAX, batch.atMs + offsetMs));
    const context: Context = { ...stream, ...reading, offsetMs, atMs };
    agent.heardMs = nowMs;
    for (const facts of batch.edges) this.#nameEdge(context, facts);
    const over = new Set(isRepeated ? batch.closed.map(({ connection }) => connection) : []);
    for (const facts of batch.connections) {
      if (!over.has(facts.number)) this.#nameConnection(context, facts);
    }
    if (batch.isComplete) this.#missWhatIsNot(context, batch.connections);
    if (isRepeated) return catchUp(context.dictionary, batch);
    agent.toldMs = Math.max(agent.toldMs, atMs);
    for (const number of batch.opened) this.#open(context, number);
    for (let at = 0; at < batch.moved.length; at++) {
      const bytes = { toServer: batch.toServer[at] ?? 0, toClient: batch.toClient[at] ?? 0 };
      this.#move(context, batch.moved[at] ?? 0, bytes);
    }
    for (const closed of batch.closed) this.#close(context, closed);
    for (const sums of batch.sums) this.#sum(context, sums);
  }

  /** The agent no longer has it. */
  drop(agent: ReportingAgent, open: OpenConnection, nowMs: number): void {
    release(agent, open, this.#budget);
    if (open.live) this.#connections.close(open.live, nowMs, '');
  }

  #nameEdge(context: Context, facts: FlowEdge): void {
    const { agent, dictionary } = context;
    if (dictionary.edges.size >= EDGES_MAX || !isEdge(facts)) return refuse(agent);
    for (const name of TEXTS) facts[name] = this.#same.of(facts[name]);
    dictionary.edges.set(facts.number, undefined);
    if (!dictionary.mayUse) return this.#nameOthers(context, facts);
    const use = this.#useOf(context, facts);
    if (use) dictionary.edges.set(facts.number, use);
    else refuse(agent);
  }

  /** There is no room for what this is: it is told with all that there is no room for. */
  #nameOthers(context: Context, facts: FlowEdge): void {
    const { agent, dictionary } = context;
    refuse(agent);
    const { isDestination, protocol, security } = facts;
    const key = `${isDestination} ${protocol} ${security}`;
    const others = dictionary.others.get(key) ?? this.#useOf(context, withoutPeer(facts));
    if (!others) return;
    dictionary.others.set(key, others);
    dictionary.edges.set(facts.number, others);
  }

  #useOf(context: Context, facts: FlowEdge): EdgeUse | undefined {
    const reporter: Reporter = facts.isDestination ? 'destination' : 'source';
    const found = this.#find(context, facts);
    if (!found) return undefined;
    this.#budget.uses += 1;
    const { edge, askAgainMs } = found;
    const session = {
      security: securityOf(facts.security),
      version: facts.tlsVersion,
      cipher: facts.tlsCipher,
      clientIdentity: facts.clientPrincipal,
      serverIdentity: facts.serverPrincipal,
    };
    return { facts, reporter, session, edge, askAgainMs, talker: undefined, crowd: undefined };
  }

  #find(context: Context, facts: FlowEdge): Pick<EdgeUse, 'edge' | 'askAgainMs'> | undefined {
    const { agent, nowMs, pending } = context;
    const found = this.#edges.find(facts, agent.identity, {
      nowMs,
      pending,
      mayIntroduce: () => {
        const may = agent.mayIntroduce(nowMs);
        if (!may) refuse(agent);
        return may;
      },
    });
    if (!found) return undefined;
    const reporter = facts.isDestination ? 'destination' : 'source';
    found.edge.agents[reporter].add(agent);
    return { edge: found.edge, askAgainMs: found.isFound ? undefined : nowMs + ASK_AGAIN_MS };
  }

  /** The edge of a use; one whose ends were not all known is asked for again now and then. */
  #edgeOf(context: Context, use: EdgeUse): EdgeRecord {
    const isDue = use.askAgainMs !== undefined && context.nowMs >= use.askAgainMs;
    if (!use.edge.isPutAway && !isDue) return use.edge;
    const found = this.#find(context, use.facts);
    if (found) {
      if (found.edge !== use.edge) {
        moveOpen(context.agent, use, found.edge);
        use.talker = undefined;
      }
      use.edge = found.edge;
      use.askAgainMs = found.askAgainMs;
    }
    return use.edge;
  }

  #nameConnection(context: Context, facts: FlowConnection): void {
    const { agent, dictionary } = context;
    const use = dictionary.edges.get(facts.edge);
    dictionary.forget(facts.number);
    if (!use || !isConnection(facts) || !dictionary.mayName) return refuse(agent);
    const known = agent.connections.get(facts.key);
    // what is open and idle is encrypted, or is not, all the same
    use.edge.seen(use.reporter, use.session, { bytes: 0, atMs: context.atMs });
    if (known) {
      dictionary.name(facts.number, known);
      return this.#takeUp(context, known, facts, use);
    }
    this.#edgeOf(context, use);
    const isKept = this.#budget.mayKeep(agent);
    const open = isKept ? this.#keep(context, facts, use) : crowdOf(use, this.#budget);
    dictionary.name(facts.number, open);
  }

  #keep(context: Context, facts: FlowConnection, use: EdgeUse): OpenConnection {
    const { agent, nowMs, offsetMs } = context;
    const { baseToServer: toServer, baseToClient: toClient, connectMs } = facts;
    const { edge, reporter } = use;
    const open: OpenConnection = {
      key: facts.key,
      use,
      toServer,
      toClient,
      live: this.#connections.open({
        edge,
        reporter,
        openedAtMs: Math.round(Math.min(nowMs, facts.openedMs + offsetMs)) || 0,
        movedAtMs: Math.round(nowMs),
        connectMs: isCount(connectMs) && connectMs > 0 ? connectMs : null,
        client: shortAddress(facts.client),
        server: shortAddress(facts.server),
        encryption: encryptionOf(use),
        principals: use.session,
        toServer,
        toClient,
      }),
      missingSinceMs: undefined,
    };
    agent.connections.set(open.key, open);
    this.#budget.kept += 1;
    edge.open[reporter] += 1;
    return open;
  }

  /** What it carried while nobody could tell, between an agent's death and the next one's start. */
  #takeUp(context: Context, open: OpenConnection, facts: FlowConnection, use: EdgeUse): void {
    open.missingSinceMs = undefined;
    if (open.use.edge === use.edge) open.use = use;
    const toServer = Math.max(0, facts.baseToServer - open.toServer);
    const toClient = Math.max(0, facts.baseToClient - open.toClient);
    if (toServer + toClient > 0) this.#add(context, open, { toServer, toClient });
  }

  #missWhatIsNot({ agent, nowMs }: Context, listed: readonly FlowConnection[]): void {
    const keys = new Set(listed.map(({ key }) => key));
    for (const open of agent.connections.values()) {
      if (!keys.has(open.key)) open.missingSinceMs ??= nowMs;
    }
  }

  #open(context: Context, number: number): void {
    const open = context.dictionary.connection(number);
    if (!open) return refuse(context.agent);
    const { use } = open;
    this.#count(context, use, OPENED, 1);
    if (hasReached(use)) use.edge.reached(context.atMs);
  }

  #move(context: Context, number: number, bytes: { toServer: number; toClient: number }): void {
    const { agent, dictionary } = context;
    const open = dictionary.connection(number);
    if (!open || !isCount(bytes.toServer) || !isCount(bytes.toClient)) return refuse(agent);
    this.#add(context, open, bytes);
  }

  #add(
    context: Context,
    open: OpenConnection,
    bytes: { toServer: number; toClient: number },
  ): void {
    open.toServer += bytes.toServer;
    open.toClient += bytes.toClient;
    const { live } = open;
    if (live) this.#connections.move(live, open.use.reporter, open, context.atMs);
    const delta = this.#delta.fill(0);
    delta[TO_SERVER] = bytes.toServer;
    delta[TO_CLIENT] = bytes.toClient;
    this.#advance(context, open.use, delta);
    const { edge, reporter } = open.use;
    if (bytes.toClient > 0) edge.worked(context.atMs);
    // what the client's end has sent off need not have arrived
    if (bytes.toServer > 0 && reporter === 'destination') edge.reached(context.atMs);
  }

  #close(context: Context, closed: FlowClosed): void {
    const { agent, dictionary, atMs } = context;
    const open = dictionary.connection(closed.connection);
    dictionary.forget(closed.connection);
    if (!open) return refuse(agent);
    release(agent, open, this.#budget);
    const flags = shortText(closed.flags);
    if (open.live) this.#connections.close(open.live, Math.round(atMs), flags);
    this.#count(context, open.use, FAILED, closed.hasFailed ? 1 : 0);
    if (closed.hasFailed) this.#fail(context, open.use, { flags, deniedBy: closed.deniedBy });
  }

  #sum(context: Context, sums: FlowSums): void {
    const { agent, dictionary } = context;
    const use = dictionary.edges.get(sums.edge);
    const { toServer, toClient, opened, failed, requests, requestMs, clientErrors, denied } = sums;
    const bytes = [toServer, toClient] as const;
    const delta = Float64Array.of(...bytes, opened, failed, requests, requestMs, clientErrors);
    const isSane = delta.every(isCount) && isCount(denied) && readDurations(sums, this.#durations);
    if (!use || !isSane) return refuse(agent);
    this.#advance(context, use, delta);
    if (sums.durations.length > 0) this.#time(context, use);
    const { edge } = use;
    if (opened + requests > 0 && hasReached(use)) edge.reached(context.atMs);
    const hasAnswered = failed === 0 ? toClient > 0 : requests > failed;
    if (hasAnswered) edge.worked(context.atMs);
    if (failed === 0) return;
    this.#fail(context, use, {
      flags: shortText(sums.flags),
      deniedBy: denied > 0 ? sums.deniedBy || '-' : '',
    });
  }

  /** How long requests took, which each end tells for itself. */
  #time({ atMs, nowMs, pending }: Context, { edge, reporter, talker }: EdgeUse): void {
    if (nowMs - atMs <= LIVE_MS) edge.time(reporter, this.#durations, atMs);
    if (talker) pending.time(talker, atMs, reporter, this.#durations);
  }

  #count(context: Context, use: EdgeUse, quantity: number, value: number): void {
    const delta = this.#delta.fill(0);
    delta[quantity] = value;
    this.#advance(context, use, delta);
  }

  #advance(context: Context, use: EdgeUse, delta: Quantities): void {
    const { atMs, nowMs, pending } = context;
    const edge = this.#edgeOf(context, use);
    const { reporter, session } = use;
    const bytes = (delta[TO_SERVER] ?? 0) + (delta[TO_CLIENT] ?? 0);
    const completeMs = this.#completeMs(edge, reporter, nowMs);
    edge.account.advance(reporter, { delta, atMs, completeMs }, this.#joined);
    edge.seen(reporter, session, { bytes, atMs });
    edge.agreement.count(reporter, bytes, atMs);
    if (nowMs - atMs <= LIVE_MS) edge.count(this.#joined, atMs);
    use.talker ??= this.#edges.talker(edge, use.facts, pending);
    pending.count(use.talker, atMs, this.#joined);
    pending.accounts.set(edge.index, edge.account);
  }

  /** Up to when those who report this end of the edge have told everything. */
  #completeMs(edge: EdgeRecord, reporter: Reporter, nowMs: number): number {
    if (nowMs - this.#startedMs < SETTLING_MS) return -Infinity;
    let completeMs = Infinity;
    for (const agent of edge.agents[reporter]) {
      if (nowMs - agent.toldMs > WAITED_FOR_MS) continue;
      completeMs = Math.min(completeMs, agent.toldMs);
    }
    return completeMs;
  }

  #fail(
    { atMs }: Context,
    { edge, facts, reporter }: EdgeUse,
    failure: { readonly flags: string; readonly deniedBy: string },
  ): void {
    const flags = failure.flags;
    const deniedBy = shortText(failure.deniedBy);
    const text = failureText(flags, deniedBy, facts.serviceHost);
    edge.failed({ flags, text, atMs: Math.round(atMs), reporter });
    if (deniedBy === '' || !edge.mayTellDenial(atMs)) return;
    this.#onDenial({
      edge: edge.id,
      from: edge.from,
      to: edge.to,
      port: edge.port,
      clientIdentity: facts.clientPrincipal,
      policy: deniedBy === '-' ? '' : deniedBy,
      atMs: Math.round(atMs),
    });
  }
}

/** Its own end is known; who the other is, is not told. */
const withoutPeer = (facts: FlowEdge): FlowEdge =>
  facts.isDestination
    ? { ...facts, clientPeer: '', clientPrincipal: '' }
    : { ...facts, serverPeer: '', serverPrincipal: '', serviceHost: '', dialled: '', port: 0 };

function refuse(agent: ReportingAgent): void {
  agent.refused += 1;
}

const securityOf = (text: string): EdgeUse['session']['security'] =>
  text === 'mutual' || text === 'tls' || text === 'none' ? text : '';

function encryptionOf({ session }: EdgeUse): 'tls' | 'plaintext' | 'unknown' {
  if (session.security === '') return 'unknown';
  return session.security === 'none' ? 'plaintext' : 'tls';
}

/** The server's end hears of nothing else; the client's knows how the session was if it had one. */
const hasReached = ({ reporter, session }: EdgeUse): boolean =>
  reporter === 'destination' || session.security !== '';

/** `[v6]:port` at the longest; anything else is nonsense. */
const shortAddress = (text: string): string => text.replace(/[^0-9a-f.:[\]%]/gi, '').slice(0, 64);
