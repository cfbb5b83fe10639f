// `kubectl logs`: a container's entries so far, and with `follow` all that come until it ends.
import type { ServerResponse } from 'node:http';
import { aborted } from '#base/tasks.ts';
import type { ContainerLog, LogEntry } from '../container/log.ts';
import { type LogRequest, renderEntry, selectEntries } from '../container/log-request.ts';

/** A client that reads more slowly than the container writes is let go. */
const UNSENT_BYTES_MAX = 8 << 20;

export async function serveLog(
  response: ServerResponse,
  log: ContainerLog,
  request: LogRequest,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  response.flushHeaders(); // kubectl waits for them, even where there is nothing to say yet
  const writer = new LimitedWriter(response, request.bytesMax);
  const write = (entry: LogEntry): void => {
    writer.write(renderEntry(entry, request));
    if (writer.isFull || response.writableLength > UNSENT_BYTES_MAX) gone.abort();
  };
  // In one go, so that no entry comes between those of before and those to come.
  for (const entry of selectEntries(log.entries(), request)) write(entry);
  if (request.isFollowed && !gone.signal.aborted) {
    const stop = log.onEntry(write);
    await Promise.race([log.ended, aborted(gone.signal)]);
    stop();
  }
  response.end();
}

class LimitedWriter {
  readonly #response: ServerResponse;
  #bytesLeft: number;

  constructor(response: ServerResponse, bytesMax = Number.POSITIVE_INFINITY) {
    this.#response = response;
    this.#bytesLeft = bytesMax;
  }

  get isFull(): boolean {
    return this.#bytesLeft <= 0;
  }

  write(text: string): void {
    if (this.isFull || this.#response.destroyed) return;
    const bytes = Buffer.from(text).subarray(0, Math.min(this.#bytesLeft, text.length * 4));
    this.#bytesLeft -= bytes.length;
    this.#response.write(bytes);
  }
}
