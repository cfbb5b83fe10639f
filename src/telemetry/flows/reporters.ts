// Agents that report, each known by its certificate.
import type { Reporter } from '#api/graph.ts';
import type { FlowEdge } from '#gen/isthmus/v1/flows_pb.js';
import type { Session } from './encryption-ledger.ts';
import type { EdgeRecord } from './edge-record.ts';
import type { LiveConnection } from './live-connections.ts';
import type { Talker } from './pending.ts';

/** Who a stream is from: all of it from the certificate. */
export type AgentIdentity = {
  /** `Pod/<namespace>/<name>` or `WorkloadEntry/<namespace>/<name>`. */
  readonly key: string;
  /** As peers call it (base/peer-name.ts). */
  readonly peer: string;
  readonly spiffeId: string;
};

/** A kind of traffic, as one agent has named it on one stream. */
export type EdgeUse = {
  readonly facts: FlowEdge;
  readonly reporter: Reporter;
  readonly session: Session;
  edge: EdgeRecord;
  /** Who talks, on that edge; undefined: not asked yet. */
  talker: Talker | undefined;
  /** One of its ends was not known to the mesh: to be asked again after this time. */
  askAgainMs: number | undefined;
  /** Undefined: every open connection of it is remembered by itself. */
  crowd: Crowd | undefined;
};

/** Open connections that are only counted, all by one record. */
export type Crowd = { readonly together: OpenConnection; open: number };

/** One connection in one agent's account. */
export type OpenConnection = {
  readonly key: string;
  use: EdgeUse;
  toServer: number;
  toClient: number;
  readonly live: LiveConnection | undefined;
  /** Since when the agent no longer says that it is there; undefined: it does. */
  missingSinceMs: number | undefined;
};

/** Lost and found again within this, it is still the same. */
export const MISSING_MS_MAX = 30_000;
/** Further kinds of traffic that an agent may introduce, at once and by the minute. */
const NEW_EDGES_MAX = 2000;
const NEW_EDGES_PER_MINUTE = 200;

export class ReportingAgent {
  readonly identity: AgentIdentity;
  epoch = '';
  sequence = 0;
  /** Up to when it has told, by the control plane's clock. */
  toldMs = 0;
  /** When it was last heard. */
  heardMs = 0;
  refused = 0;
  /** That are open: two for a moment, when one takes another's place. */
  streams = 0;
  /** By Envoy's own name of them. */
  readonly connections = new Map<string, OpenConnection>();
  #newEdges = NEW_EDGES_MAX;
  #refilledMs = 0;

  /** @param last its last batch that was counted, in an earlier run of this program too */
  constructor(identity: AgentIdentity, last?: { epoch: string; sequence: number }) {
    this.identity = identity;
    this.epoch = last?.epoch ?? '';
    this.sequence = last?.sequence ?? 0;
  }

  /** May it introduce one more kind of traffic? If so, that is taken from what it may. */
  mayIntroduce(nowMs: number): boolean {
    const minutes = Math.max(0, nowMs - this.#refilledMs) / 60_000;
    this.#refilledMs = nowMs;
    const more = this.#newEdges + minutes * NEW_EDGES_PER_MINUTE;
    this.#newEdges = Math.min(NEW_EDGES_MAX, more);
    if (this.#newEdges < 1) return false;
    this.#newEdges -= 1;
    return true;
  }
}
