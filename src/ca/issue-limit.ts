// How many certificates one workload may have in a while: an agent in a crash loop must not cost
// the others. A token bucket for each workload; time comes in, so this is pure but for its memory.

export type IssueLimits = {
  /** Certificates at once, after a quiet time. */
  readonly burst: number;
  /** One more each so often. */
  readonly refillMs: number;
  /** Workloads remembered; beyond, those that asked longest ago are forgotten. */
  readonly workloadsMax: number;
};

/** A workload asks twice a day; twenty restarts in a row are still served. */
export const ISSUE_LIMITS: IssueLimits = { burst: 20, refillMs: 5000, workloadsMax: 20_000 };

export class IssueLimiter {
  readonly #limits: IssueLimits;
  /** In the order of their last use. `fullAtMs`: when all of the burst is there again. */
  readonly #fullAtMs = new Map<string, number>();

  constructor(limits: IssueLimits = ISSUE_LIMITS) {
    this.#limits = limits;
  }

  /** Takes one. @returns 0, or how many milliseconds to wait before the next is free */
  take(workload: string, nowMs: number): number {
    const { burst, refillMs, workloadsMax } = this.#limits;
    const fullAtMs = Math.max(this.#fullAtMs.get(workload) ?? nowMs, nowMs);
    const waitMs = fullAtMs + refillMs - (nowMs + burst * refillMs);
    if (waitMs > 0) return waitMs;
    this.#fullAtMs.delete(workload);
    this.#fullAtMs.set(workload, fullAtMs + refillMs);
    const [oldest] = this.#fullAtMs.keys();
    if (this.#fullAtMs.size > workloadsMax && oldest !== undefined) this.#fullAtMs.delete(oldest);
    return 0;
  }
}
