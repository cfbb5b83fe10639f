import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateNameOf } from '#base/workload-identity.ts';
import { renderViolation } from '#istio/object.ts';
import * as kube from '#kube/resources.ts';
import { createMesh } from './mesh.ts';
import type { Mesh } from './mesh.ts';
import { apply, meshOf, remove } from './mesh-of.ts';

const config = (mesh: string): string => `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: '${mesh}' }
`;

const entry = (resolution: string): string => `
kind: ServiceEntry
metadata: { name: e }
spec:
  hosts: [e.example.com]
  resolution: ${resolution}
  addresses: [240.240.0.1]
  ports: [{ name: tcp, number: 80 }]
`;

const rejectionsOf = (mesh: Mesh) =>
  [...mesh.rejections.entries()].map(([key, { violations, hasLastGood }]) => [
    key,
    hasLastGood,
    violations.map(renderViolation).join('; '),
  ]);

test('an object that is refused stays as it was, and the reasons are told', () => {
  const mesh = meshOf(entry('STATIC'));
  apply(mesh, entry('STUCK'));
  assert.equal(mesh.services.get('default/e.example.com')?.resolution, 'static');
  const problem =
    'spec.resolution: Unsupported value: "STUCK": supported values: ' +
    '"NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"';
  const key = 'serviceentries.networking.istio.io/default/e';
  assert.deepEqual(rejectionsOf(mesh), [[key, true, problem]]);
  apply(mesh, entry('DNS'));
  assert.deepEqual(rejectionsOf(mesh), []);
  assert.equal(mesh.services.get('default/e.example.com')?.resolution, 'dns');
});

test('an object that was never good is in force nowhere, and is forgotten with its end', () => {
  const mesh = meshOf(entry('STUCK'));
  assert.equal(mesh.services.size, 0);
  assert.equal(rejectionsOf(mesh)[0]?.[1], false);
  remove(mesh, entry('STUCK'));
  assert.deepEqual(rejectionsOf(mesh), []);
});

test('deleting an object that is refused deletes its last good form, too', () => {
  const mesh = meshOf(entry('STATIC'));
  apply(mesh, entry('STUCK'));
  remove(mesh, entry('STUCK'));
  assert.equal(mesh.services.size, 0);
});

test('settings: as said, else the defaults; garbage leaves them as they were', () => {
  const mesh = createMesh({ defaults: { meshRanges: ['10.96.0.0/16'] } });
  assert.equal(mesh.config().enableAutoMtls, true);
  assert.deepEqual(mesh.config().meshRanges, ['10.96.0.0/16']);
  apply(mesh, config('enableAutoMtls: false'));
  assert.equal(mesh.config().enableAutoMtls, false);
  assert.deepEqual(mesh.config().meshRanges, ['10.96.0.0/16']);
  apply(mesh, config('enableAutoMtls: [').replaceAll("'", '"'));
  assert.equal(mesh.config().enableAutoMtls, false);
  assert.equal(rejectionsOf(mesh)[0]?.[0], 'configmaps/istio-system/istio');
  remove(mesh, config(''));
  assert.equal(mesh.config().enableAutoMtls, true);
});

test('other ConfigMaps, and kinds of no use here, are ignored', () => {
  const mesh = createMesh();
  apply(mesh, config('enableAutoMtls: false').replace('name: istio,', 'name: other,'));
  mesh.ingest(kube.SECRET, { metadata: { name: 's', namespace: 'n' } }, 'applied');
  mesh.commit();
  assert.equal(mesh.config().enableAutoMtls, true);
});

const database = `
kind: Service
metadata: { name: db, creationTimestamp: 2026-01-02T00:00:00Z }
spec:
  clusterIP: 10.96.0.5
  selector: { app: db }
  ports: [{ name: tcp-pg, port: 5432 }, { name: http, port: 80, targetPort: 8080 }]
---
kind: Service
metadata: { name: older, creationTimestamp: 2026-01-01T00:00:00Z }
spec:
  clusterIP: 10.96.0.6
  selector: { app: db }
  ports: [{ name: tcp, port: 1, targetPort: 5432 }]
---
kind: WorkloadEntry
metadata: { name: vm, labels: { app: db } }
spec: { address: 10.128.0.14, serviceAccount: db }
---
kind: Pod
metadata: { name: pod, labels: { app: db } }
status: { podIP: 10.24.0.1 }
`;

