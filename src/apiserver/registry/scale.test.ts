import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadataOf, TestServer, versionOf } from '../../../test/fakes/api-core.ts';
import { objectAt } from '../object.ts';

const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const SCALE = `${DEPLOYMENTS}/d/scale`;
const PODS = '/api/v1/namespaces/default/pods';
const MERGE = { 'content-type': 'application/merge-patch+json' };

async function withDeployment(): Promise<TestServer> {
  const server = await TestServer.start();
  await server.create(DEPLOYMENTS, {
    metadata: { name: 'd' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'd' } },
      template: {
        metadata: { labels: { app: 'd' } },
        spec: { containers: [{ name: 'c', image: 'i' }] },
      },
    },
  });
  return server;
}

test('a scale shows how many there are and should be', async () => {
  await using server = await withDeployment();
  const scale = await server.get(SCALE);
  assert.equal(scale['kind'], 'Scale');
  assert.equal(scale['apiVersion'], 'autoscaling/v1');
  assert.deepEqual(scale['spec'], { replicas: 2 });
  assert.deepEqual(scale['status'], { replicas: 0, selector: 'app=d' });
  assert.equal(versionOf(scale), versionOf(await server.get(`${DEPLOYMENTS}/d`)));
});

test('a scale is patched and replaced, and changes nothing else', async () => {
  await using server = await withDeployment();
  const before = await server.get(`${DEPLOYMENTS}/d`);
  const patched = await server.ok('PATCH', SCALE, {
    body: { spec: { replicas: 5 } },
    headers: MERGE,
  });
  assert.deepEqual(patched['spec'], { replicas: 5 });
  const after = await server.get(`${DEPLOYMENTS}/d`);
  assert.equal(metadataOf(after)['generation'], 2);
  assert.deepEqual({ ...objectAt(after, 'spec'), replicas: 2 }, before['spec']);
  await server.ok('PUT', SCALE, { body: { ...patched, spec: { replicas: 0 } } });
  assert.equal(objectAt(await server.get(`${DEPLOYMENTS}/d`), 'spec')['replicas'], 0);
  await server.refused(409, 'PUT', SCALE, { body: { ...patched, spec: { replicas: 9 } } });
  const negative = { body: { spec: { replicas: -1 } }, headers: MERGE };
  await server.refused(422, 'PATCH', SCALE, negative);
});

test('what has no scale has none', async () => {
  await using server = await TestServer.start();
  await server.refused(404, 'GET', '/api/v1/namespaces/default/services/s/scale');
});

test('a pod is bound to one node, once', async () => {
  await using server = await TestServer.start();
  await server.create(PODS, {
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  });
  const bind = (name: string) => ({
    body: { apiVersion: 'v1', kind: 'Binding', target: { name } },
  });
  await server.ok('POST', `${PODS}/p/binding`, bind('n1'));
  const bound = await server.get(`${PODS}/p`);
  assert.equal(objectAt(bound, 'spec')['nodeName'], 'n1');
  assert.deepEqual(objectAt(bound, 'status')['conditions'], [
    {
      type: 'PodScheduled',
      status: 'True',
      lastProbeTime: null,
      lastTransitionTime: '2026-11-22T12:00:00Z',
    },
  ]);
  assert.equal(objectAt(bound, 'status')['phase'], 'Pending');
  assert.match(
    await server.refused(409, 'POST', `${PODS}/p/binding`, bind('n2')),
    /pod p is already assigned to node "n1"/,
  );
});

test('an eviction deletes as a deletion would', async () => {
  await using server = await TestServer.start();
  await server.create(PODS, {
    metadata: { name: 'p' },
    spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
  });
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'p' } };
  const status = await server.ok('POST', `${PODS}/p/eviction`, { body: eviction });
  assert.equal(status['status'], 'Success');
  assert.notEqual(metadataOf(await server.get(`${PODS}/p`))['deletionTimestamp'], undefined);
});
