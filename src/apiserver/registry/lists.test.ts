import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadataOf, TestServer, versionOf } from '../../../test/fakes/api-core.ts';
import type { JsonObject } from '../object.ts';
import { objectsAt, stringAt } from '../object.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const EVERYWHERE = '/api/v1/configmaps';

async function withObjects(count: number): Promise<TestServer> {
  const server = await TestServer.start();
  for (let index = 0; index < count; index += 1) {
    const name = `c${String(index).padStart(3, '0')}`;
    await server.create(CONFIG_MAPS, {
      metadata: { name, labels: { parity: index % 2 === 0 ? 'even' : 'odd' } },
    });
  }
  return server;
}

function names(list: JsonObject): string[] {
  return objectsAt(list, 'items').map((item) => stringAt(metadataOf(item), 'name'));
}

function tokenOf(list: JsonObject): string {
  return stringAt(metadataOf(list), 'continue');
}

test('a list is a List of its kind, its items without type', async () => {
  await using server = await withObjects(1);
  const list = await server.get(CONFIG_MAPS);
  assert.equal(list['kind'], 'ConfigMapList');
  assert.equal(list['apiVersion'], 'v1');
  assert.deepEqual(metadataOf(list), { resourceVersion: String(server.store.revision) });
  const [item] = objectsAt(list, 'items');
  assert.equal(item?.['kind'], undefined);
});

test('pages show one state, whatever is written in between', async () => {
  await using server = await withObjects(5);
  const first = await server.get(CONFIG_MAPS, { limit: '2' });
  assert.deepEqual(names(first), ['c000', 'c001']);
  assert.equal(metadataOf(first)['remainingItemCount'], 3);
  await server.ok('DELETE', `${CONFIG_MAPS}/c003`);
  await server.create(CONFIG_MAPS, { metadata: { name: 'c0025' } });
  const second = await server.get(CONFIG_MAPS, { limit: '2', continue: tokenOf(first) });
  assert.deepEqual(names(second), ['c002', 'c003']);
  assert.equal(versionOf(second), versionOf(first));
  const third = await server.get(CONFIG_MAPS, { limit: '2', continue: tokenOf(second) });
  assert.deepEqual(names(third), ['c004']);
  assert.equal(tokenOf(third), '');
});

test('pages with a selector are full, and do not count what is left', async () => {
  await using server = await withObjects(7);
  const query = { limit: '2', labelSelector: 'parity=odd' };
  const first = await server.get(EVERYWHERE, query);
  assert.deepEqual(names(first), ['c001', 'c003']);
  assert.equal(metadataOf(first)['remainingItemCount'], undefined);
  const second = await server.get(EVERYWHERE, { ...query, continue: tokenOf(first) });
  assert.deepEqual(names(second), ['c005']);
  assert.equal(tokenOf(second), '');
});

test('a page whose state is compacted away offers to go on at the current one', async () => {
  await using server = await withObjects(4);
  const first = await server.get(CONFIG_MAPS, { limit: '2' });
  await server.ok('DELETE', `${CONFIG_MAPS}/c002`);
  server.store.compact(server.store.revision);
  const { status, body } = await server.call('GET', CONFIG_MAPS, {
    query: { limit: '2', continue: tokenOf(first) },
  });
  assert.equal(status, 410);
  assert.equal(body['reason'], 'Expired');
  const rest = await server.get(CONFIG_MAPS, { continue: tokenOf(body) });
  assert.deepEqual(names(rest), ['c003']);
});

test('resource versions: exact, at least, any, too old, too new', async () => {
  await using server = await withObjects(1);
  const then = String(server.store.revision);
  await server.create(CONFIG_MAPS, { metadata: { name: 'later' } });
  const list = (query: Record<string, string>) => server.get(CONFIG_MAPS, query);
  const exact = { resourceVersion: then, resourceVersionMatch: 'Exact' };
  assert.deepEqual(names(await list(exact)), ['c000']);
  assert.equal(versionOf(await list(exact)), then);
  const atLeast = { resourceVersion: then, resourceVersionMatch: 'NotOlderThan' };
  assert.deepEqual(names(await list(atLeast)), ['c000', 'later']);
  assert.deepEqual(names(await list({ resourceVersion: then })), ['c000', 'later']);
  assert.deepEqual(names(await list({ resourceVersion: '0', limit: '1' })), ['c000', 'later']);
  server.store.compact(server.store.revision);
  await server.refused(410, 'GET', CONFIG_MAPS, { query: exact });
  const { status, body } = await server.call('GET', CONFIG_MAPS, {
    query: { resourceVersion: '999999' },
  });
  assert.equal(status, 504);
  assert.deepEqual(body['details'], {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
});

test('field selectors know names and the fields of the kind, and no others', async () => {
  await using server = await withObjects(3);
  const byName = { fieldSelector: 'metadata.name=c001' };
  assert.deepEqual(names(await server.get(CONFIG_MAPS, byName)), ['c001']);
  assert.deepEqual(names(await server.get(EVERYWHERE, byName)), ['c001']);
  const others = { fieldSelector: 'metadata.name!=c001,metadata.namespace=default' };
  assert.deepEqual(names(await server.get(EVERYWHERE, others)), ['c000', 'c002']);
  const query = { fieldSelector: 'spec.foo=a' };
  assert.equal(
    await server.refused(400, 'GET', CONFIG_MAPS, { query }),
    '"spec.foo" is not a known field selector: only "metadata.name", "metadata.namespace"',
  );
  const pods = '/api/v1/namespaces/default/pods';
  await server.create(pods, {
    metadata: { name: 'p' },
    spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
  });
  const node = { fieldSelector: 'spec.nodeName=n,status.phase!=Failed' };
  assert.deepEqual(names(await server.get(pods, node)), ['p']);
});

for (const query of [
  { limit: 'x' },
  { continue: 'nonsense' },
  { labelSelector: 'a=b=c' },
  { resourceVersionMatch: 'Exact' },
  { resourceVersion: '5', resourceVersionMatch: 'Sometimes' },
  { watch: 'perhaps' },
]) {
  test(`refused as a bad request: ${JSON.stringify(query)}`, async () => {
    await using server = await TestServer.start();
    await server.refused(400, 'GET', CONFIG_MAPS, { query });
  });
}
