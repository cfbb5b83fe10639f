import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestServer } from '../../test/fakes/api-core.ts';
import { objectAt, objectsAt } from './object.ts';

const CORE = '/api/v1/namespaces/default';
const SLICE = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes';
const AT = { clusterIp: '10.96.0.1', host: '10.24.0.10', port: 6443 };

test('Pods find the server under the name kubernetes, wherever it listens now', async () => {
  await using server = await TestServer.start();
  await server.core.announce(AT);
  const service = await server.get(`${CORE}/services/kubernetes`);
  const { clusterIP, ports } = objectAt(service, 'spec');
  assert.equal(clusterIP, '10.96.0.1');
  assert.deepEqual(ports, [{ name: 'https', protocol: 'TCP', port: 443, targetPort: 6443 }]);
  const endpoints = async () =>
    objectsAt(await server.get(SLICE), 'endpoints').map(({ addresses }) => addresses);
  assert.deepEqual(await endpoints(), [['10.24.0.10']]);
  assert.deepEqual((await server.get(`${CORE}/endpoints/kubernetes`))['subsets'], [
    {
      addresses: [{ ip: '10.24.0.10' }],
      ports: [{ name: 'https', protocol: 'TCP', port: 6443 }],
    },
  ]);

  await server.core.announce({ ...AT, host: 'fd00::10', port: 7443 });
  assert.deepEqual(await endpoints(), [['fd00::10']]);
  const moved = objectAt(await server.get(`${CORE}/services/kubernetes`), 'spec');
  assert.equal(objectsAt(moved, 'ports')[0]?.['targetPort'], 7443);
});

for (const host of ['127.0.0.1', '0.0.0.0', '::1', '::']) {
  test(`on ${host} no Pod can reach it: a Service without endpoints`, async () => {
    await using server = await TestServer.start();
    await server.core.announce(AT);
    await server.core.announce({ ...AT, host });
    await server.ok('GET', `${CORE}/services/kubernetes`);
    await server.refused(404, 'GET', SLICE);
    assert.deepEqual((await server.get(`${CORE}/endpoints/kubernetes`))['subsets'], []);
  });
}

test('announcing the same again writes nothing', async () => {
  await using server = await TestServer.start();
  await server.core.announce(AT);
  const before = server.store.revision;
  await server.core.announce(AT);
  assert.equal(server.store.revision, before);
});

test('a Service that has the address already is left alone', async () => {
  await using server = await TestServer.start();
  await server.create(`${CORE}/services`, {
    metadata: { name: 'mine' },
    spec: { clusterIP: AT.clusterIp, ports: [{ port: 80 }] },
  });
  await server.core.announce(AT);
  await server.refused(404, 'GET', `${CORE}/services/kubernetes`);
});
