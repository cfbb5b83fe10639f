// The client of the story: enters a book every half second, each over a connection of its own, and
// says ✅ only when PostgreSQL has committed it. Without TLS of its own: encryption is the mesh's.
//
// usage: writer.ts HOST PORT NOTE FIRST   (NOTE is stored with each book: a marker to look for;
// FIRST is the id of the first book)
// SIGTERM: finishes the book at hand and ends.
import { once } from 'node:events';
import { systemClock } from '#base/clock.ts';
import { createClient } from './database.ts';
import { describeDatabaseFailure } from './database-failure.ts';
import { titleOf } from './titles.ts';

const INTERVAL_MS = 500;
const RETRY_MS = 200;
/** For connecting and for each statement. */
const ANSWER_LIMIT_MS = 5_000;
/** How long the last book is tried after SIGTERM. */
const LAST_BOOK_LIMIT_MS = 10_000;

const [host = '', port = '', note = '', first = '1'] = process.argv.slice(2);
const target = `${host}:${port}`;
const stopping = new AbortController();
void once(process, 'SIGTERM').then(() => stopping.abort());

/** One transaction over one connection. Entering a book again that is there changes nothing. */
async function enter(id: number): Promise<void> {
  const client = createClient({ host, port: Number(port), limitMs: ANSWER_LIMIT_MS });
  try {
    await client.connect();
    await client.query('BEGIN');
    await client.query(
      'INSERT INTO books (id, title, note) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING',
      [id, titleOf(id), note],
    );
    const { command } = await client.query('COMMIT');
    // A transaction that failed before answers COMMIT with ROLLBACK, and no error.
    if (command !== 'COMMIT') throw new Error(`the transaction ended with ${command}`);
  } finally {
    await client.end().catch(() => undefined); // it may be gone already
  }
}

/** Enters a book until it is committed. @returns false when the writer had to end before */
async function enterUntilCommitted(id: number): Promise<boolean> {
  let said = '';
  let giveUpAtMs = Infinity;
  for (;;) {
    try {
      await enter(id);
      process.stdout.write(`✅ inserted ${titleOf(id)}\n`);
      return true;
    } catch (error) {
      const reason = describeDatabaseFailure(error, target);
      if (reason !== said) process.stdout.write(`❌ ${titleOf(id)}: ${reason}\n`);
      said = reason;
    }
    const nowMs = systemClock.nowMs();
    if (stopping.signal.aborted) giveUpAtMs = Math.min(giveUpAtMs, nowMs + LAST_BOOK_LIMIT_MS);
    if (nowMs >= giveUpAtMs) return false;
    await systemClock.sleep(RETRY_MS);
  }
}

for (let id = Number(first); !stopping.signal.aborted; id++) {
  const nextAtMs = systemClock.nowMs() + INTERVAL_MS;
  if (!(await enterUntilCommitted(id))) {
    process.exitCode = 1;
    break;
  }
  const restMs = Math.max(0, nextAtMs - systemClock.nowMs());
  await systemClock.sleep(restMs, stopping.signal).catch(() => undefined); // stopping
}
