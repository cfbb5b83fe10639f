import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadataOf, TestServer, versionOf } from '../../../test/fakes/api-core.ts';
import type { TestWatch } from '../../../test/fakes/api-core.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

const labelled = (name: string, x: string) => ({ metadata: { name, labels: { x } } });

function told(watch: TestWatch): string[] {
  return watch.take().map(({ type, object }) => `${type} ${object.metadata.name}`);
}

async function relabel(server: TestServer, name: string, x: string) {
  return server.ok('PUT', `${CONFIG_MAPS}/${name}`, { body: labelled(name, x) });
}

test('a watch without a version begins with what is there, and goes on', async () => {
  await using server = await TestServer.start();
  await server.create(CONFIG_MAPS, labelled('a', '1'));
  const watch = await server.watch(CONFIG_MAPS);
  assert.deepEqual(told(watch), ['ADDED a']);
  await server.create(CONFIG_MAPS, labelled('b', '1'));
  await relabel(server, 'a', '2');
  await server.ok('DELETE', `${CONFIG_MAPS}/a`);
  const frames = watch.take();
  assert.deepEqual(
    frames.map(({ type, object }) => [type, object.metadata.name, object.metadata.labels]),
    [
      ['ADDED', 'b', { x: '1' }],
      ['MODIFIED', 'a', { x: '2' }],
      ['DELETED', 'a', { x: '2' }],
    ],
  );
  assert.equal(frames.at(-1)?.object.metadata.resourceVersion, String(server.store.revision));
  assert.equal(frames[0]?.object.kind, 'ConfigMap');
});

test('a watch from a version tells only what came later', async () => {
  await using server = await TestServer.start();
  await server.create(CONFIG_MAPS, labelled('a', '1'));
  const list = await server.get(CONFIG_MAPS);
  await server.create(CONFIG_MAPS, labelled('b', '1'));
  const watch = await server.watch(CONFIG_MAPS, { query: { resourceVersion: versionOf(list) } });
  assert.deepEqual(told(watch), ['ADDED b']);
  await relabel(server, 'b', '2');
  assert.deepEqual(told(watch), ['MODIFIED b']);
});

test('a watch from a version still to come waits for what is beyond it', async () => {
  await using server = await TestServer.start();
  const resourceVersion = String(server.store.revision + 1);
  const watch = await server.watch(CONFIG_MAPS, { query: { resourceVersion } });
  await server.create(CONFIG_MAPS, labelled('a', '1'));
  await server.create(CONFIG_MAPS, labelled('b', '1'));
  assert.deepEqual(told(watch), ['ADDED b']);
});

test('with a selector, coming to match is ADDED and ceasing to is DELETED as it was', async () => {
  await using server = await TestServer.start();
  const watch = await server.watch(CONFIG_MAPS, { query: { labelSelector: 'x=1' } });
  await server.create(CONFIG_MAPS, labelled('a', '2'));
  assert.deepEqual(told(watch), []);
  await relabel(server, 'a', '1');
  assert.deepEqual(told(watch), ['ADDED a']);
  const moved = await relabel(server, 'a', '3');
  const [frame] = watch.take();
  assert.equal(frame?.type, 'DELETED');
  assert.deepEqual(frame.object.metadata.labels, { x: '1' });
  assert.equal(frame.object.metadata.resourceVersion, versionOf(moved));
  await server.ok('DELETE', `${CONFIG_MAPS}/a`);
  assert.deepEqual(told(watch), []);
});

test('a watch sees its own namespace and kind only', async () => {
  await using server = await TestServer.start();
  const watch = await server.watch(CONFIG_MAPS);
  const everywhere = await server.watch('/api/v1/configmaps');
  await server.create('/api/v1/namespaces/kube-system/configmaps', labelled('other', '1'));
  await server.create('/api/v1/namespaces/default/secrets', labelled('secret', '1'));
  assert.deepEqual(told(watch), []);
  assert.deepEqual(told(everywhere), ['ADDED other']);
});

test('too old a version is said within the stream', async () => {
  await using server = await TestServer.start();
  await server.create(CONFIG_MAPS, labelled('a', '1'));
  server.store.compact(server.store.revision);
  const watch = await server.watch(CONFIG_MAPS, { query: { resourceVersion: '1' } });
  assert.equal(watch.status, 200);
  assert(watch.isEnded);
  const [frame] = watch.take();
  assert.equal(frame?.type, 'ERROR');
  const { reason, code, message } = Object(frame.object);
  assert.deepEqual([reason, code], ['Expired', 410]);
  assert.equal(message, `too old resource version: 1 (${server.store.revision})`);
});

