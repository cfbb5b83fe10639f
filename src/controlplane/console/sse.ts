// Server-sent events over one HTTP answer, with heartbeats; who reads too slowly is cut off.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
import type { ServerResponse } from 'node:http';
import type { Clock } from '#base/clock.ts';
import type { ServerSentEvent, SseStream } from './route.ts';

/** Proxies cut what is silent for a minute, often sooner; the console says so after 15 s. */
const HEARTBEAT_MS = 10_000;
/** What a client may be behind by before it is asked to come back later. */
const BACKLOG_BYTES_MAX = 4 << 20;
/** How long a client may take nothing at all. */
const STUCK_MS = 60_000;
/** Browsers wait so long before they come back by themselves. */
const RETRY_MS = 1000;

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-store, no-transform',
  'x-accel-buffering': 'no',
} as const;

export type SseOptions = {
  readonly response: ServerResponse;
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Aborted when the client has gone or the server stops. */
  readonly signal: AbortSignal;
};

/** Begins the answer. */
export function openSse({ response, headers, clock, signal }: SseOptions): SseStream {
  const over = new AbortController();
  const end = (): void => {
    if (over.signal.aborted) return;
    over.abort();
    response.end();
  };
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  response.writeHead(200, { ...headers, ...HEADERS });
  response.write(`retry: ${RETRY_MS}\n\n`);
  let lastWriteMs = clock.nowMs();
  let stuckSinceMs: number | undefined;
  const write = (text: string): boolean => {
    if (over.signal.aborted) return false;
    lastWriteMs = clock.nowMs();
    const isFree = response.write(text);
    if (isFree) stuckSinceMs = undefined;
    else stuckSinceMs ??= lastWriteMs;
    if (response.writableLength > BACKLOG_BYTES_MAX) {
      over.abort();
      response.destroy();
    }
    return isFree && !over.signal.aborted;
  };
  response.on('drain', () => (stuckSinceMs = undefined));
  void beat({
    clock,
    over: over.signal,
    isDue: () => clock.nowMs() - lastWriteMs >= HEARTBEAT_MS,
    isStuck: () => stuckSinceMs !== undefined && clock.nowMs() - stuckSinceMs >= STUCK_MS,
    write,
    giveUp: () => {
      over.abort();
      response.destroy();
    },
  });
  return {
    ended: over.signal,
    send: (event) => write(render(event)),
    drained: () => drained(response, over.signal),
    end,
  };
}

const render = ({ id, type, json }: ServerSentEvent): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${json}\n\n`;

async function beat(parts: {
  readonly clock: Clock;
  readonly over: AbortSignal;
  readonly isDue: () => boolean;
  readonly isStuck: () => boolean;
  readonly write: (text: string) => boolean;
  readonly giveUp: () => void;
}): Promise<void> {
  const { clock, over, isDue, isStuck, write, giveUp } = parts;
  while (!over.aborted) {
    const isAwake = await clock.sleep(HEARTBEAT_MS, over).then(
      () => true,
      () => false, // the stream has ended
    );
    if (!isAwake) return;
    if (isStuck()) giveUp();
    else if (isDue()) write(':\n\n');
  }
}

function drained(response: ServerResponse, over: AbortSignal): Promise<void> {
  if (!response.writableNeedDrain || over.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      over.removeEventListener('abort', done);
      resolve();
    };
    response.once('drain', done);
    over.addEventListener('abort', done, { once: true });
  });
}
