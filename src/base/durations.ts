// How long things took, as counts in a few buckets: small enough to be told each second of every
// edge, and additive, so that those of many seconds, agents or edges are one by addition alone.
// Of single values nothing is left: a quantile is right to within its bucket, a factor of 1.8.

/** Counts by bucket. */
export type Durations = Float64Array;

const PER_DECADE = 4;
const BOUNDED = 23;

/**
 * Upper bounds in milliseconds: four to a decade, from 0.56 ms to 178 s. What is above the last is
 * in a bucket of its own. They are part of what agents report: others would need a field of their
 * own.
 */
export const DURATION_BOUNDS: readonly number[] = Array.from(
  { length: BOUNDED },
  (_, at) => 10 ** ((at - 1) / PER_DECADE),
);

export const DURATION_BUCKETS = BOUNDED + 1;

export const noDurations = (): Durations => new Float64Array(DURATION_BUCKETS);

/** The bucket of a duration in milliseconds: what equals a bound is below it. */
export function durationBucket(ms: number): number {
  const found = DURATION_BOUNDS.findIndex((bound) => ms <= bound);
  return found < 0 ? BOUNDED : found;
}

export function addDurations(to: Durations, more: ArrayLike<number>): void {
  for (let at = 0; at < to.length; at++) to[at] = (to[at] ?? 0) + (more[at] ?? 0);
}

/**
 * @param share 0.95: the 95th percentile
 * @returns milliseconds; null: nothing was counted. Beyond the last bound that bound is told: it
 *   took at least so long
 */
export function durationQuantile(counts: ArrayLike<number>, share: number): number | null {
  let total = 0;
  for (let at = 0; at < counts.length; at++) total += counts[at] ?? 0;
  if (!(total > 0)) return null;
  const rank = share * total;
  let below = 0;
  for (let at = 0; at < BOUNDED; at++) {
    const count = counts[at] ?? 0;
    if (count > 0 && below + count >= rank) return within(at, (rank - below) / count);
    below += count;
  }
  return DURATION_BOUNDS[BOUNDED - 1] ?? null;
}

/** Durations spread over factors rather than over differences; below the first bound over these. */
function within(bucket: number, part: number): number {
  const upper = DURATION_BOUNDS[bucket] ?? 0;
  const lower = DURATION_BOUNDS[bucket - 1];
  return lower === undefined ? upper * part : lower * (upper / lower) ** part;
}
