// The agents that attend: what each says of its machine, and what it can be asked to do there. The
// interface; sessions.ts implements it.
import type { LogSource } from '#api/workload.ts';
import type { AgentAnswers, AgentRequest, AgentRequestKind } from './requests.ts';

/** `Pod/<namespace>/<name>` or `WorkloadEntry/<namespace>/<name>`, of the agent's certificate. */
export type AgentKey = string;

/** One agent whose stream is open. */
export type AgentSession = {
  readonly key: AgentKey;
  readonly namespace: string;
  /** SPIFFE ID of its certificate. */
  readonly identity: string;
  /** `10.128.0.14:40190` */
  readonly remoteAddress: string;
  readonly connectedAtMs: number;
  /** Of `isthmus agent`; empty until its first word. */
  readonly version: string;
  /** `Debian GNU/Linux 12 (bookworm)`; empty: not said. */
  readonly os: string;
  /** The machine's own addresses. */
  readonly addresses: readonly string[];
  /** Which logs it can tail; `app` only where its machine's owner lets it. */
  readonly logSources: readonly LogSource[];
  /** The agent's clock minus ours, less than a round trip wrong; 0 until its first status. */
  readonly clockSkewMs: number;
  /** Undefined until its first status. Texts are without control characters, and cut. */
  readonly status: AgentStatus | undefined;
};

/** What an agent says of itself: at the start, when it changes, and every 10 s. */
export type AgentStatus = {
  /** By our clock. */
  readonly receivedAtMs: number;
  readonly capture: {
    readonly state: 'off' | 'waiting' | 'verified' | 'failed' | 'unknown';
    readonly reason: string;
  };
  /** Why the workload is not fit for traffic; empty: it is. */
  readonly unready: readonly string[];
  readonly envoy: {
    readonly state: 'running' | 'starting' | 'stopped' | 'unknown';
    readonly version: string;
    readonly pid: number;
    readonly restarts: number;
  };
  /** Undefined: it has none. */
  readonly certificate:
    | { readonly identity: string; readonly serial: string; readonly notAfterMs: number }
    | undefined;
};

export type AskOptions = {
  readonly signal: AbortSignal;
  /** Who asks, for the audit: a user's name, `system:isthmusd` for our own purposes. */
  readonly by: string;
};

export interface AgentSessions {
  /** In no order. */
  sessions(): Iterable<AgentSession>;
  session(key: AgentKey): AgentSession | undefined;
  /** Told of a session that has begun, changed or ended (`session` is then undefined). */
  onChange(listener: (key: AgentKey) => void): () => void;
  /**
   * Asks an agent. Answers come one by one until the agent is done; a consumer that stops, or an
   * aborted signal, takes the request back.
   *
   * @throws AgentRequestError while it is iterated, for whatever does not come from the machine
   *   asked about: no agent, quotas, a lost stream, an answer that is none
   */
  ask<Kind extends AgentRequestKind>(
    key: AgentKey,
    request: Extract<AgentRequest, { readonly kind: Kind }>,
    options: AskOptions,
  ): AsyncIterable<AgentAnswers[Kind]>;
}

export class AgentRequestError extends Error {
  override readonly name = 'AgentRequestError';
  readonly reason: 'not-connected' | 'busy' | 'lost' | 'refused' | 'timed-out' | 'too-old';

  constructor(reason: AgentRequestError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/**
 * Of a request with one answer.
 *
 * @throws AgentRequestError, also when there was none
 */
export async function askOnce<Kind extends AgentRequestKind>(
  agents: Pick<AgentSessions, 'ask'>,
  key: AgentKey,
  request: Extract<AgentRequest, { readonly kind: Kind }>,
  options: AskOptions,
): Promise<AgentAnswers[Kind]> {
  for await (const answer of agents.ask<Kind>(key, request, options)) return answer;
  throw new AgentRequestError('lost', `${key} ended the request without an answer`);
}
