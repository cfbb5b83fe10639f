import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fakeEndpoint, fakeService, fakeWorkload } from './fake-mesh.ts';
import { call, client, HOST, library, SERVER, VIP, VM } from './fake-library.ts';
import { simulateOutbound } from './simulate-call.ts';

const SAN = 'spiffe://cluster.local/ns/default/sa/db';
const SNI = `outbound_.5432_._.${HOST}`;

describe('a client connects', () => {
  const toVm = {
    cluster: `outbound|5432||${HOST}`,
    endpoints: [{ address: `${VM}:5432`, tls: { sni: SNI, identities: [SAN] } }],
    isPassthrough: false,
  };
  const refused = { cluster: 'BlackHoleCluster', endpoints: [], isPassthrough: false };
  const past = { cluster: 'PassthroughCluster', endpoints: [], isPassthrough: true };

  test('to a service: with mesh TLS to its endpoint', () => {
    assert.deepEqual(call(library().catalog, VIP), toVm);
  });

  test('to the workload itself: the same, to that one', () => {
    assert.deepEqual(call(library().catalog, VM), toVm);
  });

  test('to a port that the service does not have: refused', () => {
    assert.deepEqual(call(library().catalog, VIP, 5433), refused);
  });

  test('to a port of the workload that no service declares: past the mesh', () => {
    assert.deepEqual(call(library().catalog, VM, 22), past);
  });

  test('to an address that means nothing: past the mesh', () => {
    assert.deepEqual(call(library().catalog, '10.9.9.9'), past);
  });

  test('to such an address with REGISTRY_ONLY: refused', () => {
    const { mesh, catalog } = library();
    mesh.setConfig({ outboundTrafficPolicy: 'REGISTRY_ONLY' });
    assert.deepEqual(call(catalog, '10.9.9.9'), refused);
    assert.deepEqual(call(catalog, VM, 22), refused);
  });

  test('to an automatic address that means nothing: refused, for nobody is there', () => {
    assert.deepEqual(call(library().catalog, '240.240.9.9'), refused);
  });

  test('with enableAutoMtls false: in plaintext', () => {
    const { mesh, catalog } = library();
    mesh.setConfig({ enableAutoMtls: false });
    assert.deepEqual(
      call(catalog, VIP).endpoints.map(({ tls }) => tls),
      [undefined],
    );
  });

  test('to a server that takes plaintext only: in plaintext', () => {
    const { mesh, catalog } = library();
    mesh.modes.set(SERVER.key, 'DISABLE');
    assert.deepEqual(
      call(catalog, VIP).endpoints.map(({ tls }) => tls),
      [undefined],
    );
  });

  test('to a service outside of the mesh: in plaintext', () => {
    const { mesh, catalog } = library();
    const service = fakeService({ host: HOST, port: 5432, isExternal: true });
    mesh.services.set(service.key, service);
    assert.deepEqual(
      call(catalog, VIP).endpoints.map(({ tls }) => tls),
      [undefined],
    );
  });

  test('to an endpoint without a sidecar beside one with: each as it can', () => {
    const { mesh, catalog } = library();
    const endpoints = [
      fakeEndpoint(SERVER, { port: 5432 }),
      fakeEndpoint(SERVER, {
        address: '10.128.0.15',
        port: 5432,
        tlsMode: 'disabled',
        serviceAccount: '',
      }),
    ];
    mesh.endpoints.set(`default/${HOST}`, {
      byPort: new Map([[5432, endpoints]]),
      headlessAddresses: [],
    });
    assert.deepEqual(call(catalog, VIP).endpoints, [
      ...toVm.endpoints,
      { address: '10.128.0.15:5432', tls: undefined },
    ]);
  });

  test('never to an endpoint that is unready or going away', () => {
    const { mesh, catalog } = library();
    const endpoints = (['unready', 'terminating'] as const).map((health) =>
      fakeEndpoint(SERVER, { port: 5432, health }),
    );
    mesh.endpoints.set(`default/${HOST}`, {
      byPort: new Map([[5432, endpoints]]),
      headlessAddresses: [],
    });
    assert.deepEqual(call(catalog, VIP).endpoints, []);
  });

  test('to an unready endpoint by its own address: to that one, as was asked', () => {
    const { mesh, catalog } = library();
    mesh.endpoints.set(`default/${HOST}`, {
      byPort: new Map([[5432, [fakeEndpoint(SERVER, { port: 5432, health: 'unready' })]]]),
      headlessAddresses: [],
    });
    assert.deepEqual(call(catalog, VM).endpoints, toVm.endpoints);
  });

  test('to a service whose identities include names of its own and aliases', () => {
    const { mesh, catalog } = library();
    mesh.setConfig({ trustDomainAliases: ['old'] });
    const service = fakeService({ host: HOST, port: 5432, subjectAltNames: ['db.example.org'] });
    mesh.services.set(service.key, service);
    assert.deepEqual(call(catalog, VIP).endpoints[0]?.tls?.identities, [
      'db.example.org',
      SAN,
      'spiffe://old/ns/default/sa/db',
    ]);
  });

  test('to endpoints whose identity nobody knows: any of the trust domain may answer', () => {
    const { mesh, catalog } = library();
    mesh.endpoints.set(`default/${HOST}`, {
      byPort: new Map([[5432, [fakeEndpoint(SERVER, { port: 5432, serviceAccount: '' })]]]),
      headlessAddresses: [],
    });
    assert.deepEqual(call(catalog, VIP).endpoints[0]?.tls?.identities, ['spiffe://cluster.local/']);
  });

  test('to the endpoint of a headless service, by its own port', () => {
    const { mesh, catalog } = library();
    const service = fakeService({ host: HOST, port: 5432, isHeadless: true });
    mesh.services.set(service.key, service);
    mesh.owners.set(VM, { kind: 'endpoint', service, address: VM });
    assert.deepEqual(call(catalog, VM), toVm);
    assert.deepEqual(call(catalog, VM, 5433), past);
  });

  test('to a service that is found by the client: to where it dialled', () => {
    const { mesh, catalog } = library();
    const service = fakeService({ host: HOST, port: 5432, resolution: 'none' });
    mesh.services.set(service.key, service);
    mesh.owners.set(VIP, { kind: 'service', service });
    assert.deepEqual(call(catalog, VIP), { ...past, cluster: `outbound|5432||${HOST}` });
  });
});

