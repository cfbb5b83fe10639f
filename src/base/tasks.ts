// Ownership of concurrent work: nothing outlives the scope that started it.
import { setImmediate } from 'node:timers/promises';

export type Task = (signal: AbortSignal) => Promise<void>;

/**
 * Runs tasks until all return; the first failure aborts the others. Returns only when every task
 * has settled, so no work outlives its owner. Errors raised while stopping are reported, not lost.
 */
export async function runTasks(parent: AbortSignal, tasks: readonly Task[]): Promise<void> {
  const group = new AbortController();
  const signal = AbortSignal.any([parent, group.signal]);
  const failures: unknown[] = [];
  await Promise.all(
    tasks.map(async (task) => {
      try {
        await task(signal);
      } catch (error) {
        if (!(signal.aborted && isAbort(error, signal))) failures.push(error);
        group.abort(error);
      }
    }),
  );
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, 'several tasks failed');
}

/** Is `error` only the echo of `signal` having been aborted? */
export function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError');
}

/** Resolves when the signal is aborted; never rejects. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Whatever else waits to be done is done first: for work that would hold up everybody. */
export const nextTurn = (): Promise<void> => setImmediate();
