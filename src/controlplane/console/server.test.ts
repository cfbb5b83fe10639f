import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { isRecord } from '#kube/objects.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { EDITOR, posted, startFakeConsole, VIEWER, type FakeConsole } from './fake-console.ts';

const EVERYTHING = { probe: true, join: true, policies: true, proxy: true, logs: true };
const NOW = Date.parse('2026-11-22T10:00:00Z');
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const put = (headers: Record<string, string>, body = '{}'): RequestInit => ({
  method: 'PUT',
  headers: { 'content-type': 'application/json', ...headers },
  body,
});
const THING = '/api/v1/things/shop/cart';

async function recordOf(answer: Response): Promise<Record<string, unknown>> {
  const body: unknown = await answer.json();
  assert(isRecord(body));
  return body;
}

async function problemOf(answer: Response): Promise<string> {
  const { code, message, remedy } = await recordOf(answer);
  assert(typeof message === 'string' && typeof remedy === 'string');
  return String(code);
}

describe('who may', () => {
  test('nobody without a token, nor with one that is not known', async () => {
    await using fake = await startFakeConsole(systemClock);
    const none = await fake.ask('/api/v1/things');
    assert.equal(none.status, 401);
    assert.equal(none.headers.get('www-authenticate'), 'Bearer');
    assert.equal(await problemOf(none), 'unauthorized');
    const wrong = await fake.ask('/api/v1/things', { headers: bearer('no-such-token') });
    assert.equal(wrong.status, 401);
    assert.deepEqual(fake.reviews.questions, []);
  });

  test('what Kubernetes says, in the namespace that the path names', async () => {
    await using fake = await startFakeConsole(systemClock);
    assert.equal((await fake.ask('/api/v1/things', { headers: bearer(VIEWER) })).status, 200);
    const refused = await fake.ask(THING, put(bearer(VIEWER)));
    assert.equal(refused.status, 403);
    assert.equal(await problemOf(refused), 'forbidden');
    assert.equal((await fake.ask(THING, put(bearer(EDITOR)))).status, 200);
    assert.deepEqual(fake.changes, ['ed shop/cart']);
    assert.deepEqual(fake.reviews.questions.at(-1), {
      verb: 'create',
      group: 'isthmus.dev',
      resource: 'joins',
      namespace: 'shop',
    });
  });

  test('one token is reviewed once in half a minute, and then again', async () => {
    const clock = new FakeClock(NOW);
    await using fake = await startFakeConsole(clock);
    for (let count = 0; count < 3; count += 1) {
      await fake.ask('/api/v1/things', { headers: bearer(VIEWER) });
    }
    assert.equal(fake.reviews.reviews, 1);
    fake.reviews.tokens.delete(VIEWER);
    clock.advance(30_001);
    assert.equal((await fake.ask('/api/v1/things', { headers: bearer(VIEWER) })).status, 401);
  });

  test('whoever tries token after token waits, and the API server is spared', async () => {
    const clock = new FakeClock(NOW);
    await using fake = await startFakeConsole(clock);
    const guess = async (token: string): Promise<number> =>
      (await fake.ask('/api/v1/things', { headers: bearer(token) })).status;
    for (let count = 0; count < 30; count += 1) assert.equal(await guess(`no-${count}`), 401);
    assert.equal(await guess('no-31'), 429);
    assert.equal(fake.reviews.reviews, 30);
    clock.advance(2000);
    assert.equal(await guess(VIEWER), 200);
  });

  test('changes are written down: who, what, on what, and how it ended', async () => {
    await using fake = await startFakeConsole(systemClock);
    await fake.ask(THING, put(bearer(EDITOR), '{"password":"hunter2"}'));
    const audit = fake.log.find((line) => line.includes('audit'));
    assert.match(audit ?? '', /user=ed action="PUT .*" on=shop\/cart from=127.0.0.1 outcome=200/);
    assert(!fake.log.join().includes('hunter2'));
  });
});

