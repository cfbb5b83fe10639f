import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { TITLES } from '../../generator/titles.ts';
import { bookNumber } from '../../shared/books.fixture.ts';
import type { BookStatus, LibraryView } from '../view.ts';
import { ago, lookOf, newest, noticeFor, ordinal, wordsFor } from './spines.js';

test('a title looks the same each time and fits its spine', () => {
  for (const [title, author] of [...TITLES, ['x'.repeat(200), ''], ['a b '.repeat(50), '']]) {
    const look = lookOf({ title: title ?? '', author: author ?? '' });
    assert.deepEqual(lookOf({ title: title ?? '', author: author ?? '' }), look);
    const lines = look.label.split('\n');
    assert(lines.length <= 3);
    assert(look.height <= 194 && look.width <= 80, title);
    for (const line of lines) assert(line.length <= (look.height - 62) / 8.2 + 1, line);
  }
});

test('titles are shown whole where they fit in three lines', () => {
  const shown = TITLES.filter(([title, author]) => !lookOf({ title, author }).label.includes('…'));
  assert(shown.length > TITLES.length * 0.93, `${shown.length} of ${TITLES.length}`);
  assert.equal(lookOf({ title: 'Fun Home', author: 'Alison Bechdel' }).label, 'Fun Home');
});

const STATUSES: readonly (readonly [status: BookStatus, step: number, words: RegExp])[] = [
  [{ kind: 'shelved' }, 1, /^On the shelf/],
  [{ kind: 'queued' }, 2, /^Queued/],
  [{ kind: 'inserted' }, 3, /^✅ Inserted/],
  [{ kind: 'failing', reason: 'away', attempts: 2 }, 2, /^❌ Not inserted yet away \(2nd try/],
  [{ kind: 'refused', reason: 'no' }, 2, /^❌ Refused no/],
  [{ kind: 'unknown' }, 2, /^Unknown/],
];

for (const [status, step, words] of STATUSES) {
  test(`in words: ${status.kind}`, () => {
    const found = wordsFor(status);
    assert.equal(found.step, step);
    assert.match(`${found.label} ${found.detail}`, words);
  });
}

test('counts and ages read as people say them', () => {
  assert.deepEqual([1, 2, 3, 4, 11, 12, 21, 112].map(ordinal), [
    '1st',
    '2nd',
    '3rd',
    '4th',
    '11th',
    '12th',
    '21st',
    '112th',
  ]);
  assert.deepEqual([-5, 2000, 12_000, 190_000, 7_300_000, 200_000_000].map(ago), [
    'just now',
    'just now',
    '12 s ago',
    '3 min ago',
    '2 h ago',
    '2 d ago',
  ]);
});

const view = (statuses: readonly BookStatus[], missing: readonly string[] = []): LibraryView => ({
  total: statuses.length,
  waiting: statuses.length,
  inserted: 0,
  shelves: [
    {
      name: 'Novels',
      count: statuses.length,
      books: statuses.map((status, index) => ({ ...bookNumber(index), status })),
    },
  ],
  picks: [],
  missing,
});

test('what is amiss is said in one sentence, the worst first', () => {
  assert.equal(noticeFor(view([{ kind: 'queued' }])), undefined);
  assert.equal(
    noticeFor(view([{ kind: 'failing', reason: 'away', attempts: 1 }, { kind: 'queued' }])),
    '❌ “Book 0” has no record yet: away. 1 more wait behind it.',
  );
  assert.match(noticeFor(view([], ['inventory'])) ?? '', /inventory does not answer/);
  assert.match(noticeFor(view([], ['catalogue', 'inventory'])) ?? '', /catalogue does not answer/);
});

test('the newest come first, from whatever shelf', () => {
  const { shelves } = view(Array.from({ length: 9 }, () => ({ kind: 'queued' })));
  const titles = newest(shelves, 3).map(({ title, shelf }) => `${title} (${shelf})`);
  assert.deepEqual(titles, ['Book 8 (Novels)', 'Book 7 (Novels)', 'Book 6 (Novels)']);
});

/** WCAG 2.2 §1.4.3: at least 4.5 to 1. */
test('titles can be read on every cloth', () => {
  const css = readFileSync(new URL('style.css', import.meta.url), 'utf8');
  const cloths = [...css.matchAll(/--cloth-\d: (#[0-9a-f]{6})/g)].map(([, colour = '']) => colour);
  assert.equal(cloths.length, 10);
  for (const cloth of cloths) assert(contrast(cloth, '#fdf3dc') >= 4.5, cloth);
});

function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
