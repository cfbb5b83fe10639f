import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import { createFakeAuthority } from '#ca/fake-authority.ts';
import { startFakeApiServer, type Answer } from './fake-api-server.ts';
import { createKubeClient } from './https-client.ts';
import { SERVICE } from './resources.ts';
import { isExpired } from './status.ts';

const mesh = createFakeAuthority(systemClock.nowMs());
const serving = mesh.server([], ['127.0.0.1']);
const cleanups: (() => PromiseLike<void> | void)[] = [];
after(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

test('a watch yields events one by one, however they are cut', async () => {
  const lines = [
    { type: 'ADDED', object: { metadata: { name: 'ä', resourceVersion: '1' } } },
    { type: 'BOOKMARK', object: { metadata: { resourceVersion: '2' } } },
    { type: 'DELETED', object: { metadata: { name: 'ä', resourceVersion: '3' } } },
  ];
  const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const { client, received } = await start(async (_, response) => {
    response.flushHeaders();
    for (let at = 0; at < bytes.length; at += 7) {
      await new Promise((written) => response.write(bytes.subarray(at, at + 7), written));
    }
    response.end();
  });
  const seen: unknown[] = [];
  for await (const event of client.watch(SERVICE, { resourceVersion: '0', timeoutSeconds: 9 })) {
    seen.push(event);
  }
  assert.deepEqual(seen, [
    lines[0],
    { type: 'BOOKMARK', resourceVersion: '2' },
    { type: 'DELETED', object: { metadata: { name: 'ä', resourceVersion: '3' } } },
  ]);
  assert.equal(
    received[0]?.url,
    '/api/v1/services?watch=true&allowWatchBookmarks=true&resourceVersion=0&timeoutSeconds=9',
  );
});

test('an event is yielded while the watch is open, and leaving it closes the connection', async () => {
  const closed = Promise.withResolvers<void>();
  const { client } = await start((_, response) => {
    response.on('close', () => closed.resolve());
    response.write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n');
  });
  for await (const event of client.watch(SERVICE, { timeoutSeconds: 9 })) {
    assert.equal(event.type, 'ADDED');
    break;
  }
  await closed.promise;
});

test('an abort in an open watch rejects with its reason and closes the connection', async () => {
  const closed = Promise.withResolvers<void>();
  const { client } = await start((_, response) => {
    response.on('close', () => closed.resolve());
    response.write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n');
  });
  const stop = new AbortController();
  const events = client.watch(SERVICE, { timeoutSeconds: 9, signal: stop.signal });
  await events.next();
  const pending = failure(events.next());
  const reason = new Error('no longer wanted');
  stop.abort(reason);
  assert.equal(await pending, reason);
  await closed.promise;
});

test('an ERROR event ends a watch with its Status', async () => {
  const { client } = await start((_, response) => {
    const object = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
    response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
  });
  const events = client.watch(SERVICE, { resourceVersion: '1', timeoutSeconds: 9 });
  assert(isExpired(await failure(events.next())));
});

for (const [what, body] of [
  ['breaks off', undefined],
  ['ends inside an event', '{"type":"ADDED"'],
  ['is not JSON', 'hello\n'],
  ['has an unknown event', '{"type":"NEWS","object":{}}\n'],
  ['has a nameless object', '{"type":"ADDED","object":{"metadata":{}}}\n'],
] as const) {
  test(`a watch that ${what} is API_SERVER_UNREACHABLE`, async () => {
    const { client } = await start((_, response) => {
      response.flushHeaders();
      if (body === undefined) response.write(' ', () => response.socket?.destroy());
      else response.end(body);
    });
    const error = await failure(client.watch(SERVICE, { timeoutSeconds: 9 }).next());
    assert(error instanceof OperatorError && error.code === 'API_SERVER_UNREACHABLE');
  });
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => assert.fail('it should have failed'),
    (error: unknown) => error,
  );
}

async function start(answer: Answer) {
  const tls = { cert: serving.chainPem, key: serving.keyPem, ca: mesh.rootPem };
  const server = await startFakeApiServer(tls, answer);
  const client = createKubeClient({
    server: `https://127.0.0.1:${server.port}`,
    caPem: mesh.rootPem,
    serverName: undefined,
    credentials: {},
    namespace: 'default',
  });
  cleanups.push(
    () => server[Symbol.asyncDispose](),
    () => client.close(),
  );
  return { client, received: server.received };
}