describe('sessions', () => {
  test("the cookie is unreadable to scripts and stays with this console's pages", async () => {
    await using fake = await startFakeConsole(systemClock);
    const answer = await fake.ask('/api/v1/session', posted({ token: VIEWER }));
    assert.equal(answer.status, 201);
    const cookie = answer.headers.get('set-cookie') ?? '';
    assert.match(
      cookie,
      /^isthmus-\d+=[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/,
    );
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert(!(await answer.text()).includes(VIEWER));
  });

  test('a session tells what its user may', async () => {
    await using fake = await startFakeConsole(systemClock);
    const answer = await fake.ask('/api/v1/session', posted({ token: EDITOR }));
    const { csrfToken, endsAtMs, ...rest } = await recordOf(answer);
    assert.deepEqual(rest, {
      user: 'ed',
      role: 'editor',
      can: EVERYTHING,
      canSomewhere: EVERYTHING,
      readOnlyReason: '',
      undoSeconds: 120,
    });
    assert.match(String(csrfToken), /^[\w-]{43}$/);
    assert(Number(endsAtMs) > systemClock.nowMs());
  });

  test('what one may in a namespace is told, to each so often', async () => {
    await using fake = await startFakeConsole(new FakeClock(NOW));
    const ask = (token: string): Promise<Response> =>
      fake.ask('/api/v1/session/can?namespace=shop', { headers: bearer(token) });
    assert.deepEqual(await recordOf(await ask(EDITOR)), { namespace: 'shop', can: EVERYTHING });
    for (let count = 1; count < 100; count += 1) assert.equal((await ask(EDITOR)).status, 200);
    assert.equal((await ask(EDITOR)).status, 429);
    assert.equal((await ask(VIEWER)).status, 200);
    // and the API server was asked once
    assert.equal(fake.reviews.questions.filter(({ verb }) => verb === 'create').length, 3 + 3);
  });

  test('a change needs the CSRF token that only this page has', async () => {
    await using fake = await startFakeConsole(systemClock);
    const { cookie, csrf } = await fake.signIn(EDITOR);
    const without = await fake.ask(THING, put({ cookie }));
    assert.equal(without.status, 403);
    assert.equal(await problemOf(without), 'csrf');
    assert.equal((await fake.ask(THING, put({ cookie, 'x-csrf-token': 'guess' }))).status, 403);
    assert.deepEqual(fake.changes, []);
    assert.equal((await fake.ask(THING, put({ cookie, 'x-csrf-token': csrf }))).status, 200);
    assert.equal((await fake.ask('/api/v1/things', { headers: { cookie } })).status, 200);
  });

  test('a page of another origin changes nothing, and signs nobody in', async () => {
    await using fake = await startFakeConsole(systemClock);
    const { cookie, csrf } = await fake.signIn(EDITOR);
    for (const foreign of [
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' }, // another port of this host
    ]) {
      const all: Record<string, string> = { cookie, 'x-csrf-token': csrf };
      const answer = await fake.ask(THING, put({ ...all, ...definedOf(foreign) }));
      assert.equal(answer.status, 403, JSON.stringify(foreign));
      assert.equal(await problemOf(answer), 'foreign-origin');
    }
    const login = posted({ token: EDITOR }, { origin: 'http://evil.example' });
    assert.equal((await fake.ask('/api/v1/session', login)).status, 403);
    assert.deepEqual(fake.changes, []);
    const own = put({ cookie, 'x-csrf-token': csrf, origin: fake.url });
    assert.equal((await fake.ask(THING, own)).status, 200);
  });

  test('it ends: signed out, after twelve hours, with its token', async () => {
    const clock = new FakeClock(NOW);
    await using fake = await startFakeConsole(clock);
    const seen = async (cookie: string): Promise<number> =>
      (await fake.ask('/api/v1/things', { headers: { cookie } })).status;
    const one = await fake.signIn(VIEWER);
    const ended = { method: 'DELETE', headers: { cookie: one.cookie, 'x-csrf-token': one.csrf } };
    const out = await fake.ask('/api/v1/session', ended);
    assert.equal(out.status, 204);
    assert.match(out.headers.get('set-cookie') ?? '', /=; .*Max-Age=0/);
    assert.equal(await seen(one.cookie), 401);
    const two = await fake.signIn(VIEWER);
    clock.advance(12 * 3_600_000);
    assert.equal(await seen(two.cookie), 401);
    const three = await fake.signIn(VIEWER);
    assert.equal(await seen(three.cookie), 200);
    fake.reviews.tokens.delete(VIEWER);
    clock.advance(30_001);
    assert.equal(await seen(three.cookie), 401);
  });

  test('a code signs in once, as whoever asked for it, within a minute', async () => {
    const clock = new FakeClock(NOW);
    await using fake = await startFakeConsole(clock);
    const issue = async (): Promise<string> => {
      const answer = await fake.ask('/api/v1/session/code', posted({}, bearer(VIEWER)));
      const { code } = await recordOf(answer);
      return String(code);
    };
    const use = (code: string): Promise<Response> => fake.ask('/api/v1/session', posted({ code }));
    const code = await issue();
    const first = await use(code);
    assert.equal(first.status, 201);
    assert.match(await first.text(), /"user":"vera","role":"viewer"/);
    assert.equal((await use(code)).status, 401);
    const late = await issue();
    clock.advance(60_000);
    assert.equal((await use(late)).status, 401);
  });

  test('attempts are limited, and the wait is told', async () => {
    const clock = new FakeClock(NOW);
    await using fake = await startFakeConsole(clock);
    const guess = (): Promise<Response> => fake.ask('/api/v1/session', posted({ code: 'guess' }));
    for (let count = 0; count < 10; count += 1) assert.equal((await guess()).status, 401);
    const refused = await guess();
    assert.equal(refused.status, 429);
    assert.equal(refused.headers.get('retry-after'), '3');
    clock.advance(3_000);
    assert.equal((await guess()).status, 401);
  });
});

const definedOf = (headers: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  );

describe('bad input', () => {
  test('bodies are JSON, and no larger than 256 KiB', async () => {
    await using fake = await startFakeConsole(systemClock);
    const sent = async (body: string, type = 'application/json'): Promise<number> => {
      const headers = { ...bearer(EDITOR), 'content-type': type };
      return (await fake.ask(THING, { method: 'PUT', headers, body })).status;
    };
    assert.equal(await sent('{"a":1}'), 200);
    assert.equal(await sent('{"a":'), 400);
    assert.equal(await sent('{"a":1}', 'text/plain'), 415);
    assert.equal(await sent(JSON.stringify('x'.repeat(256 << 10))), 413);
  });

  test('what is no route says so', async () => {
    await using fake = await startFakeConsole(systemClock);
    assert.equal((await fake.ask('/api/v1/nothing')).status, 404);
    assert.equal((await fake.ask('/api/v1/things/%ZZ/x', put(bearer(EDITOR)))).status, 404);
    const wrong = await fake.ask('/api/v1/things', { method: 'DELETE' });
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.get('allow'), 'GET');
  });

  test('a bug is told to the log, not to the client', async () => {
    await using fake = await startFakeConsole(systemClock);
    const answer = await fake.ask('/api/v1/broken', { headers: bearer(VIEWER) });
    assert.equal(answer.status, 500);
    assert(!(await answer.text()).includes('4711'));
    assert(fake.log.some((line) => line.includes('4711')));
  });

  test('what is no HTTP is turned away, and the server goes on', async () => {
    await using fake = await startFakeConsole(systemClock);
    const socket = connect(Number(new URL(fake.url).port), '127.0.0.1');
    socket.end('\u0016\u0003\u0001 hello\r\n\r\n');
    const [answer] = await once(socket, 'data');
    assert.match(String(answer), /^HTTP\/1.1 400/);
    assert.equal((await fake.ask('/')).status, 200);
  });
});

