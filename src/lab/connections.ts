// TCP connections put together from captured segments, and what can be said of their bytes. Pure.
import type { Segment } from './pcap.ts';

/** One connection as the capture point saw it. */
export type Connection = {
  /** Wall-clock milliseconds of its first segment (the SYN, if the capture was running then). */
  readonly openedAtMs: number;
  readonly client: string;
  readonly server: string;
  /** Every byte each way, in order; a gap in what was captured shows in `missingBytes`. */
  readonly fromClient: Uint8Array;
  readonly fromServer: Uint8Array;
  readonly missingBytes: number;
};

/**
 * Groups segments into connections to one server port. The same pair of addresses used again (a new
 * SYN) is a new connection.
 */
export function connectionsTo(serverPort: number, segments: readonly Segment[]): Connection[] {
  const suffix = `:${serverPort}`;
  const open = new Map<string, Segment[]>();
  const found: Segment[][] = [];
  for (const segment of segments) {
    const isToServer = segment.to.endsWith(suffix);
    if (!isToServer && !segment.from.endsWith(suffix)) continue;
    const key = isToServer ? `${segment.from} ${segment.to}` : `${segment.to} ${segment.from}`;
    const known = open.get(key);
    if (known && !(segment.isSyn && isToServer && isNewSyn(known, segment))) {
      known.push(segment);
      continue;
    }
    const started = [segment];
    open.set(key, started);
    found.push(started);
  }
  return found.map((parts) => assemble(parts, suffix));
}

/** A SYN sent again has the sequence number of the first. */
function isNewSyn(known: readonly Segment[], syn: Segment): boolean {
  return !known.some((segment) => segment.isSyn && segment.sequence === syn.sequence);
}

function assemble(segments: readonly Segment[], suffix: string): Connection {
  const toServer = segments.filter(({ to }) => to.endsWith(suffix));
  const toClient = segments.filter(({ to }) => !to.endsWith(suffix));
  const fromClient = assembleStream(toServer);
  const fromServer = assembleStream(toClient);
  const [first] = segments;
  const [sample] = toServer;
  return {
    openedAtMs: first?.atMs ?? 0,
    client: sample?.from ?? first?.to ?? '',
    server: sample?.to ?? first?.from ?? '',
    fromClient: fromClient.bytes,
    fromServer: fromServer.bytes,
    missingBytes: fromClient.missingBytes + fromServer.missingBytes,
  };
}

/** Puts one direction in order of sequence numbers, drops repetitions, counts what lacks. */
function assembleStream(segments: readonly Segment[]): {
  readonly bytes: Uint8Array;
  readonly missingBytes: number;
} {
  const origin = segments[0]?.sequence ?? 0;
  const ordered = segments
    .filter(({ payload }) => payload.length > 0)
    .map((segment) => ({ at: distance(origin, segment.sequence), payload: segment.payload }))
    .toSorted((a, b) => a.at - b.at);
  const parts: Uint8Array[] = [];
  let missingBytes = 0;
  // The byte after the SYN is the first of the stream.
  let next = ordered[0]?.at ?? 0;
  for (const { at, payload } of ordered) {
    if (at + payload.length <= next) continue;
    if (at > next) missingBytes += at - next;
    parts.push(payload.subarray(Math.max(0, next - at)));
    next = at + payload.length;
  }
  return { bytes: Buffer.concat(parts), missingBytes };
}

/** How far `sequence` is after `origin`, modulo 2³²; a little before it is negative. */
function distance(origin: number, sequence: number): number {
  return (sequence - origin) | 0;
}

/** How often `marker` occurs, both ways together. */
export function countMarker(connection: Connection, marker: string): number {
  const needle = Buffer.from(marker);
  return [connection.fromClient, connection.fromServer]
    .map((bytes) => countIn(Buffer.from(bytes), needle))
    .reduce((sum, count) => sum + count, 0);
}

/** The printable text that begins with `marker`, where it is first; empty: it is nowhere. */
export function textAround(connection: Connection, marker: string): string {
  const bytes = Buffer.from(connection.fromClient);
  const at = bytes.indexOf(marker);
  if (at < 0) return '';
  const text = bytes.subarray(at).toString('latin1');
  return (/^[\x20-\x7e\s]*/.exec(text)?.[0] ?? '').replaceAll(/\s+/g, ' ').trim();
}

function countIn(bytes: Buffer, needle: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) count += 1;
  return count;
}

/** Content types of a TLS record (RFC 8446 §5.1): from change_cipher_spec to application_data. */
const RECORD_TYPE_MIN = 20;
const RECORD_TYPE_MAX = 23;
const RECORD_HEADER_BYTES = 5;
/** 2¹⁴ of content and 256 of expansion (RFC 8446 §5.2). */
const RECORD_LENGTH_MAX = 16_384 + 256;

/** Is every byte, both ways, part of a TLS record, and is there at least one record each way? */
export function isTlsOnly(connection: Connection): boolean {
  const { fromClient, fromServer, missingBytes } = connection;
  return missingBytes === 0 && isTlsStream(fromClient) && isTlsStream(fromServer);
}

function isTlsStream(bytes: Uint8Array): boolean {
  let at = 0;
  while (at < bytes.length) {
    const type = bytes[at] ?? 0;
    const majorVersion = bytes[at + 1];
    const length = ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0);
    if (type < RECORD_TYPE_MIN || type > RECORD_TYPE_MAX || majorVersion !== 3) return false;
    if (length > RECORD_LENGTH_MAX) return false;
    at += RECORD_HEADER_BYTES + length;
  }
  return at > 0; // a record cut off at the end is still one: the capture may have ended in it
}
