// Requests of the control plane in work: at most so many, each for so long, answers at a steady
// pace. What they ask is done by an Answerer.
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { withDeadline, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { printable } from '#base/printable.ts';
import {
  AgentMessageSchema,
  type AgentAnswerSchema,
  type AgentOrder,
} from '#gen/isthmus/v1/attend_pb.js';
import { Pace } from './pace.ts';

export type Answer = Omit<
  MessageInitShape<typeof AgentAnswerSchema>,
  'id' | 'isLast' | '$typeName'
>;

/** Answers one request, in parts. What it throws is told as the request's problem. */
export type Answerer = (order: AgentOrder, signal: AbortSignal) => AsyncIterable<Answer>;

/** More than the control plane asks at once: a cancelled one may overlap its successor. */
export const ORDERS_MAX = 8;
const BYTES_PER_SECOND = 1 << 20;
const BYTES_MAX = 32 << 20;
const LIMIT_MS = 60_000;
const FOLLOW_LIMIT_MS = 3_600_000;
const PROBLEM_LENGTH_MAX = 500;

export type OrdersOptions = {
  readonly answer: Answerer;
  /** @returns false: wait for `drained` before the next */
  readonly send: (message: Uint8Array) => boolean;
  readonly drained: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
};

/** Of one stream. */
export class Orders {
  readonly #options: OrdersOptions;
  readonly #pace: Pace;
  readonly #open = new Map<number, AbortController>();
  readonly #working = new Set<Promise<void>>();

  constructor(options: OrdersOptions) {
    this.#options = options;
    this.#pace = new Pace(BYTES_PER_SECOND, options.clock);
  }

  receive(order: AgentOrder): void {
    const { id } = order;
    if (order.cancel) return this.#open.get(id)?.abort(new DOMException('cancelled', 'AbortError'));
    if (this.#open.has(id)) return; // no second request has the same id
    if (this.#open.size >= ORDERS_MAX) return this.#end(id, 'the agent has too many requests open');
    const cancel = new AbortController();
    this.#open.set(id, cancel);
    const work = this.#work(order, cancel.signal).finally(() => {
      this.#open.delete(id);
      this.#working.delete(work);
    });
    this.#working.add(work);
  }

  /** Takes all back, and returns when nothing of them is left. */
  async end(): Promise<void> {
    for (const cancel of this.#open.values()) {
      cancel.abort(new DOMException('the stream has ended', 'AbortError'));
    }
    await Promise.all(this.#working);
  }

  async #work(order: AgentOrder, parent: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const limitMs = order.logTail?.follow ? FOLLOW_LIMIT_MS : LIMIT_MS;
    try {
      const limit = { what: 'the request', limitMs, clock, parent };
      await withDeadline(limit, (signal) => this.#answerAll(order, signal));
      this.#end(order.id, '');
    } catch (error) {
      if (parent.aborted) return;
      const problem = error instanceof Error ? error.message : String(error);
      log.debug('request of the control plane not answered', { problem });
      this.#end(order.id, printable(problem, PROBLEM_LENGTH_MAX) || 'it failed');
    }
  }

  async #answerAll(order: AgentOrder, signal: AbortSignal): Promise<void> {
    let sent = 0;
    for await (const answer of this.#options.answer(order, signal)) {
      signal.throwIfAborted();
      const bytes = encode({ ...answer, id: order.id });
      sent += bytes.length;
      if (sent > BYTES_MAX && !order.logTail) throw new Error('the answer is too long');
      await this.#pace.take(bytes.length, signal);
      if (!this.#options.send(bytes)) await this.#options.drained();
      signal.throwIfAborted();
    }
  }

  #end(id: number, problem: string): void {
    this.#options.send(encode({ id, isLast: true, problem }));
  }
}

const encode = (answer: MessageInitShape<typeof AgentAnswerSchema>): Uint8Array =>
  toBinary(AgentMessageSchema, create(AgentMessageSchema, { answer }));
