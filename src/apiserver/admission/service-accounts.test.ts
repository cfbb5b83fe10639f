import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestServer } from '../../../test/fakes/api-core.ts';
import { objectAt } from '../object.ts';

const pods = (namespace: string) => `/api/v1/namespaces/${namespace}/pods`;
const pod = (serviceAccountName?: string) => ({
  metadata: { name: 'p' },
  spec: {
    containers: [{ name: 'c', image: 'i' }],
    ...(serviceAccountName !== undefined && { serviceAccountName }),
  },
});

test('a Pod whose service account is not there is refused', async () => {
  await using server = await TestServer.start();
  assert.equal(
    await server.refused(403, 'POST', pods('default'), { body: pod('nobody') }),
    'pods "p" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found',
  );
  await server.create('/api/v1/namespaces/default/serviceaccounts', {
    metadata: { name: 'nobody' },
  });
  await server.create(pods('default'), pod('nobody'));
});

test('a Pod may follow its namespace at once: the default account is there for it', async () => {
  await using server = await TestServer.start();
  await server.create('/api/v1/namespaces', { metadata: { name: 'fresh' } });
  const created = await server.create(pods('fresh'), pod());
  assert.equal(objectAt(created, 'spec')['serviceAccountName'], 'default');
  await server.ok('GET', '/api/v1/namespaces/fresh/serviceaccounts/default');
});

test('in no namespace there is no account, and the namespace is what is missing', async () => {
  await using server = await TestServer.start();
  assert.equal(
    await server.refused(404, 'POST', pods('nowhere'), { body: pod() }),
    'namespaces "nowhere" not found',
  );
});
