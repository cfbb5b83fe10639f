import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadataOf, TestServer } from '../../../test/fakes/api-core.ts';
import type { JsonObject } from '../object.ts';
import { listAt } from '../object.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const SECRETS = '/api/v1/namespaces/default/secrets';

const ownedBy = (...owners: readonly JsonObject[]) =>
  owners.map((owner) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: metadataOf(owner)['name'],
    uid: metadataOf(owner)['uid'],
    blockOwnerDeletion: true,
  }));

async function start() {
  const server = await TestServer.start({ runsControllers: true });
  const isThere = async (path: string) => (await server.call('GET', path)).status === 200;
  const create = (path: string, name: string, ...owners: readonly JsonObject[]) =>
    server.create(path, { metadata: { name, ownerReferences: ownedBy(...owners) } });
  const untilGone = (path: string) => server.until(async () => !(await isThere(path)));
  return { server, isThere, create, untilGone };
}

const deletion = (propagationPolicy: string) => ({ body: { propagationPolicy } });

test('what has lost its owner goes, and what it owned goes after it', async () => {
  const { server, isThere, create, untilGone } = await start();
  await using _ = server;
  const owner = await create(CONFIG_MAPS, 'owner');
  const child = await create(CONFIG_MAPS, 'child', owner);
  await create(SECRETS, 'grandchild', child);
  await create(SECRETS, 'other');
  await server.ok('DELETE', `${CONFIG_MAPS}/owner`);
  await untilGone(`${SECRETS}/grandchild`);
  assert(!(await isThere(`${CONFIG_MAPS}/child`)));
  assert(await isThere(`${SECRETS}/other`));
});

test('who has another owner stays, and forgets the one that is gone', async () => {
  const { server, create } = await start();
  await using _ = server;
  const [first, second] = [await create(CONFIG_MAPS, 'one'), await create(CONFIG_MAPS, 'two')];
  await create(SECRETS, 'child', first, second);
  await server.ok('DELETE', `${CONFIG_MAPS}/one`);
  const owners = async () =>
    listAt(metadataOf(await server.get(`${SECRETS}/child`)), 'ownerReferences');
  await server.until(async () => (await owners()).length === 1);
  assert.deepEqual(await owners(), ownedBy(second));
});

test('an owner of the same name is not the owner', async () => {
  const { server, create, untilGone } = await start();
  await using _ = server;
  const owner = await create(CONFIG_MAPS, 'owner');
  const stranger = { ...owner, metadata: { ...metadataOf(owner), uid: 'another' } };
  await create(SECRETS, 'child', stranger);
  await untilGone(`${SECRETS}/child`);
});

test('foreground: the owner waits for its dependents', async () => {
  const { server, isThere, create, untilGone } = await start();
  await using _ = server;
  const owner = await create(CONFIG_MAPS, 'owner');
  const ownerReferences = ownedBy(owner);
  await server.create(SECRETS, {
    metadata: { name: 'held', finalizers: ['x.io/y'], ownerReferences },
  });
  const marked = await server.ok('DELETE', `${CONFIG_MAPS}/owner`, deletion('Foreground'));
  assert.deepEqual(metadataOf(marked)['finalizers'], ['foregroundDeletion']);
  await server.until(
    async () => metadataOf(await server.get(`${SECRETS}/held`))['deletionTimestamp'] !== undefined,
  );
  assert(await isThere(`${CONFIG_MAPS}/owner`));
  await server.ok('PATCH', `${SECRETS}/held`, {
    body: { metadata: { finalizers: null } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  await untilGone(`${CONFIG_MAPS}/owner`);
});

test('orphan: the owner goes, its dependents stay without it', async () => {
  const { server, create, untilGone } = await start();
  await using _ = server;
  const owner = await create(CONFIG_MAPS, 'owner');
  await create(SECRETS, 'child', owner);
  await server.ok('DELETE', `${CONFIG_MAPS}/owner`, deletion('Orphan'));
  await untilGone(`${CONFIG_MAPS}/owner`);
  assert.deepEqual(listAt(metadataOf(await server.get(`${SECRETS}/child`)), 'ownerReferences'), []);
});

test('an owner of a kind that is not served is left alone', async () => {
  const { server, isThere, untilGone } = await start();
  await using _ = server;
  const ownerReferences = [{ apiVersion: 'x.io/v1', kind: 'Thing', name: 'x', uid: 'u' }];
  await server.create(SECRETS, { metadata: { name: 'child', ownerReferences } });
  const other = await server.create(CONFIG_MAPS, { metadata: { name: 'other' } });
  await server.create(SECRETS, { metadata: { name: 'later', ownerReferences: ownedBy(other) } });
  await server.ok('DELETE', `${CONFIG_MAPS}/other`);
  await untilGone(`${SECRETS}/later`); // by then the first one was looked at, too
  assert(await isThere(`${SECRETS}/child`));
});
