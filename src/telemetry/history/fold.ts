// Journal rows, a moment of all edges each, become chunks, a stretch of one edge each, and hours of
// the week's record. Pure.
import { OPENED, TO_CLIENT, TO_SERVER } from '#telemetry/flows/quantities.ts';
import { addPoint, newPoint, type Chunk, type JournalEntry } from './points.ts';
import { CHUNKS, type StepSeconds } from './retention.ts';

export const HOUR_S = 3600;

export type FoldedChunk = {
  readonly step: StepSeconds;
  readonly from: number;
  readonly edge: number;
  readonly points: Chunk;
};

export type FoldedTalk = {
  readonly hour: number;
  readonly talker: number;
  toServer: number;
  toClient: number;
  /** Connections. */
  opened: number;
  /** Second in which something was carried last. */
  last: number;
};

export type Folded = {
  readonly chunks: readonly FoldedChunk[];
  readonly talked: readonly FoldedTalk[];
  /** Edge → second. */
  readonly lastSeen: ReadonlyMap<number, number>;
};

export type JournalRow = { readonly at: number; readonly entries: Iterable<JournalEntry> };

/** @param rows in the order in which they were written */
export function fold(rows: Iterable<JournalRow>): Folded {
  const chunks = CHUNKS.map((kind) => ({ ...kind, byKey: new Map<number, FoldedChunk>() }));
  const talked = new Map<number, FoldedTalk>();
  const lastSeen = new Map<number, number>();
  for (const { at, entries } of rows) {
    for (const { edge, talker, point } of entries) {
      lastSeen.set(edge, Math.max(lastSeen.get(edge) ?? 0, at));
      for (const { step, spanS, byKey } of chunks) {
        const from = at - (at % spanS);
        const key = keyOf(from / spanS, edge);
        let chunk = byKey.get(key);
        if (!chunk) byKey.set(key, (chunk = { step, from, edge, points: new Map() }));
        const place = Math.floor((at - from) / step);
        let known = chunk.points.get(place);
        if (!known) chunk.points.set(place, (known = newPoint()));
        addPoint(known, point);
      }
      if (talker === 0) continue;
      const hour = Math.floor(at / HOUR_S);
      const key = keyOf(hour, talker);
      let talk = talked.get(key);
      if (!talk) {
        talk = { hour, talker, toServer: 0, toClient: 0, opened: 0, last: 0 };
        talked.set(key, talk);
      }
      talk.toServer += point.sums[TO_SERVER] ?? 0;
      talk.toClient += point.sums[TO_CLIENT] ?? 0;
      talk.opened += point.sums[OPENED] ?? 0;
      talk.last = Math.max(talk.last, at);
    }
  }
  const folded = chunks.flatMap(({ byKey }) => [...byKey.values()]);
  return { chunks: folded, talked: [...talked.values()], lastSeen };
}

/** Numbers cost a third of texts: there are many thousand of them in a minute. */
const keyOf = (time: number, of: number): number => time * 2 ** 27 + of;
