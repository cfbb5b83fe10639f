// Time as a parameter, so that tests need not wait. The only file here that touches timers.
import { setTimeout as delay } from 'node:timers/promises';

export interface Clock {
  nowMs(): number;
  /** Rejects with the signal's reason when that is aborted first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  async sleep(delayMs, signal) {
    await delay(delayMs, undefined, signal && { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
  },
};

/** A signal that is aborted after this long; it keeps no process alive. */
export const deadline = (limitMs: number): AbortSignal => AbortSignal.timeout(limitMs);