describe('two services of one host', () => {
  const other = fakeService({ namespace: 'other', host: HOST, port: 5432, createdAtMs: 5 });
  const addressed = '10.96.0.7';
  const endpoint = fakeEndpoint(fakeWorkload({ name: 'x', addresses: ['10.1.1.1'] }), {
    port: 5432,
  });

  test('an address leads to its own service all the same', () => {
    const { mesh, catalog } = library();
    mesh.services.set(other.key, other);
    mesh.owners.set(addressed, { kind: 'service', service: other });
    mesh.endpoints.set(other.key, {
      byPort: new Map([[5432, [endpoint]]]),
      headlessAddresses: [],
    });
    assert.equal(call(catalog, VIP).endpoints[0]?.address, `${VM}:5432`);
    assert.equal(call(catalog, addressed).endpoints[0]?.address, '10.1.1.1:5432');
  });

  test('the own namespace sees its own', () => {
    const { mesh, catalog } = library();
    mesh.services.set(other.key, other);
    mesh.owners.set(addressed, { kind: 'service', service: other });
    mesh.endpoints.set(other.key, {
      byPort: new Map([[5432, [endpoint]]]),
      headlessAddresses: [],
    });
    const local = { ...client, namespace: 'other' };
    const destination = { address: addressed, port: 5432 };
    const endpoints = simulateOutbound(catalog, local, destination).endpoints;
    assert.equal(endpoints[0]?.address, '10.1.1.1:5432');
  });
});
