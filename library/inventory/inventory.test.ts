import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import { bookNumber, temporaryFolder } from '../shared/books.fixture.ts';
import type { Outcome } from '../shared/delivery.ts';
import { call } from '../shared/http.ts';
import { inventoryConfig, startInventory } from './inventory.ts';

const ENV = { PGHOST: 'db', PGUSER: 'u', PGPASSWORD: 'p', PGDATABASE: 'd' };

/** An inventory whose database answers by the list, and then always `done`. */
async function startWith(file: string, answers: Outcome[]) {
  const lines: string[] = [];
  const clock = new FakeClock();
  const config = { ...inventoryConfig(ENV), port: 0, queueFile: file };
  const inventory = await startInventory(config, {
    insert: async () => answers.shift() ?? { kind: 'done' },
    print: (line) => void lines.push(line),
    clock,
    random: () => 0,
    pendingMax: 3,
  });
  const add = (n: number) =>
    call(`${inventory.url}/books`, { method: 'POST', body: bookNumber(n) });
  const get = async (path: string): Promise<unknown> => {
    const result = await call(`${inventory.url}${path}`);
    return result.ok ? result.body : result.reason;
  };
  return { inventory, lines, clock, add, get };
}

test('settings come from the environment as libpq names them', () => {
  assert.deepEqual(inventoryConfig({ ...ENV, PGPORT: '6432', PORT: '1' }), {
    port: 1,
    queueFile: '/var/lib/library/inventory.jsonl',
    database: { host: 'db', port: 6432, user: 'u', password: 'p', name: 'd' },
  });
  assert.throws(() => inventoryConfig({ ...ENV, PGSSLMODE: 'require' }), /PGSSLMODE is require/);
  assert.throws(() => inventoryConfig({ ...ENV, PGHOST: undefined }), /PGHOST is not set/);
});

test('a book is queued, tried, said to fail, tried again and said to be inserted, once', async () => {
  using folder = temporaryFolder();
  const answers: Outcome[] = [{ kind: 'retry', reason: 'getaddrinfo ENOTFOUND db' }];
  const { inventory, lines, clock, add, get } = await startWith(folder.path('q'), answers);
  await using _ = inventory;
  const added = await add(1);
  assert(added.ok && added.status === 202);
  await clock.untilSleeping(125);
  assert.deepEqual(await get('/queue'), {
    pendingMax: 3,
    pending: [
      { id: bookNumber(1).id, title: 'Book 1', attempts: 1, reason: 'getaddrinfo ENOTFOUND db' },
    ],
    refused: [],
  });
  assert.deepEqual(await get('/inserted'), { total: 0, books: [] });
  clock.advance(125);
  const again = await add(1);
  assert(again.ok && again.status === 200);
  assert.deepEqual(await get('/inserted'), {
    total: 1,
    books: [{ id: bookNumber(1).id, title: 'Book 1' }],
  });
  assert.deepEqual(lines, ['❌ Book 1: getaddrinfo ENOTFOUND db', '✅ inserted Book 1']);
});

test('a book that the database can never take is said once and held against nobody', async () => {
  using folder = temporaryFolder();
  const answers: Outcome[] = [{ kind: 'refused', reason: 'value too long' }];
  const { inventory, lines, add, get } = await startWith(folder.path('q'), answers);
  await using _ = inventory;
  await add(1);
  await add(2);
  assert.deepEqual(await get('/inserted'), {
    total: 1,
    books: [{ id: bookNumber(2).id, title: 'Book 2' }],
  });
  assert.deepEqual(lines, ['❌ Book 1: value too long', '✅ inserted Book 2']);
});

test('the queue is bounded, and what is beyond it is turned away in words', async () => {
  using folder = temporaryFolder();
  const away = Array.from({ length: 9 }, (): Outcome => ({ kind: 'retry', reason: 'away' }));
  const { inventory, add } = await startWith(folder.path('q'), away);
  await using _ = inventory;
  for (let n = 1; n <= 3; n += 1) {
    const result = await add(n);
    assert(result.ok && result.status === 202, `${n}`);
  }
  const result = await add(4);
  assert(result.ok && result.status === 503);
  assert.match(JSON.stringify(result.body), /Too many books/);
});
