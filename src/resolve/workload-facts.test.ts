// What agents are told of the peers of their workloads.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { type WorkloadFacts, WorkloadFactsSchema } from '#gen/isthmus/v1/agent_pb.js';
import { apply, meshOf, remove } from '#model/mesh-of.ts';
import { MeshCatalog } from './catalog.ts';
import { TYPE_URL } from './names.ts';
import { decode } from './simulate-call.ts';

const POD = `
kind: Pod
apiVersion: v1
metadata:
  name: inventory-7d9f-x2x
  namespace: library
  labels: { app: inventory, version: v1, service.istio.io/workload-name: inventory }
spec: { serviceAccountName: inventory }
status:
  phase: Running
  podIP: 10.24.2.23
  podIPs: [{ ip: 10.24.2.23 }]
`;
const VM = `
kind: WorkloadEntry
apiVersion: networking.istio.io/v1
metadata:
  name: postgresql-1-vm
  namespace: default
  labels: { app.kubernetes.io/name: postgresql }
spec: { address: 10.128.0.14, serviceAccount: postgresql-1-vm }
`;
const BY_CERTIFICATE = 'cert|cluster.local|library|inventory|Pod|inventory-7d9f-x2x';

const asker: WorkloadIdentity = {
  trustDomain: 'cluster.local',
  namespace: 'default',
  serviceAccount: 'postgresql-1-vm',
  workload: { kind: 'WorkloadEntry', name: 'postgresql-1-vm' },
};

function world(yaml: string) {
  const mesh = meshOf(yaml);
  const catalog = new MeshCatalog(mesh);
  const hold = (name: string): string => {
    const key = catalog.acquire(asker, TYPE_URL.workloadFacts, name);
    catalog.settle();
    return key;
  };
  const factsOf = (key: string): WorkloadFacts => {
    const resource = catalog.lookup(key);
    assert(resource, 'every name is answered');
    return decode(WorkloadFactsSchema, resource);
  };
  return { mesh, catalog, hold, factsOf, ask: (name: string) => factsOf(hold(name)) };
}

test('a peer is the same by its certificate and by its address', () => {
  const { ask } = world(`${POD}---${VM}`);
  const { $typeName: _, ...facts } = ask(BY_CERTIFICATE);
  assert.deepEqual(facts, {
    known: true,
    workload: 'inventory',
    namespace: 'library',
    app: 'inventory',
    version: 'v1',
    canonicalService: 'inventory',
    canonicalRevision: 'v1',
    cluster: 'Kubernetes',
  });
  assert.deepEqual(ask('ip|10.24.2.23'), ask(BY_CERTIFICATE));
});

test('a VM without Istio’s labels is called as Kubernetes recommends, its revision latest', () => {
  const { ask } = world(VM);
  const { workload, app, canonicalService, canonicalRevision } = ask('ip|10.128.0.14');
  assert.deepEqual(
    [workload, app, canonicalService, canonicalRevision],
    ['postgresql-1-vm', '', 'postgresql', 'latest'],
  );
});

test('nobody is guessed at: another account, another trust domain, an address of nobody', () => {
  const { ask } = world(POD);
  for (const name of [
    'cert|cluster.local|library|other|Pod|inventory-7d9f-x2x',
    'cert|elsewhere|library|inventory|Pod|inventory-7d9f-x2x',
    'cert|cluster.local|library|inventory||',
    'ip|192.0.2.1',
    'nonsense',
  ]) {
    assert.equal(ask(name).known, false, name);
  }
});

test('who holds a peer is told when it comes, changes and goes', () => {
  const { mesh, catalog, hold, factsOf } = world(VM);
  const key = hold(BY_CERTIFICATE);
  assert.equal(catalog.isKnown(key), false, 'counts against the quota of such names');
  const told: string[] = [];
  catalog.onChange((changed) => told.push(...changed));
  apply(mesh, POD);
  catalog.settle();
  assert.equal(factsOf(key).version, 'v1');
  apply(mesh, POD.replace('version: v1', 'version: v2'));
  catalog.settle();
  assert.equal(factsOf(key).version, 'v2');
  apply(mesh, POD.replace('version: v1', 'version: v2, colour: red'));
  catalog.settle();
  assert.deepEqual(told, [key, key], 'another label is no change');
  remove(mesh, POD);
  catalog.settle();
  assert.equal(factsOf(key).known, false);
});
