import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { bookNumber } from '../shared/books.fixture.ts';
import { insertBook } from './insert.ts';
import { PostgresFixture } from './postgres.fixture.ts';

const never = new AbortController().signal;
let postgres: PostgresFixture;

before(async () => {
  postgres = await PostgresFixture.start();
});
after(() => postgres[Symbol.asyncDispose]());

const insert = (n: number, title?: string) =>
  insertBook(bookNumber(n, title), postgres.database, never);
const titles = () => postgres.values('SELECT title AS value FROM books ORDER BY id');

test('the first book makes its table; inserting it again adds nothing and is no error', async () => {
  assert.deepEqual(await insert(1), { kind: 'done' });
  assert.deepEqual(await insert(1), { kind: 'done' });
  assert.deepEqual(await insert(2, "O'Brien's “Ünïcode” 📚"), { kind: 'done' });
  assert.deepEqual(await titles(), ['Book 1', "O'Brien's “Ünïcode” 📚"]);
});

test('each book takes a connection of its own, and none stays open', async () => {
  const idle = `SELECT count(*)::int AS value FROM pg_stat_activity
    WHERE application_name = 'inventory'`;
  await insert(3);
  assert.deepEqual(await postgres.values(idle), [0]);
});

test('a book that the database will never take is refused, not tried for ever', async () => {
  const outcome = await insert(4, 'a\0b');
  assert.equal(outcome.kind, 'refused');
  await postgres.values('ALTER TABLE books ADD CONSTRAINT short CHECK (length(title) < 100)');
  const tooLong = await insert(5, 'x'.repeat(150));
  assert.equal(tooLong.kind, 'refused');
  assert.deepEqual(await insert(6), { kind: 'done' });
});

test('a wrong password is said without it', async () => {
  const database = { ...postgres.database, password: 'wrong-secret' };
  const outcome = await insertBook(bookNumber(7), database, never);
  assert.deepEqual(outcome, {
    kind: 'retry',
    reason: 'password authentication failed for user "inventory"',
  });
});

test('nobody listens', async () => {
  const database = { ...postgres.database, port: 2 };
  const outcome = await insertBook(bookNumber(8), database, never);
  assert.deepEqual(outcome, { kind: 'retry', reason: 'connect ECONNREFUSED 127.0.0.1:2' });
});

test('an unknown name', async () => {
  const database = { ...postgres.database, host: 'nowhere.invalid' };
  const outcome = await insertBook(bookNumber(8), database, never);
  assert(outcome.kind === 'retry');
  assert.match(outcome.reason, /^getaddrinfo (ENOTFOUND|EAI_AGAIN) nowhere\.invalid$/);
});

test('somebody who takes the connection and says nothing is given up on', async () => {
  const silent = createServer((socket) => {
    socket.on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const address = silent.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const database = { ...postgres.database, port };
  const limits = { connectMs: 100, queryMs: 100 };
  const outcome = await insertBook(bookNumber(8), database, never, limits);
  assert.deepEqual(outcome, {
    kind: 'retry',
    reason: `no answer from 127.0.0.1:${port} within 0.1 s`,
  });
  const stop = new AbortController();
  const stopped = insertBook(bookNumber(8), database, stop.signal);
  stop.abort();
  assert.equal((await stopped).kind, 'retry');
  silent.close();
});