test('the ports that a workload serves, each under the oldest service that names it', () => {
  const mesh = meshOf(database);
  assert.deepEqual(mesh.inboundPorts('WorkloadEntry/default/vm'), [
    {
      port: 5432,
      protocol: 'tcp',
      deliverAddress: '127.0.0.1',
      service: {
        key: 'default/older.default.svc.cluster.local',
        host: 'older.default.svc.cluster.local',
        port: 1,
        portName: 'tcp',
      },
    },
    {
      port: 8080,
      protocol: 'http',
      deliverAddress: '127.0.0.1',
      service: {
        key: 'default/db.default.svc.cluster.local',
        host: 'db.default.svc.cluster.local',
        port: 80,
        portName: 'http',
      },
    },
  ]);
  const pod = mesh.inboundPorts('Pod/default/pod');
  assert.deepEqual(
    pod.map(({ deliverAddress }) => deliverAddress),
    ['10.24.0.1', '10.24.0.1'],
  );
  assert.deepEqual(mesh.inboundPorts('Pod/default/nobody'), []);
});

test('a workload is found by the name in its certificate, if it is still who it says', () => {
  const long = `w-${'long-'.repeat(14)}name`;
  const mesh = meshOf(`
kind: WorkloadEntry
metadata: { name: ${long} }
spec: { address: 10.128.0.15, serviceAccount: db }
---${database}`);
  const find = (name: string, serviceAccount = 'db') =>
    mesh.workloadOf({
      trustDomain: 'cluster.local',
      namespace: 'default',
      serviceAccount,
      workload: { kind: 'WorkloadEntry', name },
    })?.name;
  assert.equal(find('vm'), 'vm');
  assert.equal(find('vm', 'other'), undefined);
  assert.equal(find(certificateNameOf(long)), long);
  assert.equal(find(certificateNameOf(`${long}r`)), undefined);
  const nameless = {
    trustDomain: 'cluster.local',
    namespace: 'default',
    serviceAccount: 'db',
    workload: undefined,
  };
  assert.equal(mesh.workloadOf(nameless), undefined);
});

const SERVICE_COUNT = 500;

/** Services of ten Pods each, with their EndpointSlices. */
function bigMesh(): Mesh {
  const mesh = createMesh();
  for (let n = 0; n < SERVICE_COUNT; n += 1) {
    const meta = (name: string, labels = {}) => ({ name, namespace: 'default', labels });
    const spec = { clusterIP: `10.96.${n >> 8}.${n & 255}`, ports: [{ port: 80 }] };
    mesh.ingest(kube.SERVICE, { metadata: meta(`s${n}`), spec }, 'applied');
    mesh.ingest(kube.ENDPOINT_SLICE, sliceOf(n, 10), 'applied');
    for (let p = 0; p < 10; p += 1) {
      const status = { podIP: `10.24.${n % 250}.${p}` };
      mesh.ingest(kube.POD, { metadata: meta(`p${n}-${p}`, { app: `s${n}` }), status }, 'applied');
    }
  }
  mesh.commit();
  return mesh;
}

const sliceOf = (n: number, count: number, conditions = {}) => ({
  metadata: {
    name: `s${n}`,
    namespace: 'default',
    labels: { 'kubernetes.io/service-name': `s${n}` },
  },
  ports: [{ name: '', port: 8080 }],
  endpoints: Array.from({ length: count }, (_, p) => ({
    addresses: [`10.24.${n % 250}.${p}`],
    targetRef: { kind: 'Pod', name: `p${n}-${p}` },
    conditions: p === 0 ? conditions : {},
  })),
});

test('a change costs what it changes', () => {
  const mesh = bigMesh();
  const runsOf = (change: () => void): number => {
    const before = mesh.graph.computationCount;
    change();
    mesh.commit();
    return mesh.graph.computationCount - before;
  };
  assert.equal(mesh.endpoints.size, SERVICE_COUNT);
  // the endpoints, who serves what, what is outside of the ranges, and the ten inbound sides
  const added = runsOf(() => mesh.ingest(kube.ENDPOINT_SLICE, sliceOf(7, 9), 'applied'));
  assert(added <= 13, `an endpoint: ${added}`);
  assert.deepEqual([...mesh.endpoints.changed], ['default/s7.default.svc.cluster.local']);
  const unready = sliceOf(7, 9, { ready: false });
  const health = runsOf(() => mesh.ingest(kube.ENDPOINT_SLICE, unready, 'applied'));
  assert(health <= 3, `a change of health: ${health}`);
  const again = runsOf(() => mesh.ingest(kube.ENDPOINT_SLICE, { ...unready }, 'applied'));
  assert.equal(again, 0);
  const metadata = { name: 'new', namespace: 'default' };
  const spec = { clusterIP: '10.97.0.1', ports: [{ port: 80 }] };
  const service = runsOf(() => mesh.ingest(kube.SERVICE, { metadata, spec }, 'applied'));
  assert(service <= 6, `a service: ${service}`);
});
