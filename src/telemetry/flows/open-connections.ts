// Connections in the accounts of agents. All agents together may have more open than isthmusd has
// room for: what is beyond is no longer remembered one by one, but in a crowd of its kind of
// traffic. Its bytes count all the same; what is lost with an agent's death is lost of it, and no
// list has it.
import type { FlowBatch } from '#gen/isthmus/v1/flows_pb.js';
import type { EdgeRecord } from './edge-record.ts';
import { CONNECTIONS_MAX } from './limits.ts';
import type { EdgeUse, OpenConnection, ReportingAgent } from './reporters.ts';

/** Remembered one by one, of all agents together: about 600 bytes each. */
const KEPT_MAX = 10_000;
/** So many an agent may have in any case: another's flood is not its loss. */
const KEPT_ALWAYS = 8;
/** Numbers that streams have given to connections, of all together: about 50 bytes each. */
const NAMED_MAX = 200_000;
const NAMED_ALWAYS = 256;

/** Kinds of traffic that streams have named, of all together: about 1 kB each. */
const USES_MAX = 16_000;
const USES_ALWAYS = 8;

/** What of the room is taken. */
export class OpenBudget {
  kept = 0;
  crowded = 0;
  named = 0;
  uses = 0;

  mayKeep({ connections: { size } }: ReportingAgent): boolean {
    if (size >= CONNECTIONS_MAX) return false;
    return this.kept < KEPT_MAX || size < KEPT_ALWAYS;
  }

  /** @param ofStream how many the stream has named already */
  mayName(ofStream: number): boolean {
    if (ofStream >= CONNECTIONS_MAX) return false;
    return this.named < NAMED_MAX || ofStream < NAMED_ALWAYS;
  }
}

/** What the numbers of one stream mean; an edge that is undefined was refused. */
export class StreamDictionary {
  readonly edges = new Map<number, EdgeUse | undefined>();
  /** Each for all that there was no room for. */
  readonly others = new Map<string, EdgeUse>();
  readonly #connections = new Map<number, OpenConnection>();
  readonly #budget: OpenBudget;

  constructor(budget: OpenBudget) {
    this.#budget = budget;
  }

  connection(number: number): OpenConnection | undefined {
    return this.#connections.get(number);
  }

  /** Whether there is room for one more kind of traffic. */
  get mayUse(): boolean {
    return this.#budget.uses < USES_MAX || this.edges.size <= USES_ALWAYS;
  }

  /** Whether there is room for one more connection. */
  get mayName(): boolean {
    return this.#budget.mayName(this.#connections.size);
  }

  name(number: number, open: OpenConnection): void {
    if (!this.#connections.has(number)) this.#budget.named += 1;
    this.#connections.set(number, open);
  }

  forget(number: number): void {
    if (this.#connections.delete(number)) this.#budget.named -= 1;
  }

  /** The stream is over: whoever is in a crowd is named again on the next, if it is still open. */
  end(): void {
    const uses = new Set(this.edges.values());
    for (const use of uses) if (use?.crowd) leave(use, use.crowd.open, this.#budget);
    uses.delete(undefined);
    this.#budget.uses -= uses.size;
    this.edges.clear();
    this.others.clear();
    this.#budget.named -= this.#connections.size;
    this.#connections.clear();
  }
}

/** One more of this kind of traffic that is not remembered by itself. */
export function crowdOf(use: EdgeUse, budget: OpenBudget): OpenConnection {
  const together = { key: '', use, toServer: 0, toClient: 0, live: undefined };
  use.crowd ??= { together: { ...together, missingSinceMs: undefined }, open: 0 };
  use.crowd.open += 1;
  budget.crowded += 1;
  countOpen(use.edge, use, 1);
  return use.crowd.together;
}

/** A connection is over, as far as this agent is concerned. */
export function release(agent: ReportingAgent, open: OpenConnection, budget: OpenBudget): void {
  if (open === open.use.crowd?.together) return leave(open.use, 1, budget);
  if (agent.connections.delete(open.key)) budget.kept -= 1;
  countOpen(open.use.edge, open.use, -1);
}

function leave(use: EdgeUse, count: number, budget: OpenBudget): void {
  const { crowd } = use;
  if (!crowd) return;
  const left = Math.min(count, crowd.open);
  crowd.open -= left;
  budget.crowded -= left;
  countOpen(use.edge, use, -left);
}

/** One of its ends has become known: what is open on it goes along. */
export function moveOpen(agent: ReportingAgent, use: EdgeUse, to: EdgeRecord): void {
  let count = use.crowd?.open ?? 0;
  for (const open of agent.connections.values()) if (open.use === use) count += 1;
  countOpen(use.edge, use, -count);
  countOpen(to, use, count);
}

function countOpen(edge: EdgeRecord, { reporter }: EdgeUse, more: number): void {
  edge.open[reporter] = Math.max(0, edge.open[reporter] + more);
}

/** What the batch moved is counted; whoever has read its facts anew must know that. */
export function catchUp(dictionary: StreamDictionary, batch: FlowBatch): void {
  const bases = new Map(batch.connections.map((facts) => [facts.number, facts]));
  for (const [at, number] of batch.moved.entries()) {
    const open = dictionary.connection(number);
    const base = bases.get(number);
    if (!open || !base) continue;
    open.toServer = Math.max(open.toServer, base.baseToServer + (batch.toServer[at] ?? 0));
    open.toClient = Math.max(open.toClient, base.baseToClient + (batch.toClient[at] ?? 0));
  }
}
