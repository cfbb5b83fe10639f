import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bookNumber } from '../shared/books.fixture.ts';
import type { Shelves } from '../shared/shelves.ts';
import { buildView, parseInventory, parsePicks } from './view.ts';

const catalogue: Shelves = {
  total: 5,
  shelves: [
    {
      name: 'Novels',
      count: 5,
      books: [1, 2, 3, 4, 5].map((n) => ({ ...bookNumber(n), isHandedOver: n !== 1 })),
    },
  ],
};

const inventory = parseInventory(
  {
    pending: [
      { id: bookNumber(2).id, title: 'Book 2', attempts: 3, reason: 'away' },
      { id: bookNumber(3).id, title: 'Book 3' },
    ],
    refused: [{ id: bookNumber(4).id, title: 'Book 4', reason: 'no' }],
  },
  { total: 17, books: [] },
);

test('each book has the status that the services say', () => {
  const view = buildView(catalogue, inventory, []);
  assert.deepEqual(
    view.shelves[0]?.books.map(({ status }) => status),
    [
      { kind: 'shelved' },
      { kind: 'failing', reason: 'away', attempts: 3 },
      { kind: 'queued' },
      { kind: 'refused', reason: 'no' },
      { kind: 'inserted' },
    ],
  );
  assert.deepEqual(
    { total: view.total, waiting: view.waiting, inserted: view.inserted, missing: view.missing },
    { total: 5, waiting: 3, inserted: 17, missing: [] },
  );
});

test('what nobody says is unknown, not inserted', () => {
  const view = buildView(catalogue, undefined, undefined);
  assert.deepEqual(view.missing, ['inventory', 'recommendations']);
  assert.equal(view.waiting, undefined);
  assert.equal(view.inserted, undefined);
  assert.deepEqual(
    view.shelves[0]?.books.map(({ status }) => status.kind),
    ['shelved', 'unknown', 'unknown', 'unknown', 'unknown'],
  );
  assert.deepEqual(buildView(undefined, inventory, []).shelves, []);
});

test('answers of another shape are no answers', () => {
  for (const value of [undefined, null, [], 'x', { error: 'no' }]) {
    assert.equal(parseInventory(value, value), undefined);
    assert.equal(parsePicks(value), undefined);
  }
});
