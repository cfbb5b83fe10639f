// One agent's stream, as isthmusd sees it.
import type { Clock } from '#base/clock.ts';
import { spiffeIdOf, type WorkloadIdentity } from '#base/workload-identity.ts';
import type { GrpcCall } from '#grpc/call.ts';
import { GrpcStatus } from '#grpc/status.ts';
import { AgentRequestError, type AgentKey, type AgentSession } from './agents.ts';
import {
  decodeMessage,
  encodeOrder,
  OLDER_SOURCES,
  orderOf,
  readHello,
  readStatus,
  skewOf,
} from './encode.ts';
import { OpenRequest } from './open-request.ts';
import type { AgentRequest } from './requests.ts';

export type SessionLimits = {
  /** Open at once. */
  readonly requestsMax: number;
  /** What an agent may send; beyond it, it is read more slowly. */
  readonly bytesPerSecond: number;
};

export const SESSION_LIMITS: SessionLimits = { requestsMax: 4, bytesPerSecond: 1 << 20 };
const MESSAGE_BYTES_MAX = 1 << 20;
/** Statuses that say nothing new come every 10 s: more than this a second is no agent of ours. */
const STATUSES_PER_SECOND_MAX = 20;

export type SessionOptions = {
  readonly key: AgentKey;
  readonly identity: WorkloadIdentity;
  readonly call: GrpcCall;
  readonly clock: Clock;
  readonly limits: SessionLimits;
  readonly onChange: () => void;
};

export class Session {
  readonly #options: SessionOptions;
  readonly #requests = new Map<number, OpenRequest>();
  #view: AgentSession;
  #lastId = 0;
  /** When all that has been read would have been due. */
  #readUntilMs: number;
  #statuses = { second: 0, count: 0 };
  readonly #ended = new AbortController();

  constructor(options: SessionOptions) {
    const { key, identity, call, clock } = options;
    this.#options = options;
    this.#readUntilMs = clock.nowMs();
    this.#view = {
      key,
      namespace: identity.namespace,
      identity: spiffeIdOf(identity),
      remoteAddress: call.remoteAddress,
      connectedAtMs: clock.nowMs(),
      version: '',
      os: '',
      addresses: [],
      logSources: OLDER_SOURCES,
      clockSkewMs: 0,
      status: undefined,
    };
    call.limitMessages(MESSAGE_BYTES_MAX);
    call.onMessage = (bytes) => this.#receive(bytes);
    call.onEnd = () => call.end();
    call.send(encodeOrder({ id: 0 })); // accepted
  }

  get view(): AgentSession {
    return this.#view;
  }

  /** @throws AgentRequestError */
  open(request: AgentRequest): { readonly id: number; readonly request: OpenRequest } {
    const { key, limits, call } = this.#options;
    if (this.#requests.size >= limits.requestsMax) {
      throw new AgentRequestError('busy', `${key} has ${limits.requestsMax} requests open`);
    }
    this.#lastId = (this.#lastId % 0xffff_ffff) + 1;
    const open = new OpenRequest(key);
    this.#requests.set(this.#lastId, open);
    call.send(encodeOrder(orderOf(this.#lastId, request)));
    return { id: this.#lastId, request: open };
  }

  /** The request is over, or nobody wants it any more. */
  release(id: number): void {
    const request = this.#requests.get(id);
    this.#requests.delete(id);
    if (request && !request.isAnswered) this.#options.call.send(encodeOrder({ id, cancel: true }));
  }

  /** The stream has ended. */
  lost(): void {
    this.#ended.abort();
    const { key } = this.#options;
    const error = new AgentRequestError('lost', `the connection to the agent of ${key} was lost`);
    for (const request of this.#requests.values()) request.end(error);
    this.#requests.clear();
  }

  #receive(bytes: Uint8Array): void {
    const { call, clock } = this.#options;
    const message = decodeMessage(bytes);
    if (!message) return call.end(GrpcStatus.invalidArgument, 'that is no message of an agent');
    this.#throttle(bytes.length);
    const { hello, status, answer } = message;
    const nowMs = clock.nowMs();
    if (hello) this.#change(readHello(hello));
    if (status) {
      if (!this.#mayTell(nowMs)) return call.end(GrpcStatus.resourceExhausted, 'too many statuses');
      const clockSkewMs = skewOf(status, nowMs);
      this.#change({ status: readStatus(status, nowMs), clockSkewMs });
    }
    // an answer to what was cancelled, or never asked, is nobody's
    if (answer) this.#requests.get(answer.id)?.receive(answer, bytes.length);
  }

  #change(change: Partial<AgentSession>): void {
    this.#view = { ...this.#view, ...change };
    this.#options.onChange();
  }

  #mayTell(nowMs: number): boolean {
    const second = Math.floor(nowMs / 1_000);
    const count = this.#statuses.second === second ? this.#statuses.count + 1 : 1;
    this.#statuses = { second, count };
    return count <= STATUSES_PER_SECOND_MAX;
  }

  /** Reads no faster than allowed, but for a second's worth at once. */
  #throttle(bytes: number): void {
    const { clock, limits, call } = this.#options;
    const nowMs = clock.nowMs();
    const costMs = (bytes / limits.bytesPerSecond) * 1_000;
    this.#readUntilMs = Math.max(this.#readUntilMs, nowMs - 1_000) + costMs;
    const aheadMs = this.#readUntilMs - nowMs;
    if (aheadMs <= 0) return;
    call.pause();
    clock.sleep(Math.ceil(aheadMs), this.#ended.signal).then(
      () => call.resume(),
      () => undefined, // the stream has ended
    );
  }
}
