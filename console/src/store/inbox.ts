// In which order a tab takes in snapshot and events, whatever order they come in. Pure.
import type { MeshEvent } from '../api/types.ts';

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
  #hasLost = false;

  get revision(): number {
    return this.#revision;
  }

  get held(): number {
    return this.#held.length;
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

  resume(): Taken {
    this.#isPaused = false;
    return this.#isLoading ? NOTHING : this.#release();
  }

  #release(): Taken {
    if (this.#isPaused) return NOTHING;
    const held = this.#held;
    const isSnapshotNeeded = this.#hasLost;
    this.#held = [];
    this.#hasLost = false;
    return isSnapshotNeeded ? { events: [], isSnapshotNeeded } : this.#inOrder(held);
  }

  #hold(events: readonly FeedEvent[]): void {
    if (this.#held.length + events.length > HELD_MAX) {
      this.#held = [];
      this.#hasLost = true;
    }
    if (!this.#hasLost) this.#held.push(...events);
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
