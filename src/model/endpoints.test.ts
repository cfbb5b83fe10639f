import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, meshOf } from './mesh-of.ts';
import type { Mesh } from './mesh.ts';

const DB = 'default/db.default.svc.cluster.local';

/** `address:port health tlsMode workload` for each endpoint of a port. */
const endpointsOf = (mesh: Mesh, port: number, key = DB): readonly string[] | undefined =>
  mesh.endpoints
    .get(key)
    ?.byPort.get(port)
    ?.map((it) => `${it.address}:${it.port} ${it.health} ${it.tlsMode} ${it.workload ?? '-'}`);

const service = `
kind: Service
metadata: { name: db }
spec:
  clusterIP: 10.96.0.5
  selector: { app: db }
  ports: [{ name: tcp, port: 5432, targetPort: 6000 }, { name: web, port: 80, targetPort: http }]
`;

const vm = `
kind: WorkloadEntry
metadata: { name: vm, labels: { app: db } }
spec: { address: 10.128.0.14, serviceAccount: db }
`;

const pod = `
kind: Pod
metadata: { name: pod, labels: { app: db, security.istio.io/tlsMode: istio } }
spec:
  serviceAccountName: db
  nodeName: n1
  containers: [{ ports: [{ name: http, containerPort: 8080 }] }]
status: { podIP: 10.24.0.1 }
`;

const slice = `
kind: EndpointSlice
metadata: { name: db-x, labels: { kubernetes.io/service-name: db } }
ports: [{ name: tcp, port: 7000 }]
endpoints:
  - { addresses: [10.24.0.1], targetRef: { kind: Pod, name: pod } }
  - { addresses: [10.24.0.2], conditions: { ready: false } }
  - { addresses: [10.24.0.3], conditions: { ready: false, terminating: true } }
`;

test('a Service selects Pods and WorkloadEntries of its namespace', () => {
  const foreign = vm.replace('name: vm', 'name: vm, namespace: other');
  const mesh = meshOf([service, vm, pod, foreign].join('---'));
  assert.deepEqual(endpointsOf(mesh, 5432), [
    '10.128.0.14:6000 ready istio WorkloadEntry/default/vm',
    '10.24.0.1:6000 ready istio Pod/default/pod',
  ]);
  assert.deepEqual(
    endpointsOf(mesh, 80),
    ['10.24.0.1:8080 ready istio Pod/default/pod'],
    'the WorkloadEntry has no port of the name that targetPort asks for',
  );
});

test('a selector selects who has all of its labels', () => {
  const versioned = service.replace('app: db', 'version: v1, app: db');
  const mesh = meshOf([versioned, vm, pod.replace('app: db', 'app: db, version: v1')].join('---'));
  assert.deepEqual(endpointsOf(mesh, 5432), ['10.24.0.1:6000 ready istio Pod/default/pod']);
});

test('once there are EndpointSlices, Pods come from them; WorkloadEntries still by selector', () => {
  const mesh = meshOf([service, vm, pod, slice].join('---'));
  assert.deepEqual(endpointsOf(mesh, 5432), [
    '10.128.0.14:6000 ready istio WorkloadEntry/default/vm',
    '10.24.0.1:7000 ready istio Pod/default/pod',
    '10.24.0.2:7000 unready disabled -',
    '10.24.0.3:7000 terminating disabled -',
  ]);
  assert.deepEqual(endpointsOf(mesh, 80), [], 'the slice has no such port');
});

test('publishNotReadyAddresses makes the unready ready', () => {
  const all = service.replace(
    'selector',
    'publishNotReadyAddresses: true, selector'.replace(', ', '\n  '),
  );
  const mesh = meshOf(`${all}---${slice}`);
  assert.deepEqual(
    mesh.endpoints
      .get(DB)
      ?.byPort.get(5432)
      ?.map(({ health }) => health),
    ['ready', 'ready', 'terminating'],
  );
});

test('the port: WorkloadEntry.ports, by the name of the service port or of the target, first', () => {
  const cases: readonly (readonly [string, number, string])[] = [
    ['{ tcp: 1111 }', 5432, '10.128.0.14:1111'],
    ['{ other: 1111 }', 5432, '10.128.0.14:6000'],
    ['{ web: 2222, http: 3333 }', 80, '10.128.0.14:2222'],
    ['{ http: 3333 }', 80, '10.128.0.14:3333'],
  ];
  for (const [ports, port, wanted] of cases) {
    const mesh = meshOf(`${service}---${vm.replace('address', `ports: ${ports}, address`)}`);
    assert.equal(endpointsOf(mesh, port)?.[0]?.split(' ')[0], wanted, ports);
  }
});

const entry = `
kind: ServiceEntry
metadata: { name: e }
spec:
  hosts: [ext.example.com]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ name: tcp, number: 5432, protocol: TCP, targetPort: 6000 }]
  workloadSelector: { labels: { app: db } }
`;
const EXT = 'default/ext.example.com';

test('a ServiceEntry selects both kinds; its targetPort comes after WorkloadEntry.ports', () => {
  const mesh = meshOf([entry, vm, pod].join('---'));
  assert.deepEqual(endpointsOf(mesh, 5432, EXT), [
    '10.128.0.14:6000 ready istio WorkloadEntry/default/vm',
    '10.24.0.1:6000 ready istio Pod/default/pod',
  ]);
  apply(mesh, vm.replace('address', 'ports: { tcp: 1111 }, address'));
  assert.equal(endpointsOf(mesh, 5432, EXT)?.[0]?.split(' ')[0], '10.128.0.14:1111');
});