describe('the page', () => {
  test('lets in nothing from elsewhere, and styles by a nonce of this once', async () => {
    await using fake = await startFakeConsole(systemClock);
    const nonceOf = async (): Promise<string> => {
      const answer = await fake.ask('/workloads/default/books');
      assert.equal(answer.status, 200);
      const policy = answer.headers.get('content-security-policy') ?? '';
      const [, nonce = ''] = /style-src 'self' 'nonce-([\w-]+)'/.exec(policy) ?? [];
      assert((await answer.text()).includes(`nonce="${nonce}"`));
      assert.match(policy, /^default-src 'self';.*object-src 'none'; base-uri 'none';/);
      assert.match(policy, /frame-ancestors 'none'/);
      assert(!/unsafe|\*/.test(policy));
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
      assert.equal(answer.headers.get('referrer-policy'), 'no-referrer');
      assert.equal(answer.headers.get('cache-control'), 'no-cache');
      return nonce;
    };
    assert.notEqual(await nonceOf(), await nonceOf());
  });

  test('may be shown in a frame by those origins that were named, and nothing else may', async () => {
    const embedders = ['https://portal.example.com', 'http://10.0.0.5:8443'];
    await using fake = await startFakeConsole(systemClock, { embedders });
    const framed = async (path: string): Promise<readonly (string | null | undefined)[]> => {
      const { headers } = await fake.ask(path);
      const policy = headers.get('content-security-policy') ?? '';
      return [/frame-ancestors (.*)$/.exec(policy)?.[1], headers.get('x-frame-options')];
    };
    assert.deepEqual(await framed('/workloads'), [embedders.join(' '), null]);
    assert.deepEqual(await framed('/api/v1/session'), ["'none'", 'DENY']);
    assert.deepEqual(await framed('/assets/index-a1b2.js'), ["'none'", 'DENY']);
  });

  test('assets are kept for ever and compressed; no path leads out of the folder', async () => {
    await using fake = await startFakeConsole(systemClock);
    const asset = await fake.ask('/assets/index-a1b2.js');
    assert.equal(asset.headers.get('cache-control'), 'public, max-age=31536000, immutable');
    assert.equal(asset.headers.get('content-encoding'), 'gzip');
    assert.equal(asset.headers.get('content-type'), 'text/javascript; charset=utf-8');
    assert.equal((await asset.text()).length, 3000);
    const etag = asset.headers.get('etag') ?? '';
    const again = { headers: { 'if-none-match': etag } };
    assert.equal((await fake.ask('/assets/index-a1b2.js', again)).status, 304);
    assert.equal((await fake.ask('/assets/index-old.js')).status, 404);
    for (const path of ['/..%2f..%2fetc/passwd.txt', '/assets/%2e%2e/%2e%2e/x.js', '//x/y.js']) {
      assert.equal((await fake.ask(path)).status, 404, path);
    }
  });

  test('where it was not built it says so, and the API works', async () => {
    await using fake = await startFakeConsole(systemClock, { isBuilt: false });
    const answer = await fake.ask('/');
    assert.equal(answer.status, 503);
    assert.match(await answer.text(), /console is not built/);
    assert.equal((await fake.ask('/api/v1/things', { headers: bearer(VIEWER) })).status, 200);
  });
});

