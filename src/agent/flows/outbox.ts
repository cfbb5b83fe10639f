// Batches that isthmusd has not acknowledged yet. One is under way at a time, and stays as it is
// until it is acknowledged; the others may be told together, so that however long the control plane
// is away, what waits is bounded and no byte of it is lost.
import type { Batch } from './batch.ts';

/** Seconds that are kept apart. */
const BATCHES_MAX = 120;
/** Entries of all batches together: some megabytes. */
const ENTRIES_MAX = 50_000;

export type Numbered = { readonly sequence: number; readonly batch: Batch };

export class Outbox {
  readonly #waiting: Batch[] = [];
  #head: Numbered | undefined;
  #lastSequence = 0;

  get size(): number {
    return this.#waiting.length + (this.#head ? 1 : 0);
  }

  add(batch: Batch): void {
    this.#waiting.push(batch);
    let entries = this.#waiting.reduce((sum, each) => sum + each.entries, 0);
    while (this.#waiting.length > BATCHES_MAX || (entries > ENTRIES_MAX && this.#mergeable())) {
      const before = entries;
      entries -= this.#mergeShortest();
      if (entries === before && this.#waiting.length <= BATCHES_MAX) return; // all is open yet
    }
  }

  /** What is to be told next: the same again until it is acknowledged. */
  head(): Numbered | undefined {
    if (this.#head) return this.#head;
    const batch = this.#waiting.shift();
    if (!batch) return undefined;
    this.#lastSequence += 1;
    this.#head = { sequence: this.#lastSequence, batch };
    return this.#head;
  }

  /** It is counted, and stored: from now on that much has been told. */
  acknowledge(sequence: number): void {
    if (this.#head?.sequence !== sequence) return;
    for (const [connection, { toServer, toClient }] of this.#head.batch.moved) {
      connection.baseToServer += toServer;
      connection.baseToClient += toClient;
    }
    this.#head = undefined;
  }

  #mergeable(): boolean {
    return this.#waiting.length > 1;
  }

  /** The two neighbours that are shortest together, so that all become longer alike. */
  #mergeShortest(): number {
    let shortest = 0;
    let shortestMs = Infinity;
    for (let at = 0; at + 1 < this.#waiting.length; at++) {
      const spanMs = (this.#waiting[at]?.spanMs ?? 0) + (this.#waiting[at + 1]?.spanMs ?? 0);
      if (spanMs >= shortestMs) continue;
      shortest = at;
      shortestMs = spanMs;
    }
    const [first, second] = this.#waiting.slice(shortest, shortest + 2);
    if (!first || !second) return 0;
    const before = first.entries + second.entries;
    first.absorb(second);
    first.collapse();
    this.#waiting.splice(shortest + 1, 1);
    return before - first.entries;
  }
}