test('endpoints that are written into a ServiceEntry take TLS when they have an identity', () => {
  const written = entry.replace(
    'workloadSelector: { labels: { app: db } }',
    `endpoints:
    - { address: 10.0.0.1, ports: { tcp: 7 }, weight: 3, locality: r/z, network: n }
    - { address: 10.0.0.2, serviceAccount: db }
    - { address: 10.0.0.3, labels: { security.istio.io/tlsMode: istio } }`,
  );
  const mesh = meshOf(written);
  assert.deepEqual(endpointsOf(mesh, 5432, EXT), [
    '10.0.0.1:7 ready disabled -',
    '10.0.0.2:6000 ready istio -',
    '10.0.0.3:6000 ready istio -',
  ]);
  const [first] = mesh.endpoints.get(EXT)?.byPort.get(5432) ?? [];
  assert.deepEqual([first?.weight, first?.locality, first?.network], [3, 'r/z', 'n']);
});

test('by DNS: names are endpoints, and without any the host itself is', () => {
  const dns = entry
    .replace('STATIC', 'DNS')
    .replace('workloadSelector: { labels: { app: db } }', '');
  assert.deepEqual(endpointsOf(meshOf(dns), 5432, EXT), ['ext.example.com:6000 ready disabled -']);
  const named = `${dns}  endpoints: [{ address: a.example.com }, { address: 10.0.0.1 }]\n`;
  assert.deepEqual(endpointsOf(meshOf(named), 5432, EXT), [
    '10.0.0.1:6000 ready disabled -',
    'a.example.com:6000 ready disabled -',
  ]);
});

test('a static service has no use for a WorkloadEntry whose address is a name or a socket', () => {
  for (const address of ['vm.example.com', 'unix:///run/db.sock']) {
    const mesh = meshOf(`${service}---${vm.replace('10.128.0.14', address)}`);
    assert.deepEqual(endpointsOf(mesh, 5432), []);
  }
});

test('an ExternalName Service goes to that name', () => {
  const external = `
kind: Service
metadata: { name: db }
spec: { type: ExternalName, externalName: db.example.com, ports: [{ port: 5432 }] }
`;
  const mesh = meshOf(external);
  assert.equal(mesh.services.get(DB)?.resolution, 'dns');
  assert.deepEqual(endpointsOf(mesh, 5432), ['db.example.com:5432 ready disabled -']);
});

test('the endpoints of a Service and a ServiceEntry of one host are together', () => {
  const same = entry
    .replace('ext.example.com', 'db.default.svc.cluster.local')
    .replace(
      'workloadSelector: { labels: { app: db } }',
      'endpoints: [{ address: 10.0.0.9 }, { address: 10.128.0.14 }]',
    );
  const mesh = meshOf([service, vm, same].join('---'));
  assert.deepEqual(endpointsOf(mesh, 5432), [
    '10.0.0.9:6000 ready disabled -',
    '10.128.0.14:6000 ready istio WorkloadEntry/default/vm',
  ]);
});

test('rule 42: a WorkloadEntry that is not reported healthy takes no connection', () => {
  const checked = vm.replace(
    'labels',
    'annotations: { proxy.istio.io/health-checks-enabled: "true" }, labels',
  );
  const mesh = meshOf(`${service}---${checked}`);
  assert.equal(mesh.endpoints.get(DB)?.byPort.get(5432)?.[0]?.health, 'terminating');
  apply(mesh, `${checked}status: { conditions: [{ type: Healthy, status: "True" }] }\n`);
  assert.equal(mesh.endpoints.get(DB)?.byPort.get(5432)?.[0]?.health, 'ready');
});

test('TLS of a WorkloadEntry: its label decides, else whether it has a service account', () => {
  const label = 'labels: { app: db, security.istio.io/tlsMode: disabled }';
  const cases: readonly (readonly [string, string])[] = [
    [vm, 'istio'],
    [vm.replace(', serviceAccount: db', ''), 'disabled'],
    [vm.replace('labels: { app: db }', label), 'disabled'],
  ];
  for (const [yaml, wanted] of cases) {
    const mesh = meshOf(`${service}---${yaml}`);
    assert.equal(mesh.endpoints.get(DB)?.byPort.get(5432)?.[0]?.tlsMode, wanted, yaml);
  }
});

test('a Pod takes TLS when its label says so, service account or not', () => {
  const plain = pod.replace(', security.istio.io/tlsMode: istio', '');
  const mesh = meshOf(`${service}---${plain}`);
  assert.deepEqual(endpointsOf(mesh, 5432), ['10.24.0.1:6000 ready disabled Pod/default/pod']);
});

test("place: what an endpoint does not say is its node's and its namespace's", () => {
  const place = `
kind: Node
metadata: { name: n1, labels: { topology.kubernetes.io/region: r, topology.kubernetes.io/zone: z } }
---
kind: Namespace
metadata: { name: default, labels: { topology.istio.io/network: net } }
`;
  const mesh = meshOf([service, pod].join('---'));
  const placeOf = () => {
    const [endpoint] = mesh.endpoints.get(DB)?.byPort.get(5432) ?? [];
    return [endpoint?.locality, endpoint?.network];
  };
  assert.deepEqual(placeOf(), ['', '']);
  apply(mesh, place);
  assert.deepEqual(placeOf(), ['r/z', 'net']);
});

test('metadata labels win over those in the spec of a WorkloadEntry', () => {
  const both = vm.replace('address', 'labels: { app: other, tier: a }, address');
  const workload = meshOf(both).workloads.get('WorkloadEntry/default/vm');
  assert.deepEqual(workload?.labels, { app: 'db', tier: 'a' });
});
