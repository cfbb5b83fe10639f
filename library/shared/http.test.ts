import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { call, json, jsonOf, reasonOf, serve } from './http.ts';

const start = () =>
  serve({
    port: 0,
    routes: {
      'GET /things': () => json(200, { things: [] }),
      'POST /things': (request) => json(201, { got: jsonOf(request) ?? null }),
      'GET /broken': () => {
        throw new Error('a bug');
      },
    },
  });

test('routes answer, health is there by itself', async () => {
  await using service = await start();
  assert.deepEqual(await call(`${service.url}/things`), {
    ok: true,
    status: 200,
    body: { things: [] },
  });
  assert.deepEqual(await call(`${service.url}/things`, { method: 'POST', body: { a: 1 } }), {
    ok: true,
    status: 201,
    body: { got: { a: 1 } },
  });
  const health = await fetch(`${service.url}/healthz`, { method: 'HEAD' });
  assert.equal(health.status, 200);
  assert.equal(await health.text(), '');
});

test('what does not fit is refused in one sentence', async () => {
  await using service = await start();
  const nothing = await fetch(`${service.url}/nothing?a=b`);
  assert.equal(nothing.status, 404);
  assert.deepEqual(await nothing.json(), { error: 'There is nothing at /nothing.' });
  const wrongMethod = await fetch(`${service.url}/things`, { method: 'DELETE' });
  assert.equal(wrongMethod.status, 405);
  assert.equal(wrongMethod.headers.get('allow'), 'GET, POST');
  const large = await fetch(`${service.url}/things`, { method: 'POST', body: 'x'.repeat(20_000) });
  assert.equal(large.status, 413);
  const noJson = await fetch(`${service.url}/things`, { method: 'POST', body: '{' });
  assert.deepEqual(await noJson.json(), { got: null });
});

test('a bug is answered without its details', async () => {
  await using service = await start();
  const result = await call(`${service.url}/broken`);
  assert(result.ok);
  assert.equal(result.status, 500);
  assert.doesNotMatch(JSON.stringify(result.body), /a bug/);
});

test('a service that is not there is a value with a reason', async () => {
  const service = await start();
  const { url } = service;
  await service[Symbol.asyncDispose]();
  const result = await call(url);
  assert(!result.ok);
  assert.match(result.reason, /ECONNREFUSED/);
});

test('stopping waits for nobody who only holds a connection open', async () => {
  const service = await start();
  const { port } = new URL(service.url);
  const idle = connect({ host: '127.0.0.1', port: Number(port) });
  idle.on('error', () => undefined);
  await fetch(`${service.url}/things`);
  const stopped = service[Symbol.asyncDispose]();
  idle.end();
  await stopped;
});

test('the innermost cause says what went wrong', () => {
  const refused = new Error('connect ECONNREFUSED 127.0.0.1:5432');
  assert.equal(reasonOf(new TypeError('fetch failed', { cause: refused })), refused.message);
  assert.equal(reasonOf(new AggregateError([refused, new Error('other')])), refused.message);
  assert.equal(reasonOf('text'), 'text');
});
