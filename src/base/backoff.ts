export type BackoffLimits = { readonly firstMs: number; readonly maxMs: number };

/**
 * Exponential backoff with full jitter on its upper half.
 *
 * @param attempt 0 for the first retry
 * @param jitter 0 (inclusive) to 1 (exclusive), drawn by the caller so that this stays pure
 * @returns milliseconds between half of the bound and the bound, which doubles up to `maxMs`
 */
export function backoffDelayMs(attempt: number, jitter: number, limits: BackoffLimits): number {
  const boundMs = Math.min(limits.firstMs * 2 ** Math.min(attempt, 30), limits.maxMs);
  return boundMs / 2 + (boundMs / 2) * jitter;
}
