// How long it takes from a change at the Kubernetes API to the proxies that it concerns.
import type { Clock } from '#base/clock.ts';
import { Histogram } from '#base/histogram.ts';

/** In seconds: Istio's of `pilot_proxy_convergence_time`, with finer ones below. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 3, 5, 10, 20, 30];

export class ChangeClock {
  /** Seconds, of each proxy that something was sent to. */
  readonly converged = new Histogram(BOUNDS);
  readonly #clock: Clock;
  #seenMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** When the first of the changes was seen that are not settled yet. */
  get seenMs(): number | undefined {
    return this.#seenMs;
  }

  /** What is to be called on every change, so that `settle` runs soon after. */
  settling(soon: (work: () => void) => () => void, settle: () => void): () => void {
    const settleSoon = soon(() => {
      settle();
      this.#seenMs = undefined;
    });
    return () => {
      this.#seenMs ??= this.#clock.nowMs();
      settleSoon();
    };
  }
}
