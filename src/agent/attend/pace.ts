// How fast answers may leave: a bucket that fills at a steady rate.
import type { Clock } from '#base/clock.ts';

export class Pace {
  readonly #bytesPerSecond: number;
  readonly #clock: Clock;
  /** When all that was let go so far has been paid for. */
  #paidMs: number;

  /** A second's worth may leave at once. */
  constructor(bytesPerSecond: number, clock: Clock) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
    this.#paidMs = clock.nowMs() - 1_000;
  }

  /** Returns when so many bytes may leave. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.nowMs();
    this.#paidMs = Math.max(this.#paidMs, nowMs - 1_000) + (bytes / this.#bytesPerSecond) * 1_000;
    const waitMs = Math.ceil(this.#paidMs - nowMs);
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
  }
}
