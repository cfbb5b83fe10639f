import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusal } from '#kube/fake-kube-client.ts';
import { fieldsOf } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { POD, REPLICA_SET } from '#kube/resources.ts';
import { KubeStatusError } from '#kube/status.ts';
import { conditionText } from '../fake-cluster.ts';
import { FakeWorkloads, template } from '../fake-workloads.ts';
import { rankForDeletion } from './ranking.ts';

function started(spec: Readonly<Record<string, unknown>> = {}): FakeWorkloads {
  const cluster = new FakeWorkloads();
  const selector = { matchLabels: { app: 'web' } };
  cluster.put(REPLICA_SET, {
    metadata: { name: 'web', namespace: 'shop' },
    spec: { replicas: 2, selector, template: template('web:1'), ...spec },
  });
  return cluster;
}

const setOf = (cluster: FakeWorkloads): KubeObject => {
  const [found] = cluster.objects(REPLICA_SET);
  assert(found);
  return found;
};

async function scale(cluster: FakeWorkloads, replicas: number): Promise<void> {
  const patch = { spec: { replicas } };
  await cluster.patch(REPLICA_SET, setOf(cluster).metadata, patch, { kind: 'merge' });
}

test('it makes up for Pods that are deleted or have ended', async () => {
  const cluster = started();
  await cluster.settle();
  const [first, second] = cluster.pods;
  assert(first && second);
  cluster.drop(POD, first.metadata);
  cluster.put(POD, { ...second, status: { phase: 'Failed' } });
  await cluster.settle();
  assert.equal(cluster.pods.length, 3, 'what has ended is left for its owner to see');
  assert.equal(fieldsOf(setOf(cluster).status)['replicas'], 2);
});

test('it deletes the Pods that do least', async () => {
  const cluster = started({ replicas: 3 });
  await cluster.settle();
  const [, idle] = cluster.pods;
  assert(idle);
  cluster.setReady(idle, false);
  await scale(cluster, 2);
  await cluster.pass();
  const left = cluster.pods.map(({ metadata }) => metadata.name);
  assert.equal(left.length, 2);
  assert(!left.includes(idle.metadata.name));
  assert(cluster.events.includes(`SuccessfulDelete: Deleted pod: ${idle.metadata.name}`));
});

test('Pods are ranked by what would be lost with them', () => {
  const pod = (
    name: string,
    fields: { node?: string; ready?: string; cost?: string },
  ): KubeObject => ({
    metadata: {
      name,
      ...(fields.cost !== undefined && {
        annotations: { 'controller.kubernetes.io/pod-deletion-cost': fields.cost },
      }),
    },
    spec: { nodeName: fields.node ?? '' },
    status: {
      phase: fields.node === undefined ? 'Pending' : 'Running',
      conditions: [
        {
          type: 'Ready',
          status: fields.ready === undefined ? 'False' : 'True',
          lastTransitionTime: fields.ready ?? '',
        },
      ],
    },
  });
  const ranked = rankForDeletion([
    pod('old', { node: 'a', ready: '2026-01-01T00:00:00Z' }),
    pod('dear', { node: 'a', ready: '2026-02-01T00:00:00Z', cost: '10' }),
    pod('new', { node: 'b', ready: '2026-03-01T00:00:00Z' }),
    pod('crowded', { node: 'a', ready: '2026-01-01T00:00:00Z' }),
    pod('unready', { node: 'b' }),
    pod('unassigned', {}),
  ]);
  assert.deepEqual(
    ranked.map(({ metadata }) => metadata.name),
    ['unassigned', 'unready', 'crowded', 'old', 'new', 'dear'],
  );
});

test('orphans that it selects are adopted; Pods whose labels were changed are let go', async () => {
  const cluster = started();
  const labels = { app: 'web' };
  const orphan = cluster.put(POD, { metadata: { name: 'orphan', namespace: 'shop', labels } });
  await cluster.settle();
  assert.equal(cluster.pods.length, 2);
  const adopted = await cluster.get(POD, orphan.metadata);
  assert.equal(adopted.metadata.ownerReferences?.[0]?.uid, setOf(cluster).metadata.uid);
  const relabeled = { ...adopted.metadata, labels: { app: 'debug' } };
  cluster.put(POD, { ...adopted, metadata: relabeled });
  await cluster.settle();
  assert.equal(cluster.pods.length, 3);
  assert.deepEqual((await cluster.get(POD, orphan.metadata)).metadata.ownerReferences, []);
});

test("another's Pods are left alone, whatever their labels", async () => {
  const cluster = started({ replicas: 0 });
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    name: 'x',
    uid: 'x',
    controller: true,
  };
  const metadata = { name: 'foreign', namespace: 'shop', labels: { app: 'web' } };
  cluster.put(POD, { metadata: { ...metadata, ownerReferences: [owner] } });
  await cluster.settle();
  assert.equal(cluster.pods.length, 1);
});

test('a refused Pod is said in the status and as an Event, until it is over', async () => {
  const cluster = started();
  const why = 'failed calling webhook "namespace.sidecar-injector.istio.io": connection refused';
  cluster.beforeWrite = (verb, type) => {
    if (verb !== 'create' || type !== POD) return;
    const details = { causes: [], retryAfterSeconds: undefined };
    const code = 500;
    throw new KubeStatusError({ code, reason: 'InternalError', message: why, details });
  };
  await assert.rejects(cluster.pass(), { message: why });
  assert.equal(conditionText(setOf(cluster), 'ReplicaFailure'), 'True FailedCreate');
  assert(JSON.stringify(setOf(cluster).status).includes(JSON.stringify(why).slice(1, -1)));
  assert(cluster.events.includes(`FailedCreate: Error creating: ${why}`));
  cluster.beforeWrite = () => undefined;
  await cluster.settle();
  assert.equal(conditionText(setOf(cluster), 'ReplicaFailure'), undefined);
  assert.equal(cluster.pods.length, 2);
});

test('a Pod that is refused because it is forbidden tells its reason', async () => {
  const cluster = started();
  cluster.beforeWrite = (verb, type, object) => {
    if (verb === 'create') throw refusal(403, 'Forbidden', type, object.metadata, 'is forbidden');
  };
  await assert.rejects(cluster.pass());
  assert.match(
    cluster.events.join('\n'),
    /FailedCreate: Error creating: pods "web-\w{5}" is forbidden/,
  );
});

test('a Pod counts as available after minReadySeconds', async () => {
  const cluster = started({ replicas: 1, minReadySeconds: 30 });
  await cluster.settle();
  assert.equal(fieldsOf(setOf(cluster).status)['readyReplicas'], 1);
  assert.equal(fieldsOf(setOf(cluster).status)['availableReplicas'], 0);
  cluster.nowMs += 30_000;
  await cluster.settle();
  assert.equal(fieldsOf(setOf(cluster).status)['availableReplicas'], 1);
});
