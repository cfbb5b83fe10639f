import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/fakes/clock.ts';
import { bookNumber } from '../shared/books.fixture.ts';
import { call, json, jsonOf, serve } from '../shared/http.ts';
import { startFront } from './front.ts';

/** All back ends in one server, as their paths differ. */
async function fakeBackEnds() {
  const asked: string[] = [];
  const shelf = {
    name: 'Novels',
    count: 1,
    books: [{ ...bookNumber(1, '<script>alert(1)</script>'), isHandedOver: true }],
  };
  const say = (path: string, value: unknown) => () => {
    asked.push(path);
    return json(200, value);
  };
  const http = await serve({
    port: 0,
    routes: {
      'GET /shelves': say('/shelves', { total: 1, shelves: [shelf] }),
      'GET /queue': say('/queue', { pending: [], refused: [] }),
      'GET /inserted': say('/inserted', { total: 1, books: [] }),
      'GET /recommendations': say('/recommendations', { picks: [] }),
      'POST /books': (request) => json(201, jsonOf(request)),
    },
  });
  return { http, asked };
}

const configFor = (url: string) => ({
  port: 0,
  catalogueUrl: url,
  recommendationsUrl: url,
  inventoryUrl: url,
});
const NOBODY = configFor('http://127.0.0.1:2');

test('the page and all that it needs is served, and nothing may come from elsewhere', async () => {
  await using front = await startFront(NOBODY);
  const page = await fetch(`${front.url}/`);
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
  const html = await page.text();
  const linked = [...html.matchAll(/(?:href|src)="(\/[^"]+)"/g)].map(([, path]) => path);
  const script = await (await fetch(`${front.url}/app.js`)).text();
  const imported = [...script.matchAll(/from '\.(\/[^']+)'/g)].map(([, path]) => path);
  assert(linked.length >= 3 && imported.length >= 1);
  for (const path of [...linked, ...imported]) {
    assert.equal((await fetch(`${front.url}${path}`)).status, 200, path);
  }
  assert.doesNotMatch(html, /\son\w+=|<script>|\sstyle=/);
});

test('what a browser has already is not sent again', async () => {
  await using front = await startFront(NOBODY);
  const first = await fetch(`${front.url}/style.css`);
  const again = await fetch(`${front.url}/style.css`, {
    headers: { 'if-none-match': first.headers.get('etag') ?? '' },
  });
  assert.equal(again.status, 304);
});

test('any number of pages ask the back ends once', async () => {
  const backEnds = await fakeBackEnds();
  await using http = backEnds.http;
  const clock = new FakeClock();
  await using front = await startFront(configFor(http.url), clock);
  const ask = () => call(`${front.url}/api/library`);
  const [one, two] = await Promise.all([ask(), ask()]);
  assert.deepEqual(one, two);
  assert.equal(backEnds.asked.length, 4);
  clock.advance(1000);
  await ask();
  assert.equal(backEnds.asked.length, 8);
});

test('back ends that are away leave gaps, not errors', async () => {
  await using front = await startFront(NOBODY);
  const result = await call(`${front.url}/api/library`);
  assert(result.ok && result.status === 200);
  assert.deepEqual(result.body, {
    total: 0,
    shelves: [],
    picks: [],
    missing: ['catalogue', 'inventory', 'recommendations'],
  });
  const added = await call(`${front.url}/api/books`, { method: 'POST', body: bookNumber(1) });
  assert(added.ok && added.status === 503);
});

test('a book goes to the catalogue, and its answer comes back', async () => {
  const backEnds = await fakeBackEnds();
  await using http = backEnds.http;
  await using front = await startFront(configFor(http.url));
  assert.deepEqual(await call(`${front.url}/api/books`, { method: 'POST', body: bookNumber(1) }), {
    ok: true,
    status: 201,
    body: bookNumber(1),
  });
});
