import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadataOf, TestServer } from '../../../test/fakes/api-core.ts';
import { objectAt } from '../object.ts';

const NAMESPACES = '/api/v1/namespaces';

const isThere = async (server: TestServer, path: string) =>
  (await server.call('GET', path)).status === 200;

test('every namespace has a default service account, and gets a new one', async () => {
  await using server = await TestServer.start({ runsControllers: true });
  await server.create(NAMESPACES, { metadata: { name: 'fresh' } });
  const path = `${NAMESPACES}/fresh/serviceaccounts/default`;
  await server.until(() => isThere(server, path));
  const { uid } = metadataOf(await server.get(path));
  await server.ok('DELETE', path);
  await server.until(() => isThere(server, path));
  assert.notEqual(metadataOf(await server.get(path))['uid'], uid);
});

test('every namespace has the root certificate, as it is now', async () => {
  await using server = await TestServer.start({ runsControllers: true, authorityPem: 'PEM' });
  await server.create(NAMESPACES, { metadata: { name: 'fresh' } });
  const path = `${NAMESPACES}/fresh/configmaps/kube-root-ca.crt`;
  const isRight = async () =>
    objectAt((await server.call('GET', path)).body, 'data')['ca.crt'] === 'PEM';
  await server.until(isRight);
  await server.ok('PATCH', path, {
    body: { data: { 'ca.crt': 'other' } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  await server.until(isRight);
  await server.ok('DELETE', path);
  await server.until(isRight);
});

test('a namespace is what Kubernetes makes of it', async () => {
  await using server = await TestServer.start();
  const created = await server.create(NAMESPACES, { metadata: { name: 'a' } });
  assert.deepEqual(metadataOf(created)['labels'], { 'kubernetes.io/metadata.name': 'a' });
  assert.deepEqual(created['spec'], { finalizers: ['kubernetes'] });
  assert.deepEqual(created['status'], { phase: 'Active' });
  await server.refused(422, 'POST', NAMESPACES, { body: { metadata: { name: 'a.b' } } });
  assert.equal(
    await server.refused(403, 'DELETE', `${NAMESPACES}/default`),
    'namespaces "default" is forbidden: this namespace may not be deleted',
  );
});

test('a deleted namespace takes nothing new, is emptied, and goes', async () => {
  await using server = await TestServer.start({ runsControllers: true });
  await server.create(NAMESPACES, { metadata: { name: 'going' } });
  const within = `${NAMESPACES}/going/configmaps`;
  await server.create(within, { metadata: { name: 'a' } });
  await server.create(within, { metadata: { name: 'held', finalizers: ['x.io/y'] } });
  const answer = await server.ok('DELETE', `${NAMESPACES}/going`);
  assert.equal(objectAt(answer, 'status')['phase'], 'Terminating');
  const { status, body } = await server.call('POST', within, { body: { metadata: { name: 'b' } } });
  assert.equal(status, 403);
  assert.equal(
    body['message'],
    'configmaps is forbidden: unable to create new content in namespace going because it is being terminated',
  );
  await server.until(async () => !(await isThere(server, `${within}/a`)));
  assert(await isThere(server, `${NAMESPACES}/going`), 'something in it is still held');
  await server.ok('PATCH', `${within}/held`, {
    body: { metadata: { finalizers: null } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  await server.until(async () => !(await isThere(server, `${NAMESPACES}/going`)));
});
