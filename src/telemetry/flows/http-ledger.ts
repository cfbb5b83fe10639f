// What an edge's requests were like in the last minute, for who looks at now: what was before is
// the history's. A fixed size, and none for edges without requests.
import type { EdgeHttp, Percentiles, Reporter } from '#api/graph.ts';
import { DURATION_BUCKETS, durationQuantile, type Durations } from '#base/durations.ts';
import { CLIENT_ERRORS, FAILED, REQUESTS, type Quantities } from './quantities.ts';

const SLICE_MS = 10_000;
const SLICES = 6;
/** A slice is requests, failed, 4xx, and then how long they took, as either end says. */
const SOURCE = 3;
const DESTINATION = SOURCE + DURATION_BUCKETS;
const WIDTH = DESTINATION + DURATION_BUCKETS;

/** All slices added up, for one answer. */
const total = new Float64Array(WIDTH);

export class HttpLedger {
  /** Half as large as doubles, and exact up to 16 million requests in ten seconds. */
  readonly #values = new Float32Array(SLICES * WIDTH);
  #slice = 0;

  count(joined: Quantities, atMs: number): void {
    const from = this.#placeOf(atMs);
    if (from === undefined) return;
    this.#add(from, joined[REQUESTS]);
    this.#add(from + 1, joined[FAILED]);
    this.#add(from + 2, joined[CLIENT_ERRORS]);
  }

  time(reporter: Reporter, durations: Durations, atMs: number): void {
    const from = this.#placeOf(atMs);
    if (from === undefined) return;
    const column = from + (reporter === 'source' ? SOURCE : DESTINATION);
    for (let at = 0; at < durations.length; at++) this.#add(column + at, durations[at]);
  }

  /** Time has passed. @returns whether something is no longer of the last minute */
  age(nowMs: number): boolean {
    const slice = Math.floor(nowMs / SLICE_MS);
    if (slice <= this.#slice) return false;
    const [before = 0] = this.#sum();
    this.#turn(slice);
    const [after = 0] = this.#sum();
    return after < before;
  }

  /** null: there were no requests */
  state(nowMs: number): EdgeHttp | null {
    this.#turn(Math.floor(nowMs / SLICE_MS));
    const [requests = 0, failed = 0, clientErrors = 0] = this.#sum();
    if (!(requests > 0)) return null;
    const client = percentiles(total.subarray(SOURCE, DESTINATION));
    const server = percentiles(total.subarray(DESTINATION));
    const isTold = client !== null || server !== null;
    return { requests, failed, clientErrors: isTold ? clientErrors : null, client, server };
  }

  #sum(): Float64Array {
    total.fill(0);
    for (let at = 0; at < this.#values.length; at++) {
      const column = at % WIDTH;
      total[column] = (total[column] ?? 0) + (this.#values[at] ?? 0);
    }
    return total;
  }

  #add(at: number, more = 0): void {
    this.#values[at] = (this.#values[at] ?? 0) + more;
  }

  /** @returns undefined: that is longer ago */
  #placeOf(atMs: number): number | undefined {
    const slice = Math.floor(atMs / SLICE_MS);
    this.#turn(slice);
    return slice > this.#slice - SLICES ? (slice % SLICES) * WIDTH : undefined;
  }

  #turn(slice: number): void {
    if (slice <= this.#slice) return;
    for (let each = Math.max(this.#slice + 1, slice - SLICES + 1); each <= slice; each++) {
      const from = (each % SLICES) * WIDTH;
      this.#values.fill(0, from, from + WIDTH);
    }
    this.#slice = slice;
  }
}

function percentiles(counts: ArrayLike<number>): Percentiles | null {
  const [p50Ms, p95Ms, p99Ms] = [0.5, 0.95, 0.99].map((share) => rounded(counts, share));
  if (p50Ms === undefined || p95Ms === undefined || p99Ms === undefined) return null;
  return { p50Ms, p95Ms, p99Ms };
}

/** To three digits: buckets know no more. */
function rounded(counts: ArrayLike<number>, share: number): number | undefined {
  const ms = durationQuantile(counts, share);
  return ms === null ? undefined : Number(ms.toPrecision(3));
}
