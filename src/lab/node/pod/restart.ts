// When a container that has ended is started again. Pure; kubelet's rules.
import type { RestartPolicy } from './spec.ts';

export type RestartBackoff = {
  /** After the second end in a row; doubled after each further one. kubelet: 10 s. */
  readonly firstMs: number;
  /** kubelet: 300 s. */
  readonly maxMs: number;
};

export const KUBELET_BACKOFF: RestartBackoff = { firstMs: 10_000, maxMs: 300_000 };

/** A container that ran twice the longest delay was well: the next end counts as its first. */
const WELL_AFTER_FACTOR = 2;

/** Ends in a row, as far as they count for the delay. */
export type RestartHistory = { readonly endsInRow: number };

export const NEVER_ENDED: RestartHistory = { endsInRow: 0 };

export function isRestarted(policy: RestartPolicy, exitCode: number): boolean {
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

export function afterEnd(
  history: RestartHistory,
  ranMs: number,
  { maxMs }: RestartBackoff,
): RestartHistory {
  const wasWell = ranMs >= maxMs * WELL_AFTER_FACTOR;
  return { endsInRow: wasWell ? 1 : history.endsInRow + 1 };
}

/** 0 after the first end: once is no loop yet. */
export function restartDelayMs({ endsInRow }: RestartHistory, backoff: RestartBackoff): number {
  if (endsInRow <= 1) return 0;
  return Math.min(backoff.firstMs * 2 ** Math.min(endsInRow - 2, 30), backoff.maxMs);
}

/** `10s`, `2m40s`: how Go, and so kubelet's messages, write durations. */
export function goDuration(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  const seconds = ms / 1000;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = `${Number((seconds % 60).toFixed(3))}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}
