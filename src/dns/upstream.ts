// Asking the resolvers of before: whom, in which order, how long, and which reply counts. The
// sockets are injected, so that this is tested without any.
import { withDeadline, type Clock } from '#base/clock.ts';
import { isConclusive } from './exchange.ts';
import type { Upstream } from './resolv-conf.ts';

/**
 * One question to one server. Rejects when that fails, and when the signal is aborted.
 * @param query under the id that goes on the wire
 */
export type AskUpstream = (
  query: Uint8Array,
  upstream: Upstream,
  signal: AbortSignal,
) => Promise<Uint8Array>;

export type UpstreamTimes = {
  /** When a server was silent for this long, the next is asked as well. */
  readonly nextAfterMs: number;
  /** Below the 5 s after which clients stop listening, so that they hear of the failure. */
  readonly totalMs: number;
};

export const UPSTREAM_TIMES: UpstreamTimes = { nextAfterMs: 1500, totalMs: 4500 };

/** A server answered only to say that it cannot answer. */
class InconclusiveReply extends Error {
  readonly reply: Uint8Array;

  constructor(reply: Uint8Array) {
    super('the resolver cannot answer');
    this.reply = reply;
  }
}

/**
 * The first conclusive reply; if there is none, a server's own failure; else undefined.
 * Servers are asked in order, each when the one before it failed or was silent for a while; the
 * earlier ones may still answer then.
 */
export async function askInTurn(
  query: Uint8Array,
  options: {
    readonly upstreams: readonly Upstream[];
    readonly ask: AskUpstream;
    readonly clock: Clock;
    readonly times: UpstreamTimes;
    readonly signal: AbortSignal;
  },
): Promise<Uint8Array | undefined> {
  const { upstreams, ask, clock, times, signal: parent } = options;
  const limits = { what: 'asking the resolvers', limitMs: times.totalMs, clock, parent };
  return withDeadline(limits, async (deadline) => {
    const done = new AbortController();
    const signal = AbortSignal.any([deadline, done.signal]);
    const attempts: Promise<Uint8Array>[] = [];
    for (const [index, upstream] of upstreams.entries()) {
      const before = attempts.at(-1)?.catch(() => undefined);
      const silence = before && clock.sleep(index * times.nextAfterMs, signal);
      attempts.push(
        (async () => {
          if (before) await Promise.race([before, silence]);
          signal.throwIfAborted();
          const reply = await ask(query, upstream, signal);
          if (!isConclusive(reply)) throw new InconclusiveReply(reply);
          done.abort(); // before the next one's turn comes
          return reply;
        })(),
      );
    }
    try {
      return await Promise.any(attempts);
    } catch (error) {
      return lastResort(error);
    } finally {
      done.abort();
    }
  });
}

function lastResort(error: unknown): Uint8Array | undefined {
  const failures: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
  return failures.find((failure) => failure instanceof InconclusiveReply)?.reply;
}
