// The line before each agent: it takes a few requests at a time and refuses more, and whoever asks
// Reach at the same moment as somebody else is to get an answer all the same. Bounded, with a
// deadline for the wait, and user after user where several wait.
import { isAbort } from '#base/tasks.ts';
import { withDeadline, type Clock } from '#base/clock.ts';
import {
  AgentRequestError,
  type AgentKey,
  type AgentSessions,
  type AskOptions,
} from '../agents/agents.ts';
import type { AgentAnswers, AgentRequest, AgentRequestKind } from '../agents/requests.ts';

export type QueueLimits = {
  /** Open at once at one agent: one of its four is left to those who look at it otherwise. */
  readonly open: number;
  /** Waiting for one agent, of one user and of all. */
  readonly waitingOfUser: number;
  readonly waiting: number;
  /** How long one may wait. */
  readonly waitMs: number;
};

export const QUEUE_LIMITS: QueueLimits = {
  open: 3,
  waitingOfUser: 24,
  waiting: 96,
  waitMs: 20_000,
};

/** An agent that is busy with what did not come through here is asked again, ever less often. */
const RETRY_MS = { first: 250, max: 1000 };

type Line = {
  open: number;
  /** By user, whoever is next first. */
  readonly waiting: Map<string, (() => void)[]>;
};

type Asked<Kind extends AgentRequestKind> = Extract<AgentRequest, { readonly kind: Kind }>;

export class AgentQueue implements Pick<AgentSessions, 'ask' | 'session'> {
  readonly #agents: Pick<AgentSessions, 'ask' | 'session'>;
  readonly #clock: Clock;
  readonly #limits: QueueLimits;
  readonly #lines = new Map<AgentKey, Line>();

  constructor(
    agents: Pick<AgentSessions, 'ask' | 'session'>,
    options: { readonly clock: Clock; readonly limits?: QueueLimits },
  ) {
    this.#agents = agents;
    this.#clock = options.clock;
    this.#limits = options.limits ?? QUEUE_LIMITS;
  }

  session(key: AgentKey): ReturnType<AgentSessions['session']> {
    return this.#agents.session(key);
  }

  /** @throws AgentRequestError also `busy`, when the line is full or one has waited too long */
  async *ask<Kind extends AgentRequestKind>(
    key: AgentKey,
    request: Asked<Kind>,
    options: AskOptions,
  ): AsyncGenerator<AgentAnswers[Kind], void, undefined> {
    // of who is not there nobody needs to wait for
    if (this.#agents.session(key) === undefined) {
      yield* this.#agents.ask<Kind>(key, request, options);
      return;
    }
    const sinceMs = this.#clock.nowMs();
    await this.#enter(key, options);
    try {
      yield* this.#askUntilTaken<Kind>(key, request, { ...options, sinceMs });
    } finally {
      this.#leave(key);
    }
  }

  async *#askUntilTaken<Kind extends AgentRequestKind>(
    key: AgentKey,
    request: Asked<Kind>,
    { sinceMs, ...options }: AskOptions & { readonly sinceMs: number },
  ): AsyncGenerator<AgentAnswers[Kind], void, undefined> {
    for (let delayMs = RETRY_MS.first; ; delayMs = Math.min(delayMs * 2, RETRY_MS.max)) {
      let isAnswered = false;
      try {
        for await (const answer of this.#agents.ask<Kind>(key, request, options)) {
          isAnswered = true;
          yield answer;
        }
        return;
      } catch (error) {
        const isBusy = error instanceof AgentRequestError && error.reason === 'busy';
        const hasWaited = this.#clock.nowMs() - sinceMs + delayMs > this.#limits.waitMs;
        if (isAnswered || !isBusy || hasWaited) throw error;
      }
      await this.#clock.sleep(delayMs, options.signal);
    }
  }

  async #enter(key: AgentKey, { signal, by }: AskOptions): Promise<void> {
    const { open, waiting, waitingOfUser, waitMs } = this.#limits;
    const line = this.#lineOf(key);
    if (line.open < open) {
      line.open += 1;
      return;
    }
    const own = line.waiting.get(by) ?? [];
    const count = [...line.waiting.values()].reduce((sum, { length }) => sum + length, 0);
    if (count >= waiting || own.length >= waitingOfUser) {
      throw new AgentRequestError('busy', `too many questions wait for ${key}`);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    line.waiting.set(by, [...own, resolve]);
    const limit = { what: `the line before ${key}`, limitMs: waitMs, clock: this.#clock };
    try {
      await withDeadline({ ...limit, parent: signal }, (until) => firstOf(promise, until));
    } catch (error) {
      if (!this.#withdraw(key, by, resolve)) this.#leave(key); // its turn came in the same moment
      if (signal.aborted && isAbort(error, signal)) throw error;
      throw new AgentRequestError('busy', `${key} was busy with others for ${waitMs / 1000} s`);
    }
  }

  /** @returns whether it still waited */
  #withdraw(key: AgentKey, by: string, resolve: () => void): boolean {
    const line = this.#lineOf(key);
    const own = line.waiting.get(by) ?? [];
    const rest = own.filter((one) => one !== resolve);
    if (rest.length > 0) line.waiting.set(by, rest);
    else line.waiting.delete(by);
    return rest.length < own.length;
  }

  /** The place goes to the first of the next user, who then stands behind the others. */
  #leave(key: AgentKey): void {
    const line = this.#lineOf(key);
    const [next] = line.waiting;
    if (next === undefined) {
      line.open -= 1;
      if (line.open === 0) this.#lines.delete(key);
      return;
    }
    const [by, [first, ...rest]] = next;
    line.waiting.delete(by);
    if (rest.length > 0) line.waiting.set(by, rest);
    first?.();
  }

  #lineOf(key: AgentKey): Line {
    const known = this.#lines.get(key);
    if (known) return known;
    const line: Line = { open: 0, waiting: new Map() };
    this.#lines.set(key, line);
    return line;
  }
}

/** @throws the signal's reason */
async function firstOf(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
