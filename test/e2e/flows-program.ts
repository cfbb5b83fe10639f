// The library's client for the test of accounts: many connections to PostgreSQL of random sizes and
// lives, and what its own sockets say that they carried.
//
// usage: flows-program.ts HOST PORT CONNECTIONS CONCURRENCY HOLD_MS ROUNDS
// The last line is `total {"connections":…,"toServer":…,"toClient":…}`.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { Socket } from 'node:net';
import { systemClock } from '#base/clock.ts';
import { createClient } from '#lab/programs/database.ts';

const ANSWER_LIMIT_MS = 15_000;
const TEXT_MAX = 40_000;

const [host = '', port = '', ...numbers] = process.argv.slice(2);
const [connections = 1, concurrency = 1, holdMs = 1, rounds = 1] = numbers.map(Number);
const total = { connections: 0, toServer: 0, toClient: 0 };

/** What Node's sockets count is what the proxy beside them reads and writes. */
async function visit(): Promise<void> {
  const client = createClient({ host, port: Number(port), limitMs: ANSWER_LIMIT_MS });
  await client.connect();
  const { stream } = client.connection;
  assert(stream instanceof Socket);
  for (let round = 0; round < rounds; round++) {
    await systemClock.sleep(randomInt(holdMs + 1));
    const text = 'b'.repeat(randomInt(TEXT_MAX));
    await client.query('SELECT repeat($1, 1 + length($2) / 1000)', [`a${round}`, text]);
  }
  const closed = new Promise((resolve) => stream.once('close', resolve));
  await client.end();
  await closed;
  total.connections += 1;
  total.toServer += stream.bytesWritten;
  total.toClient += stream.bytesRead;
}

let begun = 0;

async function visitUntilDone(): Promise<void> {
  while (begun < connections) {
    begun += 1;
    await visit();
  }
}

await Promise.all(Array.from({ length: concurrency }, visitUntilDone));
process.stdout.write(`total ${JSON.stringify(total)}\n`);
