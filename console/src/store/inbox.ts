// In which order a tab takes in snapshot and events, whatever order they come in. Pure.
import type { MeshEvent, Sample } from '../api/types.ts';

export type FeedEvent = { readonly revision: number; readonly event: MeshEvent };

/** Events kept while a snapshot loads or the page is paused; more than that means: load anew. */
const HELD_MAX = 20_000;

export type Taken = {
  /** To be applied now. */
  readonly events: readonly FeedEvent[];
  /** Something is missing: the snapshot has to be loaded. */
  readonly isSnapshotNeeded: boolean;
};

const NOTHING: Taken = { events: [], isSnapshotNeeded: false };

/**
 * Events have revisions that grow by one, or repeat the last one (several events of one change, and
 * samples). What is at or below the snapshot's revision is in it already; what skips one shows a
 * loss.
 */
export class Inbox {
  /** Of the last event or snapshot taken in. */
  #revision = -1;
  #isLoading = true;
  #isPaused = false;
  #held: FeedEvent[] = [];
  /** The last second of each edge: those before it are over. */
  readonly #samples = new Map<number, Sample>();
  #sampledMs = 0;
  #changes = 0;
  #hasLost = false;

  get revision(): number {
    return this.#revision;
  }

  /** Changes that wait; samples are no changes: they come each second whatever happens. */
  get held(): number {
    return this.#changes;
  }

  /** What waits is not all: it was too much, or it has waited for too long. */
  get hasLost(): boolean {
    return this.#hasLost;
  }

  take(events: readonly FeedEvent[]): Taken {
    if (this.#isLoading || this.#isPaused) {
      this.#hold(events);
      return NOTHING;
    }
    return this.#inOrder(events);
  }

  /** A snapshot is on its way: events wait for it. */
  loading(): void {
    this.#isLoading = true;
  }

  /** The snapshot is here: answers what happened after it. */
  loaded(revision: number): Taken {
    this.#isLoading = false;
    this.#revision = revision;
    return this.#release();
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** What waits has become too old to be shown one after the other: the snapshot will tell. */
  letGo(): void {
    if (!this.#isPaused) return;
    this.#drop();
    this.#hasLost = true;
  }

  resume(): Taken {
    this.#isPaused = false;
    return this.#isLoading ? NOTHING : this.#release();
  }

  #release(): Taken {
    if (this.#isPaused) return NOTHING;
    const held = [...this.#held, ...this.#heldSamples()];
    const isSnapshotNeeded = this.#hasLost;
    this.#drop();
    this.#changes = 0;
    this.#hasLost = false;
    return isSnapshotNeeded ? { events: [], isSnapshotNeeded } : this.#inOrder(held);
  }

  #heldSamples(): FeedEvent[] {
    if (this.#samples.size === 0) return [];
    const samples = [...this.#samples.values()];
    const event: MeshEvent = { type: 'sample', atMs: this.#sampledMs, samples };
    return [{ revision: this.#revision, event }];
  }

  #drop(): void {
    this.#held = [];
    this.#samples.clear();
  }

  #hold(events: readonly FeedEvent[]): void {
    for (const entry of events) {
      const { event } = entry;
      if (event.type !== 'sample') this.#changes += 1;
      if (this.#hasLost) continue;
      if (this.#held.length >= HELD_MAX) {
        this.#drop();
        this.#hasLost = true;
      } else if (event.type === 'sample') {
        this.#sampledMs = event.atMs;
        for (const sample of event.samples) this.#samples.set(sample[0], sample);
      } else this.#held.push(entry);
    }
  }

  #inOrder(events: readonly FeedEvent[]): Taken {
    const taken: FeedEvent[] = [];
    for (const entry of events) {
      if (entry.event.type === 'reset' || entry.revision > this.#revision + 1) {
        return { events: taken, isSnapshotNeeded: true };
      }
      // What repeats the revision replaces what is there; so do samples, which have none.
      if (entry.revision >= this.#revision || entry.event.type === 'sample') taken.push(entry);
      this.#revision = Math.max(this.#revision, entry.revision);
    }
    return { events: taken, isSnapshotNeeded: false };
  }
}
