// A controller's to-do list: keys, each at most once, retried with backoff until they succeed.
import { backoffDelayMs } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Logger } from './log.ts';
import { isAbort } from './tasks.ts';

const BACKOFF_FIRST_MS = 50;
const BACKOFF_MS_MAX = 60_000;

export type QueueParts = {
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly log: Logger;
  /** The longest wait between two attempts; default a minute. */
  readonly backoffMsMax?: number;
};

/** What to do for one key. A returned number asks to be called again after so many milliseconds. */
export type Reconcile = (key: string) => Promise<number | void>;

/**
 * Bounded by the number of keys: one that waits is not added again, and one that is added while it
 * is worked on is worked on once more.
 */
export class WorkQueue {
  readonly #parts: QueueParts;
  readonly #waiting = new Set<string>();
  readonly #delayed = new Map<string, AbortController>();
  readonly #attempts = new Map<string, number>();
  #wake: (() => void) | undefined;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  add(key: string): void {
    this.#delayed.get(key)?.abort();
    this.#waiting.add(key);
    this.#wake?.();
  }

  /** Works one key after the other until aborted; failures are logged and tried again. */
  async run(reconcile: Reconcile, signal: AbortSignal): Promise<void> {
    const stop = () => this.#wake?.();
    signal.addEventListener('abort', stop, { once: true });
    while (!signal.aborted) {
      const [key] = this.#waiting;
      if (key === undefined) await this.#nextKey(signal);
      else await this.#work(key, reconcile, signal);
    }
    for (const timer of this.#delayed.values()) timer.abort();
    signal.removeEventListener('abort', stop);
  }

  #nextKey(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    if (signal.aborted || this.#waiting.size > 0) resolve();
    return promise;
  }

  async #work(key: string, reconcile: Reconcile, signal: AbortSignal): Promise<void> {
    this.#waiting.delete(key);
    try {
      const againMs = await reconcile(key);
      this.#attempts.delete(key);
      if (typeof againMs === 'number') this.#addLater(key, againMs, signal);
    } catch (error) {
      if (signal.aborted && isAbort(error, signal)) return;
      const attempt = this.#attempts.get(key) ?? 0;
      this.#attempts.set(key, attempt + 1);
      const why = error instanceof Error ? error.message : String(error);
      this.#parts.log.warn('reconciling failed, it is tried again', { key, attempt, why });
      this.#addLater(key, this.#backoffMs(attempt), signal);
    }
  }

  #backoffMs(attempt: number): number {
    const { random, backoffMsMax: maxMs = BACKOFF_MS_MAX } = this.#parts;
    return backoffDelayMs(attempt, random(), { firstMs: BACKOFF_FIRST_MS, maxMs });
  }

  #addLater(key: string, delayMs: number, signal: AbortSignal): void {
    if (signal.aborted || this.#waiting.has(key)) return;
    const timer = new AbortController();
    this.#delayed.get(key)?.abort();
    this.#delayed.set(key, timer);
    this.#parts.clock.sleep(delayMs, timer.signal).then(
      () => {
        this.#delayed.delete(key);
        this.add(key);
      },
      () => {
        if (this.#delayed.get(key) === timer) this.#delayed.delete(key);
      },
    );
  }
}
