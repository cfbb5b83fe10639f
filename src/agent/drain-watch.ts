// Says, as it happens, that sessions will be cut: what cannot be changed under an open session (a
// port that went STRICT drops its plaintext chain) drains, and Envoy cuts what is left at its end.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';

/** Shorter than any sensible drain time; one small request on loopback each. */
const INTERVAL_MS = 1_000;

export type DrainWatchOptions = {
  /** Filter chains and listeners that Envoy is draining now; undefined: it does not answer. */
  readonly draining: () => Promise<number | undefined>;
  /** Envoy's `--drain-time-s`. */
  readonly drainMs: number;
  readonly clock: Clock;
  readonly log: Logger;
};

export type DrainChange = 'begun' | 'ended' | undefined;

/** What to say when the number of draining chains goes from one to the other. */
export function drainChange(before: number, now: number): DrainChange {
  if (now > before) return 'begun';
  return now === 0 && before > 0 ? 'ended' : undefined;
}

/** Runs until aborted. */
export async function runDrainWatch(
  { draining, drainMs, clock, log }: DrainWatchOptions,
  signal: AbortSignal,
): Promise<void> {
  for (let before = 0; ;) {
    await clock.sleep(INTERVAL_MS, signal);
    const now = (await draining()) ?? 0; // an Envoy that is gone drains nothing
    const change = drainChange(before, now);
    before = now;
    const seconds = drainMs / 1000;
    if (change === 'begun') {
      const message = 'settings changed that open sessions cannot take: they will be cut';
      log.warn(message, { filterChains: now, withinSeconds: seconds });
    }
    if (change === 'ended') log.info('the drain has ended, its sessions are cut');
  }
}
