// When to try the control plane again. Shared by all who dial it, so that they agree.
import { backoffDelayMs, type BackoffLimits } from '#base/backoff.ts';
import type { Clock } from '#base/clock.ts';

/** Soon enough that a restarted control plane is found at once, rare enough for thousands of us. */
const LIMITS: BackoffLimits = { firstMs: 200, maxMs: 15_000 };

/** Counts failures in a row. `succeed` is for when the other side has shown that it works. */
export class Retry {
  #failures = 0;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #limits: BackoffLimits;

  constructor(options: {
    readonly clock: Clock;
    /** 0 (inclusive) to 1 (exclusive) */
    readonly random: () => number;
    readonly limits?: BackoffLimits;
  }) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#limits = options.limits ?? LIMITS;
  }

  get failures(): number {
    return this.#failures;
  }

  fail(): void {
    this.#failures += 1;
  }

  succeed(): void {
    this.#failures = 0;
  }

  /** Not at all before the first failure. Rejects with the signal's reason when aborted. */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#failures === 0) return;
    const delayMs = backoffDelayMs(this.#failures - 1, this.#random(), this.#limits);
    await this.#clock.sleep(delayMs, signal);
  }
}
