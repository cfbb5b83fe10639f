// The body of a watch: one JSON event per line, for as long as the watch lasts.
import type { WatchEvent } from './client.ts';
import { isKubeObject, isRecord } from './objects.ts';
import { KubeStatusError, statusOf } from './status.ts';

/** etcd refuses objects over 1.5 MiB; JSON of the same is larger, never five times. */
export const WATCH_LINE_BYTES_MAX = 8 << 20;

const NEWLINE = 0x0a;

/**
 * Cuts a byte stream into lines, without their newlines; empty ones are left out.
 *
 * @throws Error when a line grows over `lineBytesMax`, or when the stream ends inside one: half an
 *   event is no event
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  lineBytesMax: number = WATCH_LINE_BYTES_MAX,
): AsyncGenerator<string, void, undefined> {
  let parts: Uint8Array[] = [];
  let partsBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      const part = chunk.subarray(start, end === -1 ? undefined : end);
      partsBytes += part.length;
      if (partsBytes > lineBytesMax) throw new Error(`an event is over ${lineBytesMax} bytes`);
      if (part.length > 0) parts.push(part);
      if (end === -1) break;
      if (partsBytes > 0) yield Buffer.concat(parts).toString('utf8');
      parts = [];
      partsBytes = 0;
      start = end + 1;
    }
  }
  if (partsBytes > 0) throw new Error('the watch ended in the middle of an event');
}

/**
 * Reads one line of a watch.
 *
 * @throws KubeStatusError for an ERROR event: the server ends the watch with a Status
 * @throws Error for what no API server sends
 */
export function parseWatchEvent(line: string): WatchEvent {
  const event: unknown = JSON.parse(line);
  if (!isRecord(event) || !isRecord(event['object'])) throw new Error('not a watch event');
  const { type, object } = event;
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (!isKubeObject(object)) throw new Error('a watch event without a named object');
      return { type, object };
    case 'BOOKMARK': {
      const metadata = isRecord(object['metadata']) ? object['metadata'] : {};
      const { resourceVersion } = metadata;
      if (typeof resourceVersion !== 'string') throw new Error('a bookmark without a version');
      return { type, resourceVersion };
    }
    case 'ERROR':
      throw new KubeStatusError(statusOf(object, 500));
    default:
      throw new Error(`a watch event of unknown type ${JSON.stringify(type)}`);
  }
}

/** The events of a watch's body. */
export async function* readWatchEvents(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<WatchEvent, void, undefined> {
  for await (const line of readLines(body)) yield parseWatchEvent(line);
}
