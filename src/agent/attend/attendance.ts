// isthmus.v1.AgentService/Attend: one stream to the control plane on which the agent says how it is
// and is asked to look at its machine. It asks for nothing itself, so nothing waits for it.
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import {
  AgentMessageSchema,
  AgentOrderSchema,
  type AgentHelloSchema,
  type AgentOrder,
  type AgentStatusSchema,
} from '#gen/isthmus/v1/attend_pb.js';
import type { GrpcClientCall } from '#grpc/call.ts';
import { grpcCodeName, GrpcStatus, type GrpcOutcome } from '#grpc/status.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { Retry } from '../retry.ts';
import { Orders, type Answerer } from './orders.ts';

export const ATTEND_METHOD = '/isthmus.v1.AgentService/Attend';

export type Hello = MessageInitShape<typeof AgentHelloSchema>;
export type Status = Omit<MessageInitShape<typeof AgentStatusSchema>, '$typeName'>;

export type AttendanceOptions = {
  readonly controlPlane: Pick<ControlPlane, 'lease'>;
  readonly hello: Hello;
  readonly status: () => Promise<Status>;
  readonly answer: Answerer;
  readonly retry: Retry;
  readonly clock: Clock;
  readonly log: Logger;
};

/** A status that has not changed is told again after this, as a sign of life. */
const STATUS_INTERVAL_MS = 10_000;
/** How often to see whether something has changed: fast after a change, then ever slower. */
const LOOK_FIRST_MS = 50;
const LOOK_MAX_MS = 2_000;

export class Attendance {
  readonly #options: AttendanceOptions;

  constructor(options: AttendanceOptions) {
    this.#options = options;
  }

  /** Attends until aborted, whatever happens to the stream. */
  async run(signal: AbortSignal): Promise<void> {
    const { retry, log } = this.#options;
    for (;;) {
      await retry.wait(signal);
      const outcome = await this.#attend(signal);
      signal.throwIfAborted();
      retry.fail();
      const reason = `${grpcCodeName(outcome.code)}: ${outcome.message}`;
      log.debug('attendance ended', { reason });
    }
  }

  /** One stream from its beginning to its end. */
  async #attend(parent: AbortSignal): Promise<GrpcOutcome> {
    const { controlPlane, answer, clock, log } = this.#options;
    const lease = controlPlane.lease();
    if (!lease) return { code: GrpcStatus.unavailable, message: 'no certificate yet' };
    const call = lease.channel.stream(ATTEND_METHOD);
    const { promise: closed, resolve } = Promise.withResolvers<GrpcOutcome>();
    const ended = new AbortController();
    let drained = Promise.withResolvers<void>();
    call.onDrain = () => {
      drained.resolve();
      drained = Promise.withResolvers();
    };
    call.onClose = (outcome) => {
      ended.abort();
      drained.resolve();
      resolve(outcome);
    };
    const orders = new Orders({
      answer,
      send: (bytes) => call.send(bytes),
      drained: () => (ended.signal.aborted ? Promise.resolve() : drained.promise),
      clock,
      log,
    });
    call.onMessage = (bytes) => this.#receive(call, orders, bytes);
    const cancel = (): void => call.cancel();
    parent.addEventListener('abort', cancel, { once: true });
    if (parent.aborted) cancel();
    const telling = this.#tell(call, AbortSignal.any([parent, ended.signal]));
    try {
      return await closed;
    } finally {
      parent.removeEventListener('abort', cancel);
      await Promise.all([orders.end(), telling]);
      lease.release();
    }
  }

  #receive(call: GrpcClientCall, orders: Orders, bytes: Uint8Array): void {
    const order = decode(bytes);
    if (!order) return call.cancel(); // no control plane of ours
    this.#options.retry.succeed();
    // an order without an id says only that the stream is accepted
    if (order.id !== 0) orders.receive(order);
  }

  /** Says who attends, and how it is whenever that has changed. Ends with the stream. */
  async #tell(call: GrpcClientCall, signal: AbortSignal): Promise<void> {
    const { hello, status, clock } = this.#options;
    call.send(encode({ hello }));
    let told = '';
    let toldAtMs = 0;
    try {
      for (let waitMs = LOOK_FIRST_MS; ; waitMs = Math.min(waitMs * 2, LOOK_MAX_MS)) {
        const now = await status();
        signal.throwIfAborted();
        const text = JSON.stringify(now, (_, value: unknown) =>
          typeof value === 'bigint' ? String(value) : value,
        );
        const nowMs = clock.nowMs();
        if (text !== told || nowMs - toldAtMs >= STATUS_INTERVAL_MS) {
          if (text !== told) waitMs = LOOK_FIRST_MS; // one change is often followed by another
          [told, toldAtMs] = [text, nowMs];
          call.send(encode({ status: { ...now, nowMs: BigInt(nowMs) } }));
        }
        await clock.sleep(waitMs, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

const encode = (message: MessageInitShape<typeof AgentMessageSchema>): Uint8Array =>
  toBinary(AgentMessageSchema, create(AgentMessageSchema, message));

function decode(bytes: Uint8Array): AgentOrder | undefined {
  try {
    return fromBinary(AgentOrderSchema, bytes);
  } catch {
    return undefined;
  }
}
