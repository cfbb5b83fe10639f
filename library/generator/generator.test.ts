import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import { isRecord, parseBook } from '../shared/book.ts';
import { json, jsonOf, serve } from '../shared/http.ts';
import { endlessly, startGenerator } from './generator.ts';
import { TITLES } from './titles.ts';

test('every title is a book, and none is there twice', () => {
  for (const [title, author, shelf] of TITLES) {
    assert(parseBook({ title, author, shelf }, 0).ok, title);
  }
  assert.equal(new Set(TITLES.map(([title]) => title)).size, TITLES.length);
  assert(TITLES.length >= 150);
  assert.equal(TITLES[0]?.[0], 'Fun Home');
});

test('the list goes on for ever, each time in another order', () => {
  let seed = 0;
  const books = endlessly(['a', 'b', 'c'], () => (seed += 0.37) % 1);
  const take = (count: number): string[] => Array.from({ length: count }, () => books.next().value);
  assert.deepEqual(take(3), ['a', 'b', 'c']);
  assert.deepEqual(take(3).toSorted(), ['a', 'b', 'c']);
});

test('a book every interval; one that was not taken comes again under its id', async () => {
  const offered: Readonly<Record<string, unknown>>[] = [];
  const statuses = [201, 503, 201];
  await using front = await serve({
    port: 0,
    routes: {
      'POST /api/books': (request) => {
        const book = jsonOf(request);
        if (isRecord(book)) offered.push(book);
        return json(statuses.shift() ?? 201, {});
      },
    },
  });
  const clock = new FakeClock();
  const config = { port: 0, libraryUrl: front.url, intervalMs: 2000 };
  await using generator = await startGenerator(config, { clock, random: () => 0 });
  await clock.untilSleeping(2000);
  assert.deepEqual(
    offered.map(({ title }) => title),
    ['Fun Home'],
  );
  clock.advance(2000);
  await clock.untilSleeping(125);
  clock.advance(125);
  await clock.untilSleeping(2000 - 125);
  assert.equal(offered.length, 3);
  assert.equal(offered[1]?.['id'], offered[2]?.['id']);
  assert.notEqual(offered[0]?.['id'], offered[1]?.['id']);
  assert.equal((await fetch(`${generator.url}/healthz`)).status, 200);
});
