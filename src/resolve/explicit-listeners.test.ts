// Listeners that are dialled at their own address, told in their users' objects.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { toJsonString } from '@bufbuild/protobuf';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { FilterChainMatchSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { meshOf } from '#model/mesh-of.ts';
import { MeshCatalog } from './catalog.ts';
import { renderGolden } from './golden.ts';
import { TYPE_URL } from './names.ts';
import { ask, decode } from './simulate-call.ts';

const identity = (name: string): WorkloadIdentity => ({
  trustDomain: 'cluster.local',
  namespace: 'default',
  serviceAccount: name,
  workload: { kind: 'WorkloadEntry', name },
});
const CLIENT = identity('client');
const VM = identity('vm');

const machine = (name: string, address: string): string => `
kind: WorkloadEntry
metadata: { name: ${name} }
spec:
  address: ${address}
  serviceAccount: ${name}
  labels: { app: ${name}, security.istio.io/tlsMode: istio }`;

const WORLD = `${machine('client', '127.0.0.11')}
---${machine('vm', '127.0.0.12')}
---
kind: ServiceEntry
metadata: { name: db }
spec:
  hosts: [db.example.com]
  addresses: [240.240.7.7]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: 5432, name: tcp, protocol: TCP }]
  workloadSelector: { labels: { app: vm } }
---
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.1, ports: [{ name: http, port: 80 }] }`;

const sidecar = (app: string, spec: string): string => `
kind: Sidecar
metadata: { name: ${app} }
spec: { workloadSelector: { labels: { app: ${app} } }, ${spec} }`;

const TCP = '{ number: 5432, name: tcp, protocol: TCP }';
const INGRESS = `ingress: [{ port: ${TCP}, bind: 127.0.0.12, captureMode: NONE,
  defaultEndpoint: "127.0.0.1:15432" }]`;
const egress = (more: string): string =>
  `egress: [{ port: ${TCP}, captureMode: NONE, hosts: ["*/*"], ${more} }]`;

const catalogOf = (...objects: readonly string[]): MeshCatalog =>
  new MeshCatalog(meshOf([WORLD, ...objects].join('\n---\n')));

function listeners(catalog: MeshCatalog, proxy: WorkloadIdentity): readonly string[] {
  const key = catalog.acquireWildcard(proxy, TYPE_URL.listener);
  catalog.settle();
  return catalog.wildcardNames(key);
}

function listener(catalog: MeshCatalog, proxy: WorkloadIdentity, name: string): Listener {
  const answer = ask(catalog, { proxy, typeUrl: TYPE_URL.listener, name });
  assert(answer, `${name} is there`);
  return decode(ListenerSchema, answer);
}

const textOf = (catalog: MeshCatalog, proxy: WorkloadIdentity, name: string): string => {
  const answer = ask(catalog, { proxy, typeUrl: TYPE_URL.listener, name });
  return answer ? renderGolden(TYPE_URL.listener, answer) : '';
};

describe('a workload that dials its proxy itself', () => {
  test('has no other listeners, unless it says so', () => {
    const catalog = catalogOf(sidecar('client', egress('bind: 127.0.0.11')));
    assert.deepEqual(listeners(catalog, CLIENT), ['outbound|127.0.0.11_5432']);
    const captured = `ingress: [{ port: ${TCP}, defaultEndpoint: "127.0.0.1:15432" }]`;
    const mixed = catalogOf(sidecar('client', `${egress('bind: 127.0.0.11')}, ${captured}`));
    const names = ['outbound|127.0.0.11_5432', 'virtualInbound'];
    assert.deepEqual(listeners(mixed, CLIENT), names);
    assert(listeners(catalog, VM).includes('virtualOutbound'), 'other workloads are as they were');
  });

  test('reaches the service of that port as if it had dialled its address', () => {
    const catalog = catalogOf(sidecar('client', egress('bind: 127.0.0.11')));
    const text = textOf(catalog, CLIENT, 'outbound|127.0.0.11_5432');
    assert.match(text, /"dst\|240\.240\.7\.7:5432"/);
    assert(!text.includes('bind_to_port'), 'the listener is really bound');
    assert(!text.includes('original_dst'), 'and nothing is restored');
  });

  test('is served on 127.0.0.1 where nothing is said, on request ports by their authority', () => {
    const http = '{ number: 80, name: http, protocol: HTTP }';
    const spec = `egress: [{ port: ${http}, captureMode: NONE, hosts: ["./*"] }]`;
    const catalog = catalogOf(sidecar('client', spec));
    const text = textOf(catalog, CLIENT, 'outbound|127.0.0.1_80');
    assert.match(text, /"route_config_name": "80"/);
  });

  test('has none for a port that nobody has, or that is not imported', () => {
    const hosts = egress('bind: 127.0.0.11').replace('"*/*"', '"elsewhere/*"');
    const catalog = catalogOf(sidecar('client', hosts));
    assert.deepEqual(listeners(catalog, CLIENT), []);
    assert.equal(textOf(catalog, CLIENT, 'outbound|127.0.0.11_5432'), '');
  });

  test('has captured ones beside where its Sidecar says so', () => {
    const both = egress('bind: 127.0.0.11').replace(/\]$/, ', { hosts: ["*/*"] }]');
    const names = listeners(catalogOf(sidecar('client', both)), CLIENT);
    for (const name of ['virtualOutbound', '0.0.0.0_80', 'outbound|127.0.0.11_5432']) {
      assert(names.includes(name), name);
    }
  });
});

describe('a workload that is dialled at its proxy', () => {
  test('has that listener and no other', () => {
    const catalog = catalogOf(sidecar('vm', INGRESS));
    assert.deepEqual(listeners(catalog, VM), ['inbound|127.0.0.12_5432']);
  });

  test('has the same chains as when it is captured', () => {
    const explicit = catalogOf(sidecar('vm', INGRESS));
    const captured = catalogOf(sidecar('vm', INGRESS.replace('captureMode: NONE,', '')));
    const { filterChains } = listener(captured, VM, 'virtualInbound');
    const wanted = filterChains.filter(({ name }) => name.startsWith('5432_'));
    assert.deepEqual(
      listener(explicit, VM, 'inbound|127.0.0.12_5432').filterChains,
      wanted,
      'mesh TLS, plaintext, policies, logs',
    );
    const ports = wanted.map(({ filterChainMatch }) =>
      filterChainMatch ? toJsonString(FilterChainMatchSchema, filterChainMatch) : '',
    );
    assert(ports.length > 0 && ports.every((text) => text.includes('"destinationPort":5432')));
  });

  test('listens at its own address where nothing is said', () => {
    const catalog = catalogOf(sidecar('vm', INGRESS.replace('bind: 127.0.0.12, ', '')));
    assert(listeners(catalog, VM).includes('inbound|127.0.0.12_5432'));
  });

  test('has no listener that would deliver to itself', () => {
    for (const itself of ['bind: 127.0.0.1', 'bind: 0.0.0.0']) {
      const spec = INGRESS.replace('bind: 127.0.0.12', itself).replace(':15432', ':5432');
      const catalog = catalogOf(sidecar('vm', spec));
      assert(!listeners(catalog, VM).some((name) => name.startsWith('inbound|')), itself);
    }
  });
});
