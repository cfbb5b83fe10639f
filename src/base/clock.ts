// Time as a dependency. Nothing outside src/base/ reads the clock or arms a timer by itself.
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  /** Wall-clock milliseconds since the Unix epoch. */
  nowMs(): number;
  /** Resolves after `delayMs`; rejects with the signal's reason if that is aborted first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  async sleep(delayMs, signal) {
    signal?.throwIfAborted();
    try {
      await delay(delayMs, undefined, signal && { signal });
    } catch (error) {
      signal?.throwIfAborted(); // the caller's reason rather than Node's own AbortError
      throw error;
    }
  },
};

/**
 * Runs `work` with a signal that aborts after `limitMs`, or when `parent` does.
 * The timer never outlives the work. A passed deadline aborts with a `TimeoutError` naming `what`.
 */
export async function withDeadline<T>(
  options: {
    readonly what: string;
    readonly limitMs: number;
    readonly clock?: Clock;
    readonly parent?: AbortSignal | undefined;
  },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { what, limitMs, clock = systemClock, parent } = options;
  const timer = new AbortController();
  const deadline = new AbortController();
  const signal = parent ? AbortSignal.any([parent, deadline.signal]) : deadline.signal;
  const watch = clock.sleep(limitMs, timer.signal).then(
    () =>
      deadline.abort(new DOMException(`${what} took longer than ${limitMs} ms`, 'TimeoutError')),
    () => undefined, // the work ended first
  );
  try {
    return await work(signal);
  } finally {
    timer.abort();
    await watch;
  }
}
