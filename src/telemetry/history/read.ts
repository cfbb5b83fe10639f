// Reads what edges carried over hours in slices: a day of a thousand edges is most of a second's
// work, and whoever reads it lets others have their turn between. What happens meanwhile does not
// matter: an edge's stretch of time is read at once, from the chunks and from what is still in the
// journal. Pure but for the rows that it is given.
import type { Span } from '#telemetry/flows/flows.ts';
import { addPoint, decodeJournal, eachPoint, newPoint, type Point } from './points.ts';
import { CHUNKS, type StepSeconds } from './retention.ts';
import type { StepSums } from './step-sums.ts';

/** Chunks that are read without a break: about two milliseconds. */
export const ROWS_AT_ONCE = 256;

/** What the history has. */
export type HistoryRows = {
  chunk(step: StepSeconds, fromS: number, edge: number): Uint8Array | undefined;
  /** Rows of these seconds, the second one not included, as they were written one after another. */
  journal(
    fromS: number,
    toS: number,
  ): Iterable<{ readonly at: number; readonly entries: Uint8Array }>;
  /** Another number whenever rows of the journal have become chunks. */
  readonly folds: number;
};

export type Wanted = {
  readonly edges: readonly number[];
  readonly span: Span;
  readonly step: StepSeconds;
};

/** @returns after each slice, how many rows it read; the last value is of the last slice */
export function* readSlices(
  rows: HistoryRows,
  { edges, span, step }: Wanted,
  sums: Pick<StepSums, 'add'>,
): Generator<number, void> {
  const { spanS } = CHUNKS.find((each) => each.step === step) ?? CHUNKS[0];
  const first = Math.floor(span.fromMs / 1000);
  const [firstS, lastS] = [first - (first % step), Math.ceil(span.toMs / 1000)];
  const wanted = new Set(edges);
  let count = 0;
  for (let from = firstS - (firstS % spanS); from < lastS; from += spanS) {
    const part = { from: Math.max(from, firstS), to: Math.min(from + spanS, lastS) };
    let journal: Journal | undefined;
    for (const edge of edges) {
      if (count >= ROWS_AT_ONCE) {
        yield count;
        count = 0;
      }
      if (journal?.folds !== rows.folds) journal = readJournal(rows, wanted, { ...part, step });
      count += 1;
      const chunk = rows.chunk(step, from, edge);
      if (chunk) {
        eachPoint(chunk, (place, point) => {
          const at = from + place * step;
          if (at >= part.from && at < part.to) sums.add(edge, at, point);
        });
      }
      for (const [at, point] of journal.points.get(edge) ?? []) sums.add(edge, at, point);
    }
  }
  yield count;
}

type Journal = {
  readonly folds: number;
  /** Edge → second → what it carried. */
  readonly points: ReadonlyMap<number, ReadonlyMap<number, Point>>;
};

/** The journal is short: a megabyte at most. */
function readJournal(
  rows: HistoryRows,
  wanted: ReadonlySet<number>,
  { from, to, step }: { readonly from: number; readonly to: number; readonly step: StepSeconds },
): Journal {
  const points = new Map<number, Map<number, Point>>();
  for (const { at, entries } of rows.journal(from, to)) {
    for (const { edge, point } of decodeJournal(entries)) {
      if (!wanted.has(edge)) continue;
      let ofEdge = points.get(edge);
      if (!ofEdge) points.set(edge, (ofEdge = new Map()));
      const place = at - (at % step);
      let known = ofEdge.get(place);
      if (!known) ofEdge.set(place, (known = newPoint()));
      addPoint(known, point);
    }
  }
  return { folds: rows.folds, points };
}
