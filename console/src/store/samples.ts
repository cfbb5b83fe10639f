// The last numbers of every edge, in columns of floats: once a second they change for hundreds of
// edges, and nothing is allocated for it.
import type { Sample } from '../api/types.ts';

export type EdgeNumbers = {
  readonly toServerBytes: number;
  readonly toClientBytes: number;
  readonly open: number;
  readonly opened: number;
  readonly failed: number;
  readonly requests: number;
  readonly requestMs: number;
  /** Of the requests of the last minute; null: there were none, or nobody tells. */
  readonly errorShare: number | null;
  readonly clientErrorShare: number | null;
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
};

/** Numbers of a sample after the edge's index. */
const WIDTH = 12;
/** From here on what a sample does not say is not known, and not 0. */
const MINUTE = 7;
const CAPACITY_FIRST = 256;

export class Samples {
  #values = new Float64Array(CAPACITY_FIRST * WIDTH);
  /** When each edge's numbers came; 0: never. */
  #atMs = new Float64Array(CAPACITY_FIRST);
  /** When anything moved on the edge last; 0: never, as far as is known. */
  #movedMs = new Float64Array(CAPACITY_FIRST);

  #unheard: ReadonlySet<number> = new Set();

  clear(): void {
    this.#atMs.fill(0);
    this.#movedMs.fill(0);
  }

  set(sample: Sample, atMs: number): void {
    const index = sample[0];
    if (!Number.isSafeInteger(index) || index < 0) return;
    if (index >= this.#atMs.length) this.#grow(index + 1);
    for (let column = 0; column < WIDTH; column++) {
      const absent = column < MINUTE ? 0 : Number.NaN;
      this.#values[index * WIDTH + column] = sample[column + 1] ?? absent;
    }
    this.#atMs[index] = atMs;
    if (sample[1] + sample[2] + sample[4] + sample[6] > 0) this.#movedMs[index] = atMs;
  }

  /** Edges that nobody reports any more: their last numbers are not those of now. */
  hush(indices: ReadonlySet<number>): void {
    this.#unheard = indices;
  }

  /** Undefined: nothing was reported of the edge, or is no more, which is not 0. */
  of(index: number): EdgeNumbers | undefined {
    if (!this.#atMs[index] || this.#unheard.has(index)) return undefined;
    const at = (column: number): number => this.#values[index * WIDTH + column] ?? 0;
    const known = (column: number): number | null => (Number.isNaN(at(column)) ? null : at(column));
    return {
      toServerBytes: at(0),
      toClientBytes: at(1),
      open: at(2),
      opened: at(3),
      failed: at(4),
      requests: at(5),
      requestMs: at(6),
      errorShare: known(7),
      clientErrorShare: known(8),
      p50Ms: known(9),
      p95Ms: known(10),
      p99Ms: known(11),
    };
  }

  movedMs(index: number): number {
    return this.#movedMs[index] ?? 0;
  }

  #grow(needed: number): void {
    const capacity = Math.max(needed, this.#atMs.length * 2);
    const widened = (old: Float64Array, length: number): Float64Array<ArrayBuffer> => {
      const wide = new Float64Array(length);
      wide.set(old);
      return wide;
    };
    this.#values = widened(this.#values, capacity * WIDTH);
    this.#atMs = widened(this.#atMs, capacity);
    this.#movedMs = widened(this.#movedMs, capacity);
  }
}
