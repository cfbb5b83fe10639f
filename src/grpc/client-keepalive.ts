// Notices that a server is gone although nobody said so: HTTP/2 pings, and a limit on connecting.
import type { ClientHttp2Session } from 'node:http2';
import type { Clock } from '#base/clock.ts';

export type KeepaliveOptions = {
  readonly connectTimeoutMs: number;
  /** Silence between an answered ping and the next one. */
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly clock: Clock;
};

/** Destroys the session, and so ends its calls with UNAVAILABLE, when the server is not there. */
export function keepAlive(session: ClientHttp2Session, options: KeepaliveOptions): void {
  const closed = new AbortController();
  session.once('close', () => closed.abort());
  void watch(session, options, closed.signal).catch((error: unknown) => {
    if (!closed.signal.aborted) throw error;
  });
}

async function watch(
  session: ClientHttp2Session,
  options: KeepaliveOptions,
  closed: AbortSignal,
): Promise<void> {
  const { clock, connectTimeoutMs, pingIntervalMs, pingTimeoutMs } = options;
  let isAnswered = false;
  session.once('connect', () => (isAnswered = true));
  await clock.sleep(connectTimeoutMs, closed);
  while (isAnswered) {
    await clock.sleep(pingIntervalMs, closed);
    isAnswered = false;
    session.ping((error) => (isAnswered = !error));
    await clock.sleep(pingTimeoutMs, closed);
  }
  session.destroy(new Error('the server does not answer'));
}
