// What an edge carried in one stretch of time, as bytes: a second of all edges (the journal), or a
// stretch of one edge (a chunk). Only what is not zero is written.
import { noDurations, type Durations } from '#base/durations.ts';
import { addEndDurations, type EndDurations } from '#telemetry/flows/pending.ts';
import { noQuantities, type Quantities } from '#telemetry/flows/quantities.ts';
import { ByteReader, ByteWriter } from './varint.ts';

/**
 * One point of an edge. `open`: how many connections were open at its end; undefined: not told.
 * `durations`: how long requests took; undefined: no end has told.
 */
export type Point = {
  readonly sums: Quantities;
  open: number | undefined;
  durations: EndDurations | undefined;
};

export const newPoint = (): Point => ({
  sums: noQuantities(),
  open: undefined,
  durations: undefined,
});

/** Of a point's first byte: which of the first six quantities follow, and what else. */
const FIRST_QUANTITIES = 6;
const OPEN_BIT = 1 << FIRST_QUANTITIES;
/** A second byte of bits follows: the other quantities, and durations of either end. */
const MORE_BIT = 1 << 7;
const SOURCE_BIT = 1 << 1;
const DESTINATION_BIT = 1 << 2;

function writePoint(writer: ByteWriter, { sums, open, durations }: Point): void {
  let bits = 0;
  for (let at = 0; at < sums.length; at++) if (Math.round(sums[at] ?? 0) > 0) bits |= 1 << at;
  let more = bits >> FIRST_QUANTITIES;
  if (durations?.source) more |= SOURCE_BIT;
  if (durations?.destination) more |= DESTINATION_BIT;
  const first = bits & (OPEN_BIT - 1);
  writer.byte(first | (open === undefined ? 0 : OPEN_BIT) | (more === 0 ? 0 : MORE_BIT));
  if (more > 0) writer.byte(more);
  for (let at = 0; at < sums.length; at++) {
    if (bits & (1 << at)) writer.varint(Math.round(sums[at] ?? 0));
  }
  if (open !== undefined) writer.varint(open);
  if (durations?.source) writeDurations(writer, durations.source);
  if (durations?.destination) writeDurations(writer, durations.destination);
}

/** @param into receives it, in place of what was there */
function readPoint(reader: ByteReader, into: Point): void {
  const first = reader.byte();
  const more = first & MORE_BIT ? reader.byte() : 0;
  const bits = (first & (OPEN_BIT - 1)) | ((more & (SOURCE_BIT - 1)) << FIRST_QUANTITIES);
  const { sums } = into;
  for (let at = 0; at < sums.length; at++) sums[at] = bits & (1 << at) ? reader.varint() : 0;
  into.open = first & OPEN_BIT ? reader.varint() : undefined;
  into.durations = undefined;
  if (more & SOURCE_BIT) into.durations = { source: readDurations(reader) };
  if (more & DESTINATION_BIT) (into.durations ??= {}).destination = readDurations(reader);
}

/** Which buckets have a count, and the counts. */
function writeDurations(writer: ByteWriter, counts: Durations): void {
  let bits = 0;
  for (let at = 0; at < counts.length; at++) if ((counts[at] ?? 0) > 0) bits |= 1 << at;
  writer.varint(bits);
  for (let at = 0; at < counts.length; at++) if (bits & (1 << at)) writer.varint(counts[at] ?? 0);
}

function readDurations(reader: ByteReader): Durations {
  const counts = noDurations();
  const bits = reader.varint();
  for (let at = 0; at < counts.length; at++) if (bits & (1 << at)) counts[at] = reader.varint();
  return counts;
}

/** One edge's part of a journal's row. Without a talker: nothing was carried, but open it was. */
export type JournalEntry = {
  readonly edge: number;
  /** 0: none. */
  readonly talker: number;
  readonly point: Point;
};

export function encodeJournal(entries: Iterable<JournalEntry>): Uint8Array {
  const writer = new ByteWriter();
  for (const { edge, talker, point } of entries) {
    writer.varint(edge);
    writer.varint(talker);
    writePoint(writer, point);
  }
  return writer.bytes();
}

export function* decodeJournal(bytes: Uint8Array): Iterable<JournalEntry> {
  const reader = new ByteReader(bytes);
  while (!reader.isAtEnd) {
    const edge = reader.varint();
    const talker = reader.varint();
    const point = newPoint();
    readPoint(reader, point);
    yield { edge, talker, point };
  }
}

/** Points by their place in the chunk. */
export type Chunk = Map<number, Point>;

export function encodeChunk(chunk: Chunk): Uint8Array {
  const writer = new ByteWriter();
  for (const [at, point] of [...chunk].toSorted(([a], [b]) => a - b)) {
    writer.varint(at);
    writePoint(writer, point);
  }
  return writer.bytes();
}

export function decodeChunk(bytes: Uint8Array): Chunk {
  const reader = new ByteReader(bytes);
  const chunk: Chunk = new Map();
  while (!reader.isAtEnd) {
    const at = reader.varint();
    const point = newPoint();
    readPoint(reader, point);
    chunk.set(at, point);
  }
  return chunk;
}

/** The same for who adds up thousands: the point is the same object each time. */
export function eachPoint(bytes: Uint8Array, visit: (at: number, point: Point) => void): void {
  const reader = new ByteReader(bytes);
  const point = newPoint();
  while (!reader.isAtEnd) {
    const at = reader.varint();
    readPoint(reader, point);
    visit(at, point);
  }
}

/** `later` says how many are open now. */
export function addPoint(to: Point, later: Point): void {
  for (let at = 0; at < to.sums.length; at++) {
    to.sums[at] = (to.sums[at] ?? 0) + (later.sums[at] ?? 0);
  }
  to.open = later.open ?? to.open;
  const { source, destination } = later.durations ?? {};
  if (source) addEndDurations((to.durations ??= {}), 'source', source);
  if (destination) addEndDurations((to.durations ??= {}), 'destination', destination);
}
