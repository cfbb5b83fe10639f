// Previews, one after the other: each tries its edit in a mesh of its own, in turns with those who
// wait for the real one.
import type { Clock } from '#base/clock.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Impact, SeenCall } from '#reach/impact.ts';
import { Rehearsal, type Edit } from '#reach/rehearsal.ts';

/** Whoever types asks again before the answer; more than these wait for nothing. */
const WAITING_MAX = 20;

export class Rehearsals {
  readonly #parts: { readonly mesh: Mesh; readonly clock: Clock };
  /**
   * To make one takes as long as the mesh is large, to bring one up to date does not: it is kept
   * until the memory is needed.
   */
  #kept: WeakRef<Rehearsal> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(parts: { readonly mesh: Mesh; readonly clock: Clock }) {
    this.#parts = parts;
  }

  /** undefined: whoever asked has gone, or too many have asked. */
  async impactOf(
    edits: readonly Edit[],
    calls: readonly SeenCall[],
    signal: AbortSignal,
  ): Promise<Impact | undefined> {
    if (this.#waiting >= WAITING_MAX) return undefined;
    this.#waiting += 1;
    const mine = this.#last.then(() => this.#run(edits, calls, signal));
    this.#last = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      this.#waiting -= 1;
    }
  }

  async #run(
    edits: readonly Edit[],
    calls: readonly SeenCall[],
    signal: AbortSignal,
  ): Promise<Impact | undefined> {
    if (signal.aborted) return undefined;
    const rehearsal = this.#kept?.deref() ?? new Rehearsal(this.#parts.mesh);
    this.#kept = new WeakRef(rehearsal);
    const steps = rehearsal.impactOf(edits, calls);
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      await this.#parts.clock.sleep(0);
      if (signal.aborted) return steps.return(undefined).value ?? undefined;
    }
  }
}
