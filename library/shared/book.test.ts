import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBook } from './book.ts';
import { bookNumber } from './books.fixture.ts';

const NOW_MS = Date.UTC(2026, 10, 22);

test('what somebody types becomes a book with an id and a time', () => {
  const parsed = parseBook(
    { title: '  Fun Home ', author: 'Alison Bechdel', shelf: 'Lives & pictures' },
    NOW_MS,
  );
  assert(parsed.ok);
  assert.match(parsed.book.id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(
    { ...parsed.book, id: '' },
    {
      id: '',
      title: 'Fun Home',
      author: 'Alison Bechdel',
      shelf: 'Lives & pictures',
      addedAt: '2026-11-22T00:00:00.000Z',
    },
  );
});

test('a book that has an id and a time keeps them', () => {
  const parsed = parseBook(bookNumber(7), NOW_MS);
  assert(parsed.ok);
  assert.deepEqual(parsed.book, bookNumber(7));
});

const WRONG: readonly (readonly [what: string, value: unknown, fields: string])[] = [
  ['nothing', undefined, 'title author shelf'],
  ['no object', 'Fun Home', 'title author shelf'],
  ['an array', [], 'title author shelf'],
  ['an empty title', { ...bookNumber(1), title: '   ' }, 'title'],
  ['a title that is no text', { ...bookNumber(1), title: 7 }, 'title'],
  ['a long title', { ...bookNumber(1), title: 'x'.repeat(201) }, 'title'],
  ['a title that forges a line', { ...bookNumber(1), title: 'a\n✅ inserted b' }, 'title'],
  ['a NUL', { ...bookNumber(1), author: 'a\0b' }, 'author'],
  ['no such shelf', { ...bookNumber(1), shelf: 'Cookery' }, 'shelf'],
  ['an id of another kind', { ...bookNumber(1), id: '1; DROP TABLE books' }, 'id'],
  ['a time that is none', { ...bookNumber(1), addedAt: '2026-13-41T00:00:00Z' }, 'addedAt'],
];

for (const [what, value, fields] of WRONG) {
  test(`refused, field by field: ${what}`, () => {
    const parsed = parseBook(value, NOW_MS);
    assert(!parsed.ok);
    assert.equal(parsed.problems.map(({ field }) => field).join(' '), fields);
  });
}
