import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { MeshCatalog } from './catalog.ts';
import { fakeEndpoint, fakeIdentity, FakeMesh, fakeService, fakeWorkload } from './fake-mesh.ts';
import { TYPE_URL, VIRTUAL_INBOUND, VIRTUAL_OUTBOUND } from './names.ts';
import { ask, simulateInbound, simulateOutbound } from './simulate-call.ts';

const HOST = 'db.default.svc.cluster.local';
const VIP = '240.240.0.5';
const VM = '10.128.0.14';
const SAN = 'spiffe://cluster.local/ns/default/sa/db';
const SNI = `outbound_.5432_._.${HOST}`;
const WEB = 'spiffe://cluster.local/ns/shop/sa/web';

const CLIENT = fakeWorkload({
  kind: 'Pod',
  namespace: 'shop',
  name: 'web',
  addresses: ['10.0.0.9'],
});
const SERVER = fakeWorkload({ name: 'db', addresses: [VM] });
const client = fakeIdentity(CLIENT);
const server = fakeIdentity(SERVER);

/** One database on a VM, as the clients of every namespace see it. */
function library(): { readonly mesh: FakeMesh; readonly catalog: MeshCatalog } {
  const mesh = new FakeMesh();
  const catalog = new MeshCatalog(mesh);
  const service = fakeService({ host: HOST, port: 5432, addresses: [VIP] });
  for (const workload of [CLIENT, SERVER]) mesh.workloads.set(workload.key, workload);
  mesh.services.set(service.key, service);
  mesh.owners.set(VIP, { kind: 'service', service });
  mesh.owners.set(VM, { kind: 'workload', workload: SERVER });
  mesh.endpoints.set(service.key, {
    byPort: new Map([[5432, [fakeEndpoint(SERVER, { port: 5432 })]]]),
    headlessAddresses: [],
  });
  mesh.ports.set(SERVER.key, [
    {
      port: 5432,
      protocol: 'tcp',
      deliverAddress: '127.0.0.1',
      service: { key: service.key, host: HOST, port: 5432, portName: 'tcp' },
    },
  ]);
  return { mesh, catalog };
}

const call = (catalog: MeshCatalog, address: string, port = 5432) =>
  simulateOutbound(catalog, client, { address, port });

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

describe('a proxy may see', () => {
  const endpoints = (catalog: MeshCatalog, proxy: WorkloadIdentity) =>
    ask(catalog, { proxy, typeUrl: TYPE_URL.endpoints, name: `outbound|5432||${HOST}` });

  test('the endpoints of a service that is exported to its namespace', () => {
    const { mesh, catalog } = library();
    const service = fakeService({ host: HOST, port: 5432, exportTo: ['default'] });
    mesh.services.set(service.key, service);
    assert.equal(endpoints(catalog, client), undefined);
    assert.notEqual(endpoints(catalog, server), undefined);
  });

  test('no service, by the address of a workload, that is not exported to it', () => {
    const { mesh, catalog } = library();
    const service = fakeService({ host: HOST, port: 5432, exportTo: ['default'] });
    mesh.services.set(service.key, service);
    assert.equal(call(catalog, VM).cluster, 'PassthroughCluster');
  });

  test('its own inbound side and policies, and nobody else’s', () => {
    const { catalog } = library();
    const see = (proxy: WorkloadIdentity, typeUrl: string, name: string): boolean =>
      ask(catalog, { proxy, typeUrl, name }) !== undefined;
    const { listener, cluster, extension } = TYPE_URL;
    assert.deepEqual(
      [server, client].map((proxy) => [
        see(proxy, listener, VIRTUAL_INBOUND),
        see(proxy, cluster, 'inbound|5432||'),
        see(proxy, extension, 'rbac-deny|5432'),
      ]),
      [
        [true, true, true],
        [true, false, false], // a workload without ports
      ],
    );
  });

  test('nothing of a workload whose identity it no longer has', () => {
    const { catalog } = library();
    const stranger = { ...server, serviceAccount: 'other' };
    const listener = { typeUrl: TYPE_URL.listener, name: VIRTUAL_INBOUND };
    assert.equal(ask(catalog, { proxy: stranger, ...listener }), undefined);
  });

  test('the same bytes as every other proxy of its class', () => {
    const { catalog } = library();
    const both = [client, { ...client, namespace: 'elsewhere' }].map((proxy) => {
      const key = catalog.acquire(proxy, TYPE_URL.endpoints, `outbound|5432||${HOST}`);
      catalog.settle();
      return catalog.lookup(key)?.bytes;
    });
    assert(both[0]);
    assert.equal(both[0], both[1]);
  });
});

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
        hasTargetRefs: false,
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

