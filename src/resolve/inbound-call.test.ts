import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MeshCatalog } from './catalog.ts';
import { fakeEndpoint, fakeService } from './fake-mesh.ts';
import { call, HOST, library, server, SERVER, VIP, VM } from './fake-library.ts';
import { simulateInbound } from './simulate-call.ts';

const WEB = 'spiffe://cluster.local/ns/shop/sa/web';

describe('a server is called', () => {
  const inbound = (
    catalog: MeshCatalog,
    kind: 'mesh' | 'tls' | 'plaintext',
    { port = 5432, principal = WEB } = {},
  ) => {
    const from = { kind, principal };
    return simulateInbound(catalog, server, { address: VM, port, from: '10.0.0.9', client: from });
  };
  const chains = (catalog: MeshCatalog, port = 5432): readonly (string | undefined)[] =>
    (['mesh', 'tls', 'plaintext'] as const).map((kind) => inbound(catalog, kind, { port })?.chain);

  test('PERMISSIVE: each kind of client by a chain of its own', () => {
    assert.deepEqual(chains(library().catalog), ['5432_mtls', '5432_tls', '5432_plain']);
  });

  test('STRICT: by mesh TLS only', () => {
    const { mesh, catalog } = library();
    mesh.modes.set(`${SERVER.key} 5432`, 'STRICT');
    assert.deepEqual(chains(catalog), ['5432_mtls', undefined, undefined]);
    assert.deepEqual(chains(catalog, 80), [
      'passthrough_mtls',
      'passthrough_tls',
      'passthrough_plain',
    ]);
  });

  test('STRICT for the workload: undeclared ports are strict as well', () => {
    const { mesh, catalog } = library();
    mesh.modes.set(SERVER.key, 'STRICT');
    assert.deepEqual(chains(catalog, 80), ['passthrough_mtls', undefined, undefined]);
  });

  test('STRICT for a port that no service declares: that one, delivered as it was dialled', () => {
    const { mesh, catalog } = library();
    mesh.portModes.set(SERVER.key, [22, 80]);
    mesh.modes.set(`${SERVER.key} 80`, 'STRICT');
    assert.deepEqual(chains(catalog, 80), ['80_mtls', undefined, undefined]);
    assert.deepEqual(chains(catalog, 81), [
      'passthrough_mtls',
      'passthrough_tls',
      'passthrough_plain',
    ]);
    assert.equal(inbound(catalog, 'mesh', { port: 80 })?.cluster, 'InboundPassthroughCluster');
  });

  test('DISABLE: whatever the client sends is the application’s', () => {
    const { mesh, catalog } = library();
    mesh.modes.set(SERVER.key, 'DISABLE');
    assert.deepEqual(chains(catalog), ['5432_tls', '5432_tls', '5432_plain']);
  });

  test('by a policy of its own port', () => {
    const { mesh, catalog } = library();
    const rules = [{ from: [{ source: { principals: ['cluster.local/ns/shop/sa/web'] } }] }];
    const allow = [
      {
        namespace: 'default',
        name: 'web-only',
        createdAtMs: 0,
        labels: {},
        annotations: {},
        action: 'ALLOW',
        selector: {},
        targets: [],
        rules,
        provider: '',
        isDryRun: false,
      },
    ] as const;
    mesh.policies.set(SERVER.key, { allow, deny: [], audit: [], custom: [] });
    assert.deepEqual(inbound(catalog, 'mesh'), {
      chain: '5432_mtls',
      cluster: 'inbound|5432||',
      isAllowed: true,
    });
    const stranger = 'spiffe://cluster.local/ns/shop/sa/other';
    assert.equal(inbound(catalog, 'mesh', { principal: stranger })?.isAllowed, false);
    assert.equal(inbound(catalog, 'plaintext')?.isAllowed, false);
  });

  test('on a port where the server speaks first: plaintext until it is STRICT', () => {
    const { mesh, catalog } = library();
    const service = { key: `default/${HOST}`, host: HOST, port: 3306, portName: 'mysql' };
    mesh.ports.set(SERVER.key, [
      { port: 3306, protocol: 'mysql', deliverAddress: '127.0.0.1', service },
    ]);
    const endpoints = [fakeEndpoint(SERVER, { port: 3306 })];
    const mysql = fakeService({ host: HOST, port: 3306 });
    mesh.services.set(mysql.key, mysql);
    mesh.owners.set(VIP, { kind: 'service', service: mysql });
    mesh.endpoints.set(mysql.key, { byPort: new Map([[3306, endpoints]]), headlessAddresses: [] });

    assert.equal(inbound(catalog, 'plaintext', { port: 3306 })?.chain, '3306_plain');
    assert.equal(call(catalog, VIP, 3306).endpoints[0]?.tls, undefined);

    mesh.modes.set(SERVER.key, 'STRICT');
    assert.equal(inbound(catalog, 'mesh', { port: 3306 })?.chain, '3306_mtls');
    assert.notEqual(call(catalog, VIP, 3306).endpoints[0]?.tls, undefined);
  });
});
