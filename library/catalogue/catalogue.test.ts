import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bookNumber, temporaryFolder } from '../shared/books.fixture.ts';
import { systemClock } from '../shared/clock.ts';
import { call, json, jsonOf, serve, type HttpReply } from '../shared/http.ts';
import { parseShelves } from '../shared/shelves.ts';
import { startCatalogue } from './catalogue.ts';

/** An inventory that answers by the list, and then always with 202; it remembers what it got. */
async function fakeInventory(answers: HttpReply[] = []) {
  const received: unknown[] = [];
  const http = await serve({
    port: 0,
    routes: {
      'POST /books': (request) => {
        const answer = answers.shift() ?? json(202, {});
        if (answer.status === 202) received.push(jsonOf(request));
        return answer;
      },
    },
  });
  return {
    http,
    received,
    url: http.url,
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}

async function shelvesOf(url: string) {
  const result = await call(`${url}/shelves`);
  const shelves = result.ok ? parseShelves(result.body) : undefined;
  assert(shelves);
  return shelves;
}

async function untilHandedOver(url: string, count: number) {
  for (;;) {
    const shelves = await shelvesOf(url);
    const books = shelves.shelves.flatMap((shelf) => shelf.books);
    if (books.filter(({ isHandedOver }) => isHandedOver).length >= count) return shelves;
    await systemClock.sleep(5);
  }
}

test('a book comes onto its shelf and into the inventory, once', async () => {
  using folder = temporaryFolder();
  await using inventory = await fakeInventory();
  const config = { port: 0, booksFile: folder.path('books'), inventoryUrl: inventory.url };
  await using catalogue = await startCatalogue(config);
  const added = await call(`${catalogue.url}/books`, { method: 'POST', body: bookNumber(1) });
  assert.deepEqual(added, { ok: true, status: 201, body: bookNumber(1) });
  const again = await call(`${catalogue.url}/books`, { method: 'POST', body: bookNumber(1) });
  assert(again.ok && again.status === 200);
  const { total, shelves } = await untilHandedOver(catalogue.url, 1);
  assert.equal(total, 1);
  assert.deepEqual(shelves[0], {
    name: 'Novels',
    count: 1,
    books: [{ ...bookNumber(1), isHandedOver: true }],
  });
  assert.deepEqual(inventory.received, [bookNumber(1)]);
});

test('an inventory that is busy or away gets the books later, in order', async () => {
  using folder = temporaryFolder();
  await using inventory = await fakeInventory([json(503, {}), json(500, {})]);
  const config = { port: 0, booksFile: folder.path('books'), inventoryUrl: inventory.url };
  await using catalogue = await startCatalogue(config, { random: () => 0 });
  for (const n of [1, 2]) {
    await call(`${catalogue.url}/books`, { method: 'POST', body: bookNumber(n) });
  }
  assert.equal((await shelvesOf(catalogue.url)).total, 2);
  await untilHandedOver(catalogue.url, 2);
  assert.deepEqual(inventory.received, [bookNumber(1), bookNumber(2)]);
});

test('what is no book is refused, field by field', async () => {
  using folder = temporaryFolder();
  const config = { port: 0, booksFile: folder.path('b'), inventoryUrl: 'http://127.0.0.1:2' };
  await using catalogue = await startCatalogue(config);
  const result = await call(`${catalogue.url}/books`, { method: 'POST', body: { title: 'x' } });
  assert(result.ok && result.status === 400);
  assert.match(JSON.stringify(result.body), /"author".*"shelf"/);
  assert.equal((await shelvesOf(catalogue.url)).total, 0);
});

test('what was acknowledged is there again after a restart', async () => {
  using folder = temporaryFolder();
  const config = { port: 0, booksFile: folder.path('b'), inventoryUrl: 'http://127.0.0.1:2' };
  {
    await using catalogue = await startCatalogue(config);
    await call(`${catalogue.url}/books`, { method: 'POST', body: bookNumber(1) });
  }
  await using inventory = await fakeInventory();
  await using catalogue = await startCatalogue({ ...config, inventoryUrl: inventory.url });
  await untilHandedOver(catalogue.url, 1);
  assert.deepEqual(inventory.received, [bookNumber(1)]);
});
