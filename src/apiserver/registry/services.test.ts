import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestServer } from '../../../test/fakes/api-core.ts';
import type { JsonObject } from '../object.ts';
import { objectAt, objectsAt, stringAt } from '../object.ts';

const SERVICES = '/api/v1/namespaces/default/services';

const service = (name: string, spec: object = {}) => ({
  metadata: { name },
  spec: { ports: [{ port: 80 }], ...spec },
});

function ipOf(object: JsonObject): string {
  return stringAt(objectAt(object, 'spec'), 'clusterIP');
}

test('a service gets an address of the range and the defaults of Kubernetes', async () => {
  await using server = await TestServer.start();
  const { spec } = await server.create(SERVICES, service('a'));
  const { clusterIP, clusterIPs, ...rest } = Object(spec);
  assert.match(String(clusterIP), /^10\.96\.\d+\.\d+$/);
  assert.deepEqual(clusterIPs, [clusterIP]);
  assert.deepEqual(rest, {
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    type: 'ClusterIP',
    sessionAffinity: 'None',
    internalTrafficPolicy: 'Cluster',
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
  });
});

test('no address is given twice, and a full range says so', async () => {
  await using server = await TestServer.start({ serviceCidr: '10.0.0.0/28' });
  const seen = new Set<string>();
  for (let index = 0; index < 14; index += 1) {
    seen.add(ipOf(await server.create(SERVICES, service(`s${index}`))));
  }
  assert.equal(seen.size, 14);
  assert(!seen.has('10.0.0.0') && !seen.has('10.0.0.15'));
  const message = await server.refused(422, 'POST', SERVICES, { body: service('late') });
  assert.match(message, /range 10\.0\.0\.0\/28 is full/);
  await server.ok('DELETE', `${SERVICES}/s3`);
  await server.create(SERVICES, service('late'));
});

test('an address may be chosen, if it is free and in the range', async () => {
  await using server = await TestServer.start();
  const chosen = service('a', { clusterIP: '10.96.0.10' });
  assert.equal(ipOf(await server.create(SERVICES, chosen)), '10.96.0.10');
  const taken = service('b', { clusterIP: '10.96.0.10' });
  assert.match(
    await server.refused(422, 'POST', SERVICES, { body: taken }),
    /failed to allocate IP 10\.96\.0\.10: provided IP is already allocated to Service default\/a/,
  );
  const foreign = service('b', { clusterIP: '10.97.0.10' });
  assert.match(
    await server.refused(422, 'POST', SERVICES, { body: foreign }),
    /The range of valid IPs is 10\.96\.0\.0\/16/,
  );
  await server.refused(422, 'POST', SERVICES, { body: service('b', { clusterIP: 'x' }) });
});

test('a headless service and an external name have no address', async () => {
  await using server = await TestServer.start();
  const headless = await server.create(SERVICES, service('a', { clusterIP: 'None' }));
  assert.deepEqual(objectAt(headless, 'spec')['clusterIPs'], ['None']);
  const external = {
    metadata: { name: 'b' },
    spec: { type: 'ExternalName', externalName: 'x.io' },
  };
  assert.equal(ipOf(await server.create(SERVICES, external)), '');
});

test('an update keeps the address, and may not change it', async () => {
  await using server = await TestServer.start();
  const created = await server.create(SERVICES, service('a'));
  const body = service('a', { ports: [{ port: 81 }] });
  const updated = await server.ok('PUT', `${SERVICES}/a`, { body });
  assert.equal(ipOf(updated), ipOf(created));
  const moved = service('a', { clusterIP: '10.96.0.99' });
  assert.match(
    await server.refused(422, 'PUT', `${SERVICES}/a`, { body: moved }),
    /spec\.clusterIPs\[0\]: Invalid value: "10\.96\.0\.99": may not change once set/,
  );
});

test('addresses stay taken when the server starts again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-services-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'db');
  {
    await using server = await TestServer.start({ path });
    await server.create(SERVICES, service('a', { clusterIP: '10.96.0.10' }));
  }
  await using server = await TestServer.start({ path });
  await server.refused(422, 'POST', SERVICES, { body: service('b', { clusterIP: '10.96.0.10' }) });
});

test('node ports are given to services that need them', async () => {
  await using server = await TestServer.start();
  const created = await server.create(SERVICES, service('a', { type: 'NodePort' }));
  const [port] = objectsAt(objectAt(created, 'spec'), 'ports');
  const nodePort = Number(port?.['nodePort']);
  assert(nodePort >= 30_000 && nodePort <= 32_767);
  const ports = [{ port: 80, nodePort }];
  await server.refused(422, 'POST', SERVICES, { body: service('b', { type: 'NodePort', ports }) });
});

const BAD: readonly (readonly [object, string])[] = [
  [{ ports: [] }, 'spec.ports: Required value'],
  [{ ports: [{ port: 0 }] }, 'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535'],
  [{ ports: [{ port: 80 }, { port: 81, name: 'b' }] }, 'spec.ports[0].name: Required value'],
  [
    {
      ports: [
        { port: 80, name: 'a' },
        { port: 80, name: 'b' },
      ],
    },
    'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}',
  ],
  [
    { ports: [{ port: 80, protocol: 'tcp' }] },
    'Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"',
  ],
  [
    { ports: [{ port: 80, targetPort: 'No' }] },
    'spec.ports[0].targetPort: Invalid value: "No": must contain only',
  ],
  [{ selector: { '': 'x' } }, 'spec.selector: Invalid value'],
  [{ sessionAffinity: 'Sometimes' }, 'spec.sessionAffinity: Unsupported value: "Sometimes"'],
];

for (const [spec, message] of BAD) {
  test(`refused: ${message}`, async () => {
    await using server = await TestServer.start();
    const said = await server.refused(422, 'POST', SERVICES, { body: service('a', spec) });
    assert(said.includes(message), said);
  });
}
