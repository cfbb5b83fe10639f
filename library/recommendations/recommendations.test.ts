import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bookNumber } from '../shared/books.fixture.ts';
import { call, json, serve } from '../shared/http.ts';
import type { ShelfContent } from '../shared/shelves.ts';
import { pickBooks, startRecommendations } from './recommendations.ts';

const shelf = (name: ShelfContent['name'], ...numbers: number[]): ShelfContent => ({
  name,
  count: numbers.length,
  books: numbers.map((n) => ({ ...bookNumber(n), isHandedOver: true })),
});

test('one book from each of three shelves, others in the next period', () => {
  const shelves = [shelf('a', 1, 2), shelf('b', 3), shelf('c'), shelf('d', 4, 5, 6), shelf('e', 7)];
  const numbers = (period: number): number[] =>
    pickBooks(shelves, period).map(({ id }) => Number(id.slice(-12)));
  assert.deepEqual(numbers(0), [1, 3, 4]);
  assert.deepEqual(numbers(0), numbers(0));
  assert.deepEqual(numbers(1), [3, 5, 7]);
  assert.deepEqual(numbers(2), [6, 7, 1]);
});

test('few books make few recommendations', () => {
  assert.deepEqual(pickBooks([], 5), []);
  assert.equal(pickBooks([shelf('a', 1)], 5).length, 1);
});

test('the catalogue is asked; when it is away that is said', async () => {
  const catalogue = await serve({
    port: 0,
    routes: { 'GET /shelves': () => json(200, { total: 1, shelves: [shelf('Novels', 1)] }) },
  });
  await using service = await startRecommendations({ port: 0, catalogueUrl: catalogue.url });
  assert.deepEqual(await call(`${service.url}/recommendations`), {
    ok: true,
    status: 200,
    body: {
      picks: [
        {
          id: bookNumber(1).id,
          title: 'Book 1',
          author: 'A. N. Author',
          shelf: 'Novels',
          reason: 'For a long evening',
        },
      ],
    },
  });
  await catalogue[Symbol.asyncDispose]();
  const away = await call(`${service.url}/recommendations`);
  assert(away.ok && away.status === 502);
});
