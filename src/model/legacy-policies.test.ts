// MeshPolicy and Policy, beside PeerAuthentication or alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, meshOf, remove } from './mesh-of.ts';
import type { Mesh } from './mesh.ts';

const WORLD = `
kind: Service
metadata: { name: db }
spec:
  clusterIP: 10.96.0.5
  selector: { app: db }
  ports:
    - { name: tcp-pg, port: 5432, targetPort: 6432 }
    - { name: http, port: 80, targetPort: 8080 }
---
kind: Service
metadata: { name: registered }
spec: { clusterIP: 10.96.0.6, ports: [{ name: tcp, port: 5432 }] }
---
kind: ServiceEntry
metadata: { name: registered }
spec:
  hosts: [registered.default.svc.cluster.local]
  resolution: STATIC
  location: MESH_INTERNAL
  ports: [{ name: tcp, number: 5432 }]
  workloadSelector: { labels: { app: vm } }
---
kind: Pod
metadata: { name: db, labels: { app: db } }
status: { podIP: 10.24.0.1 }
---
kind: WorkloadEntry
metadata: { name: vm, labels: { app: vm } }
spec: { address: 10.128.0.14, serviceAccount: vm }
`;

const meshPolicy = (spec: string) => `
kind: MeshPolicy
metadata: { name: default }
spec: ${spec}`;

const policy = (spec: string, { name = 'default', created = '2026-01-01T00:00:00Z' } = {}) => `
kind: Policy
metadata: { name: ${name}, namespace: default, creationTimestamp: ${created} }
spec: ${spec}`;

const peer = (spec: string, namespace: string) => `
kind: PeerAuthentication
metadata: { name: new, namespace: ${namespace} }
spec: ${spec}`;

const STRICT = '{ peers: [{ mtls: {} }] }';
const PERMISSIVE = '{ peers: [{ mtls: { mode: PERMISSIVE } }] }';
const MTLS_DISABLE = '{ mtls: { mode: DISABLE } }';

const meshWith = (...objects: readonly string[]): Mesh => {
  const mesh = meshOf([WORLD, ...objects].join('\n---\n'));
  assert.deepEqual([...mesh.rejections.entries()], []);
  return mesh;
};

/** What the Pod demands on its own ports 6432 and 8080. */
function demands(mesh: Mesh, key = 'Pod/default/db', ports = [6432, 8080]): string {
  const workload = mesh.workloads.get(key);
  assert(workload);
  return ports.map((port) => mesh.mtlsMode(workload, port)).join(' ');
}

test('a MeshPolicy is for the whole mesh, and without peers it demands plaintext', () => {
  assert.equal(demands(meshWith()), 'PERMISSIVE PERMISSIVE');
  assert.equal(demands(meshWith(meshPolicy(STRICT))), 'STRICT STRICT');
  assert.equal(demands(meshWith(meshPolicy(PERMISSIVE))), 'PERMISSIVE PERMISSIVE');
  assert.equal(demands(meshWith(meshPolicy('{ peers: [] }'))), 'DISABLE DISABLE');
});

test('a MeshPolicy that comes and goes', () => {
  const mesh = meshWith();
  apply(mesh, meshPolicy(STRICT));
  assert.equal(demands(mesh), 'STRICT STRICT');
  remove(mesh, meshPolicy(STRICT));
  assert.equal(demands(mesh), 'PERMISSIVE PERMISSIVE');
});

test('a Policy of the namespace is before the mesh’s', () => {
  assert.equal(demands(meshWith(meshPolicy(STRICT), policy('{}'))), 'DISABLE DISABLE');
});

const targets = (list: string, mode: string): string =>
  `{ targets: [${list}], peers: [{ mtls: { mode: ${mode} } }] }`;

test('a Policy for a service is one for its workloads, at their own ports', () => {
  const ofPort = (port: string) =>
    policy(targets(`{ name: db, ports: [{ ${port} }] }`, 'STRICT'), { name: 'p' });
  assert.equal(demands(meshWith(ofPort('number: 5432'))), 'STRICT PERMISSIVE');
  assert.equal(demands(meshWith(ofPort('name: http'))), 'PERMISSIVE STRICT');
  assert.equal(demands(meshWith(ofPort('number: 6432'))), 'PERMISSIVE PERMISSIVE');
  const ofAll = policy(targets('{ name: db }', 'STRICT'), { name: 'p' });
  assert.equal(demands(meshWith(policy('{}'), ofAll)), 'STRICT STRICT');
  const ofOther = policy(targets('{ name: registered }', 'STRICT'), { name: 'p' });
  assert.equal(demands(meshWith(ofOther)), 'PERMISSIVE PERMISSIVE');
});

test('a port that a Policy names is among those with a mode of their own', () => {
  const mesh = meshWith(
    policy(targets('{ name: db, ports: [{ number: 5432 }] }', 'STRICT'), { name: 'p' }),
  );
  const workload = mesh.workloads.get('Pod/default/db');
  assert(workload);
  assert.deepEqual(mesh.mtlsPorts(workload), [6432]);
});

test('a Policy reaches a VM behind a Service without selector', () => {
  const mesh = meshWith(policy(targets('{ name: registered }', 'STRICT'), { name: 'p' }));
  assert.equal(demands(mesh, 'WorkloadEntry/default/vm', [5432]), 'STRICT');
});

test('of Policies for one service the oldest counts', () => {
  const mesh = meshWith(
    policy(targets('{ name: db }', 'PERMISSIVE'), { name: 'a', created: '2026-01-02T00:00:00Z' }),
    policy(targets('{ name: db }', 'STRICT'), { name: 'b', created: '2026-01-01T00:00:00Z' }),
  );
  assert.equal(demands(mesh), 'STRICT STRICT');
});

test('within one scope PeerAuthentication decides, the newer kind', () => {
  const root = peer(MTLS_DISABLE, 'istio-system');
  assert.equal(demands(meshWith(meshPolicy(STRICT), root)), 'DISABLE DISABLE');
  const own = peer(MTLS_DISABLE, 'default');
  assert.equal(demands(meshWith(policy(STRICT), own)), 'DISABLE DISABLE');
  const selecting = '{ selector: { matchLabels: { app: db } }, mtls: { mode: DISABLE } }';
  const forDb = policy(targets('{ name: db }', 'STRICT'), { name: 'p' });
  assert.equal(demands(meshWith(forDb, peer(selecting, 'default'))), 'DISABLE DISABLE');
});

test('a narrower scope decides before a wider one, whichever kind it is', () => {
  const mesh = meshWith(policy(STRICT), peer(MTLS_DISABLE, 'istio-system'));
  assert.equal(demands(mesh), 'STRICT STRICT');
  const forDb = policy(targets('{ name: db }', 'STRICT'), { name: 'p' });
  assert.equal(demands(meshWith(forDb, peer(MTLS_DISABLE, 'default'))), 'STRICT STRICT');
});

test('a PeerAuthentication that says nothing lets the older kind speak', () => {
  const mesh = meshWith(meshPolicy(STRICT), peer('{}', 'istio-system'), peer('{}', 'default'));
  assert.equal(demands(mesh), 'STRICT STRICT');
});