test('sendInitialEvents ends the initial state with a marked bookmark', async () => {
  await using server = await TestServer.start();
  await server.create(CONFIG_MAPS, labelled('a', '1'));
  const query = {
    sendInitialEvents: 'true',
    resourceVersionMatch: 'NotOlderThan',
    allowWatchBookmarks: 'true',
  };
  const watch = await server.watch(CONFIG_MAPS, { query });
  const [added, bookmark] = watch.take();
  assert.equal(added?.type, 'ADDED');
  assert.deepEqual(bookmark, {
    type: 'BOOKMARK',
    object: {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: {
        name: '',
        resourceVersion: String(server.store.revision),
        annotations: { 'k8s.io/initial-events-end': 'true' },
      },
    },
  });
  const wrong = { watch: 'true', sendInitialEvents: 'true' };
  await server.refused(422, 'GET', CONFIG_MAPS, { query: wrong });
});

test('bookmarks come once a minute to who wants them', async () => {
  await using server = await TestServer.start({ runsControllers: true });
  const eager = await server.watch(CONFIG_MAPS, { query: { allowWatchBookmarks: 'true' } });
  const plain = await server.watch(CONFIG_MAPS);
  await server.clock.untilSleeping(60_000);
  server.clock.advance(60_000);
  await server.clock.untilSleeping(60_000);
  const bookmarks = eager.take().filter(({ type }) => type === 'BOOKMARK');
  assert.deepEqual(
    bookmarks.map(({ object }) => object.metadata.resourceVersion),
    [String(server.store.revision)],
  );
  assert(plain.take().every(({ type }) => type !== 'BOOKMARK'));
});

test('a watch ends cleanly after its time, and is then forgotten', async () => {
  await using server = await TestServer.start();
  const watch = await server.watch(CONFIG_MAPS, { query: { timeoutSeconds: '5' } });
  await server.clock.untilSleeping(5_000);
  server.clock.advance(5_000);
  await Promise.resolve();
  assert(watch.isEnded);
  watch.close();
  assert.equal(server.core.hub.count, 0);
  assert.deepEqual(server.clock.pendingMs(), []);
});

test('a client that does not read costs no memory, and misses nothing', async () => {
  await using server = await TestServer.start();
  const watch = await server.watch(CONFIG_MAPS, { query: { resourceVersion: '1' } });
  watch.isReading = false;
  for (let index = 0; index < 250; index += 1) {
    await server.create(CONFIG_MAPS, labelled(`c${index}`, '1'));
  }
  assert.equal(watch.lines.length, 1, 'the one line that filled its buffer');
  watch.drain();
  assert.deepEqual(
    told(watch),
    Array.from({ length: 250 }, (_, index) => `ADDED c${index}`),
  );
  await server.create(CONFIG_MAPS, labelled('live', '1'));
  assert.deepEqual(told(watch), ['ADDED live']);
});

test('a client that falls behind the history is told to begin anew', async () => {
  await using server = await TestServer.start();
  const watch = await server.watch(CONFIG_MAPS, { query: { resourceVersion: '1' } });
  watch.isReading = false;
  await server.create(CONFIG_MAPS, labelled('a', '1'));
  await server.create(CONFIG_MAPS, labelled('b', '1'));
  server.store.compact(server.store.revision);
  watch.drain();
  assert.deepEqual(
    watch.take().map(({ type }) => type),
    ['ADDED', 'ERROR'],
  );
  assert(watch.isEnded);
});

test('a client that is slow at the start gets the initial state piece by piece', async () => {
  await using server = await TestServer.start();
  for (const name of ['a', 'b', 'c']) await server.create(CONFIG_MAPS, labelled(name, '1'));
  const watch = await server.watch(CONFIG_MAPS, {}, false);
  assert.deepEqual(told(watch), ['ADDED a']);
  await server.create(CONFIG_MAPS, labelled('d', '1'));
  await server.ok('DELETE', `${CONFIG_MAPS}/a`);
  watch.drain();
  assert.deepEqual(told(watch), ['ADDED b', 'ADDED c', 'ADDED d', 'DELETED a']);
});

test('a watch on one name is one with a field selector', async () => {
  await using server = await TestServer.start();
  const watch = await server.watch(`${CONFIG_MAPS}/a`);
  await server.create(CONFIG_MAPS, labelled('b', '1'));
  await server.create(CONFIG_MAPS, labelled('a', '1'));
  assert.deepEqual(told(watch), ['ADDED a']);
});

test('a shutdown ends every watch', async () => {
  const server = await TestServer.start();
  const watch = await server.watch(CONFIG_MAPS);
  assert.equal(metadataOf(await server.get('/api/v1/namespaces/default'))['name'], 'default');
  await server[Symbol.asyncDispose]();
  assert(watch.isEnded);
});
