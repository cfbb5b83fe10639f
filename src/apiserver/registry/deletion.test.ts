import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadataOf, TestServer, versionOf } from '../../../test/fakes/api-core.ts';
import { objectsAt } from '../object.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const SERVICES = '/api/v1/namespaces/default/services';
const PODS = '/api/v1/namespaces/default/pods';

const named = (name: string, rest: object = {}) => ({ metadata: { name }, ...rest });
const service = (name: string, spec: object = {}) =>
  named(name, { spec: { ports: [{ port: 80 }], ...spec } });
const pod = (name: string, spec: object = {}) =>
  named(name, { spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec } });

test('a deleted object that is held is marked, and goes with its last finalizer', async () => {
  await using server = await TestServer.start();
  const held = { metadata: { name: 'a', finalizers: ['x.io/a', 'x.io/b'] } };
  await server.create(CONFIG_MAPS, held);
  const marked = await server.ok('DELETE', `${CONFIG_MAPS}/a`);
  assert.equal(metadataOf(marked)['deletionTimestamp'], '2026-11-22T12:00:00Z');
  assert.equal(metadataOf(marked)['deletionGracePeriodSeconds'], 0);
  assert.equal(versionOf(await server.ok('DELETE', `${CONFIG_MAPS}/a`)), versionOf(marked));
  const finalizers = (...names: string[]) => ({
    body: { metadata: { finalizers: names } },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  const added = await server.refused(422, 'PATCH', `${CONFIG_MAPS}/a`, finalizers('y.io/c'));
  assert.match(added, /no new finalizers can be added if the object is being deleted/);
  await server.ok('PATCH', `${CONFIG_MAPS}/a`, finalizers('x.io/b'));
  await server.ok('PATCH', `${CONFIG_MAPS}/a`, finalizers());
  await server.refused(404, 'GET', `${CONFIG_MAPS}/a`);
});

test('DELETE answers with a Status, or with the object where Kubernetes does', async () => {
  await using server = await TestServer.start();
  const { metadata } = await server.create(CONFIG_MAPS, named('a'));
  const status = await server.ok('DELETE', `${CONFIG_MAPS}/a`);
  assert.deepEqual(status, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name: 'a', kind: 'configmaps', uid: Object(metadata).uid },
  });
  await server.create(SERVICES, service('s'));
  assert.equal((await server.ok('DELETE', `${SERVICES}/s`))['kind'], 'Service');
});

test('DELETE checks its preconditions', async () => {
  await using server = await TestServer.start();
  const created = await server.create(CONFIG_MAPS, named('a'));
  const { uid } = metadataOf(created);
  const wrong = { body: { preconditions: { uid: 'other' } } };
  assert.match(
    await server.refused(409, 'DELETE', `${CONFIG_MAPS}/a`, wrong),
    /UID in precondition/,
  );
  const old = { body: { preconditions: { uid, resourceVersion: '1' } } };
  await server.refused(409, 'DELETE', `${CONFIG_MAPS}/a`, old);
  await server.ok('DELETE', `${CONFIG_MAPS}/a`, { body: { preconditions: { uid } } });
});

test('a pod on a node lives on for its grace period, until its node deletes it', async () => {
  await using server = await TestServer.start();
  await server.create(PODS, pod('a', { nodeName: 'n' }));
  const marked = await server.ok('DELETE', `${PODS}/a`);
  assert.equal(metadataOf(marked)['deletionTimestamp'], '2026-11-22T12:00:30Z');
  assert.equal(metadataOf(marked)['deletionGracePeriodSeconds'], 30);
  await server.ok('DELETE', `${PODS}/a`, { body: { gracePeriodSeconds: 0 } });
  await server.refused(404, 'GET', `${PODS}/a`);
  await server.create(PODS, pod('b'));
  await server.ok('DELETE', `${PODS}/b`);
  await server.refused(404, 'GET', `${PODS}/b`);
});

test('deletecollection deletes what is selected', async () => {
  await using server = await TestServer.start();
  await server.create(CONFIG_MAPS, { metadata: { name: 'a', labels: { x: '1' } } });
  await server.create(CONFIG_MAPS, { metadata: { name: 'b', labels: { x: '2' } } });
  await server.ok('DELETE', CONFIG_MAPS, { query: { labelSelector: 'x=1' } });
  const left = await server.get(CONFIG_MAPS);
  assert.deepEqual(
    objectsAt(left, 'items').map((item) => metadataOf(item)['name']),
    ['b'],
  );
});
