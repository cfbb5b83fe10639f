// What host names mean to the workloads of a namespace.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { ResourceSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import { HostAddressesSchema } from '#gen/isthmus/v1/agent_pb.js';
import { apply, meshOf, remove } from '#model/mesh-of.ts';
import { MeshCatalog } from './catalog.ts';
import { hostsCovering, isCanonicalHost } from './host-addresses.ts';
import { TYPE_URL } from './names.ts';

const asker = (namespace: string): WorkloadIdentity => ({
  trustDomain: 'cluster.local',
  namespace,
  serviceAccount: 'default',
  workload: undefined,
});

/** What the holder of a key is told: the addresses and how long they keep, or `unknown`. */
function answerOf(catalog: MeshCatalog, key: string): string {
  const resource = catalog.lookup(key);
  assert(resource, 'every name is answered');
  const { resource: packed } = fromBinary(ResourceSchema, resource.bytes);
  const message = packed && anyUnpack(packed, HostAddressesSchema);
  assert(message);
  const { known, addresses, ttlSeconds } = message;
  return known ? `${addresses.join(' ')} for ${ttlSeconds} s` : 'unknown';
}

function hold(catalog: MeshCatalog, name: string, namespace = 'default'): string {
  const key = catalog.acquire(asker(namespace), TYPE_URL.hostAddresses, name);
  catalog.settle();
  return key;
}

const ask = (yaml: string, name: string, namespace = 'default'): string => {
  const catalog = new MeshCatalog(meshOf(yaml));
  return answerOf(catalog, hold(catalog, name, namespace));
};

const SERVICE = `
kind: Service
metadata: { name: db, namespace: default }
spec: { clusterIP: 10.96.0.5, ports: [{ name: tcp, port: 5432 }] }
`;
const DB = 'db.default.svc.cluster.local';

const HEADLESS = `
kind: Service
metadata: { name: shards, namespace: default }
spec: { clusterIP: None, ports: [{ name: tcp, port: 5432 }, { name: web, port: 80 }] }
---
kind: EndpointSlice
metadata: { name: s, labels: { kubernetes.io/service-name: shards } }
ports: [{ name: tcp, port: 5432 }, { name: web, port: 80 }]
endpoints:
- { addresses: [10.24.0.2] }
- { addresses: [10.24.0.1] }
- { addresses: [10.24.0.3], conditions: { ready: false } }
`;
const SHARDS = 'shards.default.svc.cluster.local';

const entry = (fields: string): string => `
kind: ServiceEntry
metadata: { name: e, namespace: default }
spec: { ports: [{ name: tls, number: 443, protocol: TLS }], ${fields} }
`;

describe('a name is answered with', () => {
  const cases: Readonly<Record<string, readonly [yaml: string, name: string, answer: string]>> = {
    'the address of a Service': [SERVICE, DB, '10.96.0.5 for 30 s'],
    'the ready endpoints of a headless Service, each once': [
      HEADLESS,
      SHARDS,
      '10.24.0.1 10.24.0.2 for 5 s',
    ],
    'no address, when nothing is ready': [
      HEADLESS.slice(0, HEADLESS.indexOf('---')),
      SHARDS,
      ' for 5 s',
    ],
    'the address of a ServiceEntry, in both families': [
      entry('hosts: [api.example.com], addresses: [192.0.2.7, "fd00::7"], resolution: DNS'),
      'api.example.com',
      '192.0.2.7 fd00::7 for 30 s',
    ],
    'the automatic address of a ServiceEntry': [
      `${entry('hosts: [api.example.com], resolution: DNS')}
status: { addresses: [{ value: 240.240.3.4, host: api.example.com }] }`,
      'api.example.com',
      '240.240.3.4 for 30 s',
    ],
    'its own address rather than an automatic one': [
      `${SERVICE}---${entry(`hosts: [${DB}], resolution: STATIC`)}
status: { addresses: [{ value: 240.240.3.4, host: ${DB} }] }`,
      DB,
      '10.96.0.5 for 30 s',
    ],
    'the address of a wildcard host': [
      entry('hosts: ["*.example.com"], addresses: [240.240.0.7]'),
      'a.b.example.com',
      '240.240.0.7 for 30 s',
    ],
    'nothing, where only DNS knows the address': [
      entry('hosts: [api.example.com], resolution: DNS'),
      'api.example.com',
      'unknown',
    ],
    'nothing, where a wildcard is all that is before it': [
      entry('hosts: ["*.example.com"], addresses: [240.240.0.7]'),
      'example.com',
      'unknown',
    ],
    'nothing, where there is only a range': [
      entry('hosts: [api.example.com], addresses: [192.0.2.0/24], resolution: STATIC'),
      'api.example.com',
      'unknown',
    ],
    'nothing, when it is of nobody': [SERVICE, 'nowhere.default.svc.cluster.local', 'unknown'],
    'nothing, when it is not in the one form': [SERVICE, `${DB}.`, 'unknown'],
  };
  for (const [title, [yaml, name, answer]] of Object.entries(cases)) {
    test(title, () => assert.equal(ask(yaml, name), answer));
  }

  test('the most exact host, wherever it is', () => {
    const yaml = `${entry('hosts: ["*.example.com"], addresses: [240.240.0.7]')}
---
kind: ServiceEntry
metadata: { name: exact, namespace: other }
spec:
  hosts: [a.example.com]
  addresses: [240.240.0.8]
  ports: [{ name: tls, number: 443, protocol: TLS }]
`;
    assert.equal(ask(yaml, 'a.example.com'), '240.240.0.8 for 30 s');
    assert.equal(ask(yaml, 'b.example.com'), '240.240.0.7 for 30 s');
  });
});

test('a service that is not exported to the asker’s namespace is unknown there', () => {
  const yaml = SERVICE.replace(
    'namespace: default',
    'namespace: default, annotations: { networking.istio.io/exportTo: "." }',
  );
  assert.equal(ask(yaml, DB, 'default'), '10.96.0.5 for 30 s');
  assert.equal(ask(yaml, DB, 'other'), 'unknown');
});

test('who holds a name is told when its meaning changes, and of nothing else', () => {
  const mesh = meshOf('kind: Namespace\nmetadata: { name: default }');
  const catalog = new MeshCatalog(mesh);
  const key = hold(catalog, DB);
  assert.equal(answerOf(catalog, key), 'unknown');
  assert.equal(catalog.isKnown(key), false, 'counts against the quota of such names');
  const told: string[] = [];
  catalog.onChange((changed) => told.push(...changed));

  apply(mesh, SERVICE);
  catalog.settle();
  assert.equal(answerOf(catalog, key), '10.96.0.5 for 30 s');
  assert.equal(catalog.isKnown(key), true);
  apply(mesh, HEADLESS);
  catalog.settle();
  assert.deepEqual(told, [key], 'another service is no change');
  remove(mesh, SERVICE);
  catalog.settle();
  assert.deepEqual(told, [key, key]);
  assert.equal(answerOf(catalog, key), 'unknown');
});

test('the hosts that cover a name', () => {
  assert.deepEqual(hostsCovering('a.b.c'), ['a.b.c', '*.b.c', '*.c']);
  assert.deepEqual(hostsCovering('a'), ['a']);
});

test('names that no host can have are none', () => {
  for (const name of ['', '.', 'a.', 'a..b', 'A.b', '*.b', 'a b', 'x'.repeat(254)]) {
    assert.equal(isCanonicalHost(name), false, name);
  }
  assert.equal(isCanonicalHost('a-1._tcp.b'), true);
});
