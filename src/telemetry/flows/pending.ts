// What was counted and is not stored yet.
import type { Denial } from '#api/events.ts';
import type { Reporter } from '#api/graph.ts';
import { addDurations, noDurations, type Durations } from '#base/durations.ts';
import { addQuantities, noQuantities, type Quantities } from './quantities.ts';
import type { StoredEdge } from './edge-record.ts';
import type { JoinedAccount } from './joined-account.ts';

/** Who talked on an edge: the history counts by these for the week. */
export type Talker = {
  readonly id: number;
  readonly edge: number;
  readonly clientIdentity: string;
  readonly serverIdentity: string;
  readonly service: string;
};

/** How far the ends of an edge are behind (joined-account.ts), to go on after a restart. */
export type StoredBehind = {
  readonly edge: number;
  readonly source: ArrayLike<number>;
  readonly destination: ArrayLike<number>;
  readonly sourceAtMs: number;
  readonly destinationAtMs: number;
};

/** Nobody reports an edge any more, or somebody does again: what it carried between is unknown. */
export type Silence = {
  readonly edge: number;
  readonly atMs: number;
  readonly isOver: boolean;
};

/** How long requests took, as each end says; absent: it does not. */
export type EndDurations = Partial<Record<Reporter, Durations>>;

export function addEndDurations(to: EndDurations, reporter: Reporter, more: Durations): void {
  addDurations((to[reporter] ??= noDurations()), more);
}

/** What was carried in one second. */
export type Carried = { readonly sums: Quantities; durations: EndDurations | undefined };

/** One agent's last batch. */
export type StoredReporter = {
  readonly key: string;
  readonly epoch: string;
  readonly sequence: number;
};

export class Pending {
  readonly edges = new Map<number, StoredEdge>();
  readonly talkers = new Map<number, Talker>();
  readonly reporters = new Map<string, StoredReporter>();
  readonly denials: Denial[] = [];
  /** Of edges that were reported, by index. */
  readonly accounts = new Map<number, JoinedAccount>();
  /** Second → talker → what it carried. */
  readonly moved = new Map<number, Map<Talker, Carried>>();

  get isEmpty(): boolean {
    return this.reporters.size === 0 && this.edges.size === 0 && this.moved.size === 0;
  }

  count(talker: Talker, atMs: number, joined: Quantities): void {
    addQuantities(this.#carriedBy(talker, atMs).sums, joined);
  }

  time(talker: Talker, atMs: number, reporter: Reporter, durations: Durations): void {
    addEndDurations((this.#carriedBy(talker, atMs).durations ??= {}), reporter, durations);
  }

  #carriedBy(talker: Talker, atMs: number): Carried {
    const second = Math.floor(atMs / 1000);
    let talkers = this.moved.get(second);
    if (!talkers) this.moved.set(second, (talkers = new Map()));
    let carried = talkers.get(talker);
    if (!carried) talkers.set(talker, (carried = { sums: noQuantities(), durations: undefined }));
    return carried;
  }
}
