// Letting sessions end before Envoy does.
import type { Clock } from '#base/clock.ts';
import type { EnvoyAdmin } from './admin.ts';

const POLL_MS = 200;

/**
 * Closes the listeners, so that nothing new comes, and waits until the open connections have ended
 * by themselves, at most `limitMs`.
 *
 * @param options.onProgress called with the number of open connections when it changes
 * @throws the signal's reason when that is aborted; the listeners then stay closed
 * @returns how many connections are still open, and will be cut
 */
export async function drainConnections(
  admin: EnvoyAdmin,
  options: {
    readonly clock: Clock;
    readonly limitMs: number;
    readonly onProgress?: (open: number) => void;
    readonly signal?: AbortSignal;
  },
): Promise<number> {
  const { clock, limitMs, onProgress, signal } = options;
  await admin.drainListeners();
  const untilMs = clock.nowMs() + limitMs;
  let told: number | undefined;
  for (;;) {
    const open = (await admin.openConnections()) ?? 0;
    if (open !== told) onProgress?.(open);
    told = open;
    if (open === 0 || clock.nowMs() >= untilMs) return open;
    await clock.sleep(POLL_MS, signal);
  }
}
