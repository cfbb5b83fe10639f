// One truth of two reports: both ends of a connection count the same bytes, each at its own time,
// and one of them may have missed some. What is counted is what the end that is ahead has said;
// what the other says later of the same is not counted again. Pure.
import type { Reporter } from '#api/graph.ts';
import type { StoredBehind } from './pending.ts';
import { noQuantities, type Quantities } from './quantities.ts';

/**
 * An end that has told nothing for so long, by the times that reports are of, is not coming back
 * with what the other is telling now: what the other is behind was lost, and is no longer waited
 * for.
 */
const SILENT_MS = 10_000;

/** How far an end is behind the joined account, and up to when it has told of this edge. */
export type Behind = { readonly lag: Quantities; atMs: number };

export type EndReport = {
  /** What was counted since it last told. */
  readonly delta: Quantities;
  /** The end of the time that it tells of, whenever it arrives. */
  readonly atMs: number;
  /** Up to when all who report for this end have told whatever they had. */
  readonly completeMs: number;
};

export class JoinedAccount {
  readonly source: Behind = { lag: noQuantities(), atMs: 0 };
  readonly destination: Behind = { lag: noQuantities(), atMs: 0 };

  /** As it is written down. */
  stored(edge: number): StoredBehind {
    const { source, destination } = this;
    return {
      edge,
      source: source.lag,
      destination: destination.lag,
      sourceAtMs: source.atMs,
      destinationAtMs: destination.atMs,
    };
  }

  /** @param joined receives what the report adds to the edge, in place of what was there */
  advance(reporter: Reporter, report: EndReport, joined: Quantities): void {
    const { delta, atMs, completeMs } = report;
    const own = this[reporter];
    const other = reporter === 'source' ? this.destination : this.source;
    if (Math.min(atMs, completeMs) - other.atMs > SILENT_MS) own.lag.fill(0);
    own.atMs = Math.max(own.atMs, atMs);
    for (let at = 0; at < delta.length; at++) {
      const more = delta[at] ?? 0;
      const lag = own.lag[at] ?? 0;
      const ahead = Math.max(0, more - lag);
      own.lag[at] = Math.max(0, lag - more);
      other.lag[at] = (other.lag[at] ?? 0) + ahead;
      joined[at] = ahead;
    }
  }
}
