// The books in PostgreSQL, as they come in after the story.
import { systemClock } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import { isAbort } from '#base/tasks.ts';
import type { LibraryWorld } from './library-world.ts';

/** A book comes every two seconds. */
const LOOK_MS = 1_000;
const SQL = 'SELECT count(*) OVER (), title FROM books ORDER BY inserted_at DESC LIMIT 1';

/** Tells of each change until aborted. A database that is away is waited for. */
export async function followBooks(
  { postgres }: LibraryWorld,
  onBook: (title: string, count: number) => void,
  signal: AbortSignal,
): Promise<void> {
  let known = 0;
  try {
    for (;;) {
      const [row = ''] = await postgres.query(SQL).catch(nothingIfAway);
      const at = row.indexOf('|');
      const count = Number(row.slice(0, at));
      if (at > 0 && count !== known) onBook(row.slice(at + 1), count);
      known = count;
      await systemClock.sleep(LOOK_MS, signal);
    }
  } catch (error) {
    if (!isAbort(error, signal)) throw error;
  }
}

function nothingIfAway(error: unknown): readonly string[] {
  if (error instanceof OperatorError) return [];
  throw error;
}
