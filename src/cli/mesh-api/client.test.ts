import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import { EDITOR, startFakeConsole, VIEWER } from '#controlplane/console/fake-console.ts';
import { isRecord } from '#kube/objects.ts';
import { createFakeAuthority } from '../../../test/fakes/certificates.ts';
import { consoleUrl, meshApi, type ApiEvent, type MeshApi } from './client.ts';
import { readEvents } from './sse.ts';

const apiOf = (url: string, token = VIEWER, caPem?: string): MeshApi =>
  meshApi({
    url,
    credential: () => Promise.resolve(token),
    caPem,
    signal: new AbortController().signal,
  });

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    assert(error instanceof OperatorError, String(error));
    return `${error.code}: ${error.message}`;
  }
  return 'no error';
}

describe('where the console is', () => {
  const urlOf = (words: string | undefined, env = {}): string =>
    consoleUrl({ 'console-url': words }, env);

  test('by flag, by environment, by default', () => {
    assert.equal(urlOf(undefined), 'http://127.0.0.1:8080');
    assert.equal(urlOf(undefined, { ISTHMUS_CONSOLE: 'http://[::1]:1/' }), 'http://[::1]:1');
    assert.equal(urlOf('https://mesh.example/c/', {}), 'https://mesh.example/c');
  });

  test('never where credentials would go over the net in clear text', () => {
    for (const url of ['http://10.0.0.5:8080', 'http://mesh.example', 'http://127.evil.example']) {
      assert.throws(() => urlOf(url), /in clear text/, url);
    }
    for (const url of ['mesh.example', 'ftp://127.0.0.1']) {
      assert.throws(() => urlOf(url), /no address of a console/, url);
    }
  });
});

describe('asking', () => {
  test('answers are parsed; refusals say what the server said', async () => {
    await using fake = await startFakeConsole(systemClock);
    const api = apiOf(fake.url);
    assert.deepEqual(await api.get('/api/v1/things', { limit: 1, none: undefined }), ['thing']);
    assert.match(await codeOf(api.get('/api/v1/things/x')), /^NOT_FOUND: there is no thing x$/);
    const change = api.send('PUT', '/api/v1/things/a/b', {});
    assert.match(await codeOf(change), /^CONTROL_PLANE_REFUSED: vera may not create joins/);
    assert.match(await codeOf(apiOf(fake.url, 'old').get('/api/v1/things')), /REFUSED: the token/);
    const editor = apiOf(fake.url, EDITOR);
    assert.deepEqual(await editor.send('PUT', '/api/v1/things/a/b', { x: 1 }), { x: 1 });
  });

  test('over TLS the server is who the roots say, or nobody', async () => {
    const authority = createFakeAuthority();
    const tls = authority.issue({ dns: 'localhost' });
    await using fake = await startFakeConsole(systemClock, { tls });
    const api = apiOf(fake.url, VIEWER, authority.cert);
    assert.deepEqual(await api.get('/api/v1/things'), ['thing']);
    const foreign = apiOf(fake.url, VIEWER, createFakeAuthority('another').cert);
    assert.match(await codeOf(foreign.get('/api/v1/things')), /^CONTROL_PLANE_UNREACHABLE/);
    const session = await api.send('POST', '/api/v1/session', { token: VIEWER });
    assert(isRecord(session) && session['user'] === 'vera');
  });

  test('what does not answer, and what answers otherwise, is said', async () => {
    const other = createServer((_, response) => void response.end('hello')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    assert(typeof address === 'object' && address);
    const url = `http://127.0.0.1:${address.port}`;
    assert.match(await codeOf(apiOf(url).get('/x')), /UNREACHABLE: .* no console of isthmusd's/);
    other.close();
    await once(other, 'close');
    assert.match(await codeOf(apiOf(url).get('/x')), /UNREACHABLE: .* does not answer/);
  });

  test('events come as they happen; leaving the loop ends the stream', async () => {
    await using fake = await startFakeConsole(systemClock);
    const events: ApiEvent[] = [];
    const following = (async () => {
      for await (const event of apiOf(fake.url).events('/api/v1/ticks')) {
        events.push(event);
        if (events.length === 2) return;
      }
    })();
    const over = new AbortController();
    void following.then(() => over.abort());
    for (let count = 0; !over.signal.aborted; count += 1) {
      fake.tick(String(count));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await following;
    const [first, second] = events.map(({ data }) => Number(data));
    assert.equal(second, (first ?? 0) + 1);
    assert.match(await codeOf(apiOf(fake.url, 'old').events('/api/v1/ticks').next()), /REFUSED/);
  });
});

test('events are read from pieces of any size', async () => {
  const text =
    'retry: 1000\n\n: beat\n\nid: 7\nevent: a\ndata: {"x":\ndata: "→"}\n\nevent: b\ndata: no\n\n' +
    'data: 1\n\nevent: cut\ndata: 2\n';
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 2, 7, 1000]) {
    const pieces = async function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    };
    const events: ApiEvent[] = [];
    for await (const event of readEvents(pieces())) events.push(event);
    assert.deepEqual(events, [
      { type: 'a', id: '7', data: { x: '→' } },
      { type: 'message', id: '', data: 1 },
    ]);
  }
});
