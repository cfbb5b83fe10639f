import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { MeshCatalog } from './catalog.ts';
import { fakeEndpoint, FakeMesh, fakeService } from './fake-mesh.ts';
import { call, client, HOST, library, server, SERVER, VIP, VM } from './fake-library.ts';
import {
  destinationClusterName,
  outboundName,
  TYPE_URL,
  VIRTUAL_INBOUND,
  VIRTUAL_OUTBOUND,
} from './names.ts';
import { ask, decode } from './simulate-call.ts';

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

  const MEANINGS = [
    [VIP, 5432, true],
    [VIP, 5433, false],
    [VM, 22, true],
    ['10.9.9.9', 5432, false],
    ['240.240.9.9', 5432, false],
  ] as const;
  for (const [address, port, isKnown] of MEANINGS) {
    test(`${address}:${port} ${isKnown ? 'means something' : 'means nothing'}`, () => {
      const { catalog } = library();
      const name = destinationClusterName({ address, port });
      const key = catalog.acquire(client, TYPE_URL.cluster, name);
      catalog.settle();
      assert.equal(catalog.isKnown(key), isKnown);
    });
  }

  test('has no endpoints apart where the cluster itself says where to go', () => {
    const { mesh, catalog } = library();
    const service = fakeService({ host: HOST, port: 5432, resolution: 'dns' });
    mesh.services.set(service.key, service);
    const name = outboundName({ host: HOST, port: 5432 });
    assert.equal(ask(catalog, { proxy: client, typeUrl: TYPE_URL.endpoints, name }), undefined);
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

test('a workload with an address of IPv6 listens for both families, others for theirs', () => {
  const listensAt = (addresses: readonly string[], name: string): readonly string[] => {
    const { mesh, catalog } = library();
    mesh.workloads.set(SERVER.key, { ...SERVER, addresses });
    const resource = ask(catalog, { proxy: server, typeUrl: TYPE_URL.listener, name });
    assert(resource);
    const { address, additionalAddresses } = decode(ListenerSchema, resource);
    return [address, ...additionalAddresses.map((more) => more.address)].flatMap((it) =>
      it?.address.case === 'socketAddress' ? [it.address.value.address] : [],
    );
  };
  for (const name of [VIRTUAL_INBOUND, VIRTUAL_OUTBOUND]) {
    assert.deepEqual(listensAt([VM, 'fd00::14'], name), ['0.0.0.0', '::']);
    assert.deepEqual(listensAt([VM], name), ['0.0.0.0']);
  }
});
