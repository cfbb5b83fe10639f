// The library's client for the test of accounts: connections to PostgreSQL of random sizes and
// lives, and what its own sockets say that they carried.
//
// usage: flows-program.ts visits HOST PORT CONNECTIONS CONCURRENCY HOLD_MS ROUNDS
//   ends with `total {"connections":…,"toServer":…,"toClient":…}`
// usage: flows-program.ts steady HOST PORT SECONDS
//   one connection at an even rate, with `at {"ms":…,"toServer":…}` several times a second
// usage: flows-program.ts held HOST PORT CONNECTIONS
//   carries something on each now and then until SIGTERM; ends with the total, too
// usage: flows-program.ts refused HOST PORT
//   calls until it is refused
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { Socket } from 'node:net';
import type { Client } from 'pg';
import { systemClock } from '#base/clock.ts';
import { createClient } from '#lab/programs/database.ts';

const ANSWER_LIMIT_MS = 15_000;
const TEXT_MAX = 40_000;
const STEADY_INTERVAL_MS = 50;

const [mode = '', host = '', port = '', ...numbers] = process.argv.slice(2);
const total = { connections: 0, toServer: 0, toClient: 0 };

async function connect(): Promise<{ client: Client; stream: Socket }> {
  const client = createClient({ host, port: Number(port), limitMs: ANSWER_LIMIT_MS });
  await client.connect();
  const { stream } = client.connection;
  assert(stream instanceof Socket);
  return { client, stream };
}

/** What Node's sockets count is what the proxy beside them reads and writes. */
async function visit(rounds: number, holdMs: number): Promise<void> {
  const { client, stream } = await connect();
  for (let round = 0; round < rounds; round++) {
    await systemClock.sleep(randomInt(holdMs + 1));
    const text = 'b'.repeat(randomInt(TEXT_MAX));
    await client.query('SELECT repeat($1, 1 + length($2) / 1000)', [`a${round}`, text]);
  }
  await finish(client, stream);
}

async function finish(client: Client, stream: Socket): Promise<void> {
  const closed = new Promise((resolve) => stream.once('close', resolve));
  await client.end();
  await closed;
  total.connections += 1;
  total.toServer += stream.bytesWritten;
  total.toClient += stream.bytesRead;
}

async function visits(): Promise<void> {
  const [connections = 1, concurrency = 1, holdMs = 1, rounds = 1] = numbers.map(Number);
  let begun = 0;
  const visitUntilDone = async (): Promise<void> => {
    while (begun < connections) {
      begun += 1;
      await visit(rounds, holdMs);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, visitUntilDone));
  process.stdout.write(`total ${JSON.stringify(total)}\n`);
}

async function steady(): Promise<void> {
  const [seconds = 1] = numbers.map(Number);
  const { client, stream } = await connect();
  const text = 'b'.repeat(TEXT_MAX);
  const begunMs = systemClock.nowMs();
  for (let nextMs = begunMs; nextMs < begunMs + seconds * 1000; nextMs += STEADY_INTERVAL_MS) {
    await systemClock.sleep(Math.max(0, nextMs - systemClock.nowMs()));
    await client.query('SELECT length($1)', [text]);
    const at = { ms: systemClock.nowMs(), toServer: stream.bytesWritten };
    process.stdout.write(`at ${JSON.stringify(at)}\n`);
  }
  await client.end();
}

async function held(): Promise<void> {
  const stopping = new AbortController();
  process.once('SIGTERM', () => stopping.abort());
  const [connections = 1] = numbers.map(Number);
  const hold = async (): Promise<void> => {
    const { client, stream } = await connect();
    while (!stopping.signal.aborted) {
      await client.query('SELECT length($1)', ['b'.repeat(randomInt(TEXT_MAX))]);
      await systemClock.sleep(randomInt(100));
    }
    await finish(client, stream);
  };
  await Promise.all(Array.from({ length: connections }, hold));
  process.stdout.write(`total ${JSON.stringify(total)}\n`);
}

/** A policy takes a moment to be in force. */
async function refused(): Promise<void> {
  for (let isRefused = false; !isRefused;) {
    isRefused = await visit(1, 1).then(
      () => false,
      () => true,
    );
  }
}

const modes: Readonly<Record<string, () => Promise<void>>> = { visits, steady, held, refused };
await modes[mode]?.();