describe('wildcard subscriptions', () => {
  const names = (catalog: MeshCatalog, proxy: WorkloadIdentity, typeUrl: string) => {
    const key = catalog.acquireWildcard(proxy, typeUrl);
    catalog.settle();
    return catalog.wildcardNames(key);
  };

  test('stand for a workload’s own listeners and clusters', () => {
    const { catalog } = library();
    assert.deepEqual(names(catalog, server, TYPE_URL.listener), [
      VIRTUAL_INBOUND,
      VIRTUAL_OUTBOUND,
    ]);
    assert.deepEqual(names(catalog, server, TYPE_URL.cluster), [
      'InboundPassthroughCluster',
      'inbound|5432||',
    ]);
  });

  test('give a proxy without a workload its way out and nothing in', () => {
    const { catalog } = library();
    const stranger = { ...server, workload: undefined };
    assert.deepEqual(names(catalog, stranger, TYPE_URL.listener), [VIRTUAL_OUTBOUND]);
    assert.deepEqual(names(catalog, stranger, TYPE_URL.cluster), []);
  });

  test('follow the workload', () => {
    const { mesh, catalog } = library();
    const key = catalog.acquireWildcard(server, TYPE_URL.cluster);
    catalog.settle();
    let told: ReadonlySet<string> = new Set();
    catalog.onChange((changed) => (told = changed));
    mesh.ports.set(SERVER.key, []);
    catalog.settle();
    assert.deepEqual([...told], [key]);
    assert.deepEqual(catalog.wildcardNames(key), ['InboundPassthroughCluster']);
  });
});

describe('what is held', () => {
  const cluster = `dst|${VIP}:5432`;

  test('is made once for two holders, and let go with the last', () => {
    const { mesh, catalog } = library();
    const key = catalog.acquire(client, TYPE_URL.cluster, cluster);
    assert.equal(catalog.acquire(client, TYPE_URL.cluster, cluster), key);
    catalog.settle();
    const before = mesh.graph.computationCount;
    catalog.release(key);
    catalog.settle();
    assert.equal(mesh.graph.computationCount, before);
    assert.notEqual(catalog.lookup(key), undefined);
    catalog.release(key);
    catalog.settle();
    assert.equal(catalog.lookup(key), undefined);
    assert.equal(catalog.size, 0);
    assert.throws(() => catalog.release(key), /released more often/);
  });

  test('changes with what it was made of, whoever commits', () => {
    const { mesh, catalog } = library();
    const held = ['cluster', 'endpoints'] as const;
    const [clusterKey, endpointsKey] = held.map((type) =>
      catalog.acquire(
        client,
        TYPE_URL[type],
        type === 'cluster' ? cluster : `outbound|5432||${HOST}`,
      ),
    );
    catalog.settle();
    const told: string[][] = [];
    const stop = catalog.onChange((changed) => void told.push([...changed]));
    const endpoint = fakeEndpoint(SERVER, { port: 5432, address: '10.128.0.99' });
    mesh.endpoints.set(`default/${HOST}`, {
      byPort: new Map([[5432, [endpoint]]]),
      headlessAddresses: [],
    });
    mesh.commit();
    catalog.settle();
    assert.deepEqual(told, [[endpointsKey]], 'the identities are the same: the cluster is as well');
    mesh.setConfig({ enableAutoMtls: false });
    catalog.settle();
    assert.deepEqual(told, [[endpointsKey], [clusterKey]]);
    stop();
    mesh.setConfig({ enableAutoMtls: true });
    catalog.settle();
    assert.equal(told.length, 2);
  });

  test('is a tombstone after its service has gone, and heals', () => {
    const { mesh, catalog } = library();
    const key = catalog.acquire(client, TYPE_URL.cluster, cluster);
    catalog.settle();
    const alive = catalog.lookup(key);
    assert(catalog.isKnown(key));
    const service = mesh.services.get(`default/${HOST}`);
    assert(service);
    mesh.services.delete(service.key);
    mesh.owners.delete(VIP);
    catalog.settle();
    assert.equal(call(catalog, VIP).cluster, 'BlackHoleCluster');
    assert.equal(catalog.isKnown(key), false);
    mesh.services.set(service.key, service);
    mesh.owners.set(VIP, { kind: 'service', service });
    catalog.settle();
    assert.equal(catalog.lookup(key)?.version, alive?.version);
  });

  test('names its endpoints, so that they can be sent again after it', () => {
    const { catalog } = library();
    const answer = ask(catalog, { proxy: client, typeUrl: TYPE_URL.cluster, name: cluster });
    assert.equal(answer?.endpoints, `outbound|5432||${HOST}`);
  });

  for (const name of ['dst|nowhere', 'dst|10.0.0.1:0', 'anything else', '']) {
    test(`answers a cluster name that makes no sense ("${name}")`, () => {
      const { catalog } = library();
      const key = catalog.acquire(client, TYPE_URL.cluster, name);
      catalog.settle();
      assert.equal(catalog.lookup(key)?.name, name);
      assert.equal(catalog.isKnown(key), false);
    });
  }

  test('is answered with a tombstone even where our own derivation throws', () => {
    const mesh = new FakeMesh();
    mesh.ownerOf = () => {
      throw new Error('a bug');
    };
    const catalog = new MeshCatalog(mesh);
    const key = catalog.acquire(client, TYPE_URL.cluster, cluster);
    assert.throws(() => catalog.settle(), /deriving xds plans/);
    assert.equal(catalog.lookup(key)?.name, cluster);
  });
});
