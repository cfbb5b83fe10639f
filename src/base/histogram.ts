// A Prometheus histogram: how many values were at most so large.

/** Upper bounds, ascending: those that Envoy's own histograms have, and so Istio's. */
export const BUCKETS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000,
  1_800_000, 3_600_000,
];

export class Histogram {
  readonly #bounds: readonly number[];
  /** By bucket, not cumulative; values beyond the last bound are only in `count`. */
  readonly #counts: Float64Array;
  #count = 0;
  #sum = 0;

  /** @param bounds upper ones, ascending */
  constructor(bounds = BUCKETS) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length);
  }

  /** One that was told by somebody else; `buckets` are not cumulative, one for each bound. */
  static of(told: {
    readonly sum: number;
    readonly count: number;
    readonly buckets: readonly number[];
  }): Histogram {
    const histogram = new Histogram();
    histogram.#sum = told.sum;
    histogram.#count = told.count;
    histogram.#counts.set(told.buckets);
    return histogram;
  }

  get count(): number {
    return this.#count;
  }

  get sum(): number {
    return this.#sum;
  }

  record(value: number): void {
    this.#count += 1;
    this.#sum += value;
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    if (bucket >= 0) this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  /** @param other of the same bounds */
  add(other: Histogram): void {
    this.#count += other.#count;
    this.#sum += other.#sum;
    for (const [index, count] of other.#counts.entries()) {
      this.#counts[index] = (this.#counts[index] ?? 0) + count;
    }
  }

  /** Each bound with how many values were not above it; the last is `+Inf`. */
  cumulative(): readonly (readonly [bound: string, count: number])[] {
    let below = 0;
    const rows = this.#bounds.map((bound, index) => {
      below += this.#counts[index] ?? 0;
      return [String(bound), below] as const;
    });
    return [...rows, ['+Inf', this.#count]];
  }
}