/** Reads until so much text has come that it matches. */
async function readUntil(answer: Response, wanted: RegExp): Promise<string> {
  let text = '';
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  assert(reader);
  while (!wanted.test(text)) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
  }
  await reader.cancel();
  return text;
}

describe('streams', () => {
  const open = (fake: FakeConsole, headers: Record<string, string>): Promise<Response> =>
    fake.ask('/api/v1/ticks', { headers });

  test('events come as they are sent, and a comment every ten seconds when none is', async () => {
    const clock = new FakeClock(NOW);
    await using fake = await startFakeConsole(clock);
    const answer = await open(fake, bearer(VIEWER));
    assert.equal(answer.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    assert.match(answer.headers.get('cache-control') ?? '', /no-transform/);
    assert.equal(answer.headers.get('x-accel-buffering'), 'no');
    fake.tick('{"n":1}');
    await clock.untilSleeping(10_000);
    clock.advance(10_000);
    const text = await readUntil(answer, /^:$/m);
    assert.equal(text, 'retry: 1000\n\nevent: tick\ndata: {"n":1}\n\n:\n\n');
  });

  test('a stream ends when its user may not see it any more', async () => {
    const clock = new FakeClock(NOW);
    await using fake = await startFakeConsole(clock);
    const answer = await open(fake, bearer(VIEWER));
    fake.reviews.isViewer = false;
    await clock.untilSleeping(60_000);
    clock.advance(60_000);
    assert.match(await answer.text(), /^retry/); // to its end
  });

  test('a stream ends with its session', async () => {
    await using fake = await startFakeConsole(systemClock);
    const { cookie, csrf } = await fake.signIn(VIEWER);
    const answer = await open(fake, { cookie });
    const headers = { cookie, 'x-csrf-token': csrf };
    await fake.ask('/api/v1/session', { method: 'DELETE', headers });
    assert.match(await answer.text(), /^retry/); // to its end
  });

  test('one user has sixteen, and gets one again when one ends', async () => {
    await using fake = await startFakeConsole(systemClock);
    const stop = new AbortController();
    const first = await fake.ask('/api/v1/ticks', {
      headers: bearer(VIEWER),
      signal: stop.signal,
    });
    assert.equal(first.status, 200);
    for (let count = 1; count < 16; count += 1) {
      assert.equal((await open(fake, bearer(VIEWER))).status, 200);
    }
    const refused = await open(fake, bearer(VIEWER));
    assert.equal(refused.status, 429);
    assert.equal(await problemOf(refused), 'too-many');
    assert.equal((await open(fake, bearer(EDITOR))).status, 200);
    stop.abort();
    let status = 429;
    while (status === 429) ({ status } = await open(fake, bearer(VIEWER)));
    assert.equal(status, 200);
  });

  test('who reads nothing is cut off before much is kept for it', async () => {
    await using fake = await startFakeConsole(systemClock);
    const socket = connect(Number(new URL(fake.url).port), '127.0.0.1');
    const lines = ['GET /api/v1/ticks HTTP/1.1', 'host: x', `authorization: Bearer ${VIEWER}`];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    await once(socket, 'readable');
    socket.pause();
    const closed = once(socket, 'close');
    socket.on('error', () => undefined); // cut off in the middle
    const event = JSON.stringify('x'.repeat(1 << 20));
    for (let count = 0; count < 64; count += 1) fake.tick(event);
    let bytes = 0;
    socket.on('data', (chunk: Uint8Array) => (bytes += chunk.length));
    socket.resume();
    await closed;
    assert(bytes < 16 << 20, `${bytes} bytes`);
  });
});
