// What was counted and is not stored yet.
import type { Denial } from '#api/events.ts';
import { addQuantities, noQuantities, type Quantities } from './quantities.ts';
import type { StoredEdge } from './edge-record.ts';

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
  readonly source: readonly number[];
  readonly destination: readonly number[];
  readonly sourceAtMs: number;
  readonly destinationAtMs: number;
};

/** Nobody reports an edge any more, or somebody does again: what it carried between is unknown. */
export type Silence = {
  readonly edge: number;
  readonly atMs: number;
  readonly isOver: boolean;
};

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
  /** Second → talker → what it carried. */
  readonly moved = new Map<number, Map<Talker, Quantities>>();

  get isEmpty(): boolean {
    return this.reporters.size === 0 && this.edges.size === 0 && this.moved.size === 0;
  }

  count(talker: Talker, atMs: number, joined: Quantities): void {
    const second = Math.floor(atMs / 1000);
    let talkers = this.moved.get(second);
    if (!talkers) this.moved.set(second, (talkers = new Map()));
    let sums = talkers.get(talker);
    if (!sums) talkers.set(talker, (sums = noQuantities()));
    addQuantities(sums, joined);
  }
}
