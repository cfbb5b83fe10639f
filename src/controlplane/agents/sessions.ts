// isthmus.v1.AgentService/Attend: the agents that attend, one session each. An agent speaks for the
// workload of its certificate and for nobody else.
import { withDeadline, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { isAbort } from '#base/tasks.ts';
import { certificateNameOf, type WorkloadIdentity } from '#base/workload-identity.ts';
import type { GrpcCall, GrpcHandler } from '#grpc/call.ts';
import { GrpcStatus } from '#grpc/status.ts';
import type { Admission } from '#xds/server.ts';
import {
  AgentRequestError,
  type AgentKey,
  type AgentSession,
  type AgentSessions,
  type AskOptions,
} from './agents.ts';
import { READERS, type AnswerReader } from './encode.ts';
import type { OpenRequest } from './open-request.ts';
import type { AgentAnswers, AgentRequest, AgentRequestKind } from './requests.ts';
import { Session, SESSION_LIMITS, type SessionLimits } from './session.ts';

export const ATTEND_METHOD = '/isthmus.v1.AgentService/Attend';

/** One more than the agent's own, which says more. */
const ANSWER_LIMIT_MS = 65_000;
const FOLLOW_LIMIT_MS = 3_610_000;
const SESSIONS_MAX = 20_000;

export type AgentServerOptions = {
  /** Decides by the call's certificate. */
  readonly admit: (call: GrpcCall) => Admission<WorkloadIdentity>;
  readonly limits?: SessionLimits;
  readonly clock: Clock;
  readonly log: Logger;
  /** Gets a line for every request: who asked whom for what, and how it ended. */
  readonly audit: Logger;
};

type Asked<Kind extends AgentRequestKind> = Extract<AgentRequest, { readonly kind: Kind }>;

export class AgentServer implements AgentSessions {
  readonly methods: Readonly<Record<string, GrpcHandler>>;
  readonly #options: AgentServerOptions;
  readonly #sessions = new Map<AgentKey, { readonly session: Session; readonly call: GrpcCall }>();
  readonly #listeners = new Set<(key: AgentKey) => void>();

  constructor(options: AgentServerOptions) {
    this.#options = options;
    this.methods = { [ATTEND_METHOD]: (call) => this.#accept(call) };
  }

  *sessions(): Generator<AgentSession, void, undefined> {
    for (const { session } of this.#sessions.values()) yield session.view;
  }

  session(key: AgentKey): AgentSession | undefined {
    return this.#sessions.get(certified(key))?.session.view;
  }

  onChange(listener: (key: AgentKey) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends every stream; agents come again. */
  close(): void {
    for (const { call } of this.#sessions.values()) {
      call.end(GrpcStatus.unavailable, 'the control plane is shutting down');
    }
  }

  async *ask<Kind extends AgentRequestKind>(
    key: AgentKey,
    request: Asked<Kind>,
    { signal, by }: AskOptions,
  ): AsyncGenerator<AgentAnswers[Kind], void, undefined> {
    const fields = { by, agent: key, request: request.kind, about: subjectOf(request) };
    const { audit, clock } = this.#options;
    const sinceMs = clock.nowMs();
    let outcome = 'taken back';
    try {
      for await (const answer of this.#ask<Kind>(key, request, signal)) {
        outcome = 'answered'; // whoever has enough may stop here
        yield answer;
      }
      outcome = 'answered';
    } catch (error) {
      if (!(signal.aborted && isAbort(error, signal))) {
        outcome = error instanceof AgentRequestError ? error.reason : 'failed';
      }
      throw error;
    } finally {
      audit.info('agent asked', { ...fields, outcome, durationMs: clock.nowMs() - sinceMs });
    }
  }

  async *#ask<Kind extends AgentRequestKind>(
    key: AgentKey,
    request: Asked<Kind>,
    signal: AbortSignal,
  ): AsyncGenerator<AgentAnswers[Kind], void, undefined> {
    const attending = this.#sessions.get(certified(key))?.session;
    if (!attending) throw new AgentRequestError('not-connected', `no agent of ${key} attends`);
    const { id, request: open } = attending.open(request);
    const read: AnswerReader<Kind> = READERS[request.kind]();
    const asked: AgentRequest = request;
    const isFollowing = asked.kind === 'log_tail' && asked.follow;
    const limitMs = isFollowing ? FOLLOW_LIMIT_MS : ANSWER_LIMIT_MS;
    try {
      for (;;) {
        const answer = await this.#next(open, { limitMs, signal });
        if (!answer) return;
        const answers = read(answer);
        if (!answers) {
          throw new AgentRequestError('refused', `the agent of ${key} answered something else`);
        }
        yield* answers;
      }
    } finally {
      attending.release(id);
    }
  }

  async #next(
    open: OpenRequest,
    { limitMs, signal: parent }: { readonly limitMs: number; readonly signal: AbortSignal },
  ) {
    const limit = { what: 'the agent', limitMs, clock: this.#options.clock, parent };
    try {
      return await withDeadline(limit, (signal) => open.next(signal));
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'TimeoutError')) throw error;
      throw new AgentRequestError('timed-out', 'the agent did not answer in time');
    }
  }

  #accept(call: GrpcCall): void {
    const { admit, limits = SESSION_LIMITS, clock, log } = this.#options;
    const admission = admit(call);
    if (!admission.ok) {
      log.info('agent refused', { remote: call.remoteAddress, reason: admission.message });
      return call.end(admission.code, admission.message);
    }
    const { id: key, proxy: identity } = admission;
    const former = this.#sessions.get(key);
    if (!former && this.#sessions.size >= SESSIONS_MAX) {
      return call.end(GrpcStatus.resourceExhausted, 'too many agents');
    }
    const session = new Session({
      key,
      identity,
      call,
      clock,
      limits,
      onChange: () => this.#tell(key),
    });
    this.#sessions.set(key, { session, call });
    call.onClose = () => {
      session.lost();
      if (this.#sessions.get(key)?.session !== session) return;
      this.#sessions.delete(key);
      log.info('agent gone', { agent: key });
      this.#tell(key);
    };
    // the newest stream of a workload counts: an older one is not yet known to be dead
    former?.call.end(GrpcStatus.aborted, 'another agent of the same workload attends now');
    log.info('agent attends', { agent: key, remote: call.remoteAddress });
    this.#tell(key);
  }

  #tell(key: AgentKey): void {
    for (const listener of this.#listeners) listener(key);
  }
}

/** As certificates have it: long names are cut there. */
function certified(key: AgentKey): AgentKey {
  const [kind = '', namespace = '', name = ''] = key.split('/');
  return `${kind}/${namespace}/${certificateNameOf(name)}`;
}

/** What was asked about, without contents: for the audit. */
function subjectOf(request: AgentRequest): string {
  switch (request.kind) {
    case 'log_tail':
      return request.source;
    case 'dns_query':
      return request.name;
    case 'tcp_probe':
      return `${request.address}:${request.port}`;
    case 'config_dump':
      return request.resource ?? '';
    case 'end_sessions':
      return `${request.sessions.length} of its sessions`;
    default:
      return '';
  }
}
