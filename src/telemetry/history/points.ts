// What an edge carried in one stretch of time, as bytes: a second of all edges (the journal), or a
// stretch of one edge (a chunk). Only what is not zero is written.
import { noQuantities, QUANTITIES, type Quantities } from '#telemetry/flows/quantities.ts';
import { ByteReader, ByteWriter } from './varint.ts';

/** One point of an edge. `open`: how many connections were open at its end; undefined: not told. */
export type Point = { readonly sums: Quantities; open: number | undefined };

export const newPoint = (): Point => ({ sums: noQuantities(), open: undefined });

const OPEN_BIT = 1 << QUANTITIES.length;

function writePoint(writer: ByteWriter, { sums, open }: Point): void {
  let mask = open === undefined ? 0 : OPEN_BIT;
  for (let at = 0; at < sums.length; at++) if (Math.round(sums[at] ?? 0) > 0) mask |= 1 << at;
  writer.byte(mask);
  for (let at = 0; at < sums.length; at++) {
    if (mask & (1 << at)) writer.varint(Math.round(sums[at] ?? 0));
  }
  if (open !== undefined) writer.varint(open);
}

function readPoint(reader: ByteReader): Point {
  const mask = reader.byte();
  const sums = noQuantities();
  for (let at = 0; at < sums.length; at++) if (mask & (1 << at)) sums[at] = reader.varint();
  return { sums, open: mask & OPEN_BIT ? reader.varint() : undefined };
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
    yield { edge, talker, point: readPoint(reader) };
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
    chunk.set(at, readPoint(reader));
  }
  return chunk;
}

/** `later` says how many are open now. */
export function addPoint(to: Point, later: Point): void {
  for (let at = 0; at < to.sums.length; at++) {
    to.sums[at] = (to.sums[at] ?? 0) + (later.sums[at] ?? 0);
  }
  to.open = later.open ?? to.open;
}
