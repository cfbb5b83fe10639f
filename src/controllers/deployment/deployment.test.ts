import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldsOf, numberAt, objectsAt, textAt } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { DEPLOYMENT, POD, REPLICA_SET } from '#kube/resources.ts';
import { conditionText } from '../fake-cluster.ts';
import { deployment, FakeWorkloads, template } from '../fake-workloads.ts';
import { controllerOf } from '../owners.ts';
import { REVISION, REVISION_HISTORY } from './view.ts';

async function started(spec: Readonly<Record<string, unknown>> = {}): Promise<FakeWorkloads> {
  const cluster = new FakeWorkloads();
  cluster.put(DEPLOYMENT, deployment(spec));
  await cluster.settle();
  return cluster;
}

/** `image=replicas`, oldest first. */
function sizes(cluster: FakeWorkloads): string[] {
  return cluster.objects(REPLICA_SET).map(({ spec }) => {
    const [container = {}] = objectsAt(fieldsOf(spec, 'template', 'spec'), 'containers');
    return `${textAt(container, 'image')}=${numberAt(fieldsOf(spec), 'replicas')}`;
  });
}

const statusOf = (object: KubeObject) => fieldsOf(object.status);

test('a Deployment gets its Pods through a ReplicaSet', async () => {
  const cluster = await started();
  const [set, ...others] = cluster.objects(REPLICA_SET);
  assert(set && others.length === 0);
  const hash = set.metadata.labels?.['pod-template-hash'];
  assert.match(hash ?? '', /^[bcdfghjklmnpqrstvwxz2456789]+$/);
  assert.equal(set.metadata.name, `web-${hash}`);
  assert.equal(set.metadata.annotations?.[REVISION], '1');
  assert.equal(cluster.deployment.metadata.annotations?.[REVISION], '1');
  assert.equal(cluster.pods.length, 3);
  for (const { metadata } of cluster.pods) {
    assert.match(metadata.name, new RegExp(`^web-${hash}-[bcdfghjklmnpqrstvwxz2456789]{5}$`));
    assert.deepEqual(metadata.labels, { app: 'web', 'pod-template-hash': hash });
  }
  assert.deepEqual(
    { ...statusOf(cluster.deployment), conditions: undefined },
    {
      observedGeneration: 1,
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      unavailableReplicas: 0,
      conditions: undefined,
    },
  );
  assert.equal(conditionText(cluster.deployment, 'Available'), 'True MinimumReplicasAvailable');
  assert.equal(conditionText(cluster.deployment, 'Progressing'), 'True NewReplicaSetAvailable');
  assert(
    cluster.events.includes(`ScalingReplicaSet: Scaled up replica set web-${hash} from 0 to 3`),
  );
});

test('nothing is written when nothing has changed', async () => {
  const cluster = await started();
  cluster.writes.length = 0;
  cluster.nowMs += 3_600_000;
  await cluster.settle();
  assert.deepEqual(cluster.writes, []);
});

test('a new template replaces the Pods step by step', async () => {
  const cluster = await started({
    strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  });
  await cluster.change({ template: template('web:2') });
  await cluster.pass();
  assert.deepEqual(sizes(cluster), ['web:1=3', 'web:2=1']);
  await cluster.pass(); // the new Pod is not ready: no old one may go
  assert.deepEqual(sizes(cluster), ['web:1=3', 'web:2=1']);
  assert.equal(conditionText(cluster.deployment, 'Progressing'), 'True NewReplicaSetCreated');
  await cluster.settle();
  assert.deepEqual(sizes(cluster), ['web:1=0', 'web:2=3']);
  assert.equal(cluster.deployment.metadata.annotations?.[REVISION], '2');
});

test('a template that comes back gets a new number and remembers its old one', async () => {
  const cluster = await started();
  await cluster.change({ template: template('web:2') });
  await cluster.settle();
  await cluster.change({ template: template('web:1') });
  await cluster.settle();
  assert.deepEqual(sizes(cluster), ['web:1=3', 'web:2=0']);
  const [first] = cluster.objects(REPLICA_SET);
  assert.equal(first?.metadata.annotations?.[REVISION], '3');
  assert.equal(first.metadata.annotations[REVISION_HISTORY], '1');
  assert.equal(cluster.deployment.metadata.annotations?.[REVISION], '3');
});

test('a restart is a new template', async () => {
  const cluster = await started();
  const before = new Set(cluster.pods.map(({ metadata }) => metadata.uid));
  const restartedAt = { 'kubectl.kubernetes.io/restartedAt': '2026-11-22T12:00:01Z' };
  await cluster.change({ template: { metadata: { annotations: restartedAt } } });
  await cluster.settle();
  assert.equal(cluster.pods.length, 3);
  for (const { metadata } of cluster.pods) assert(!before.has(metadata.uid));
});

test('Recreate waits until the last old Pod is gone', async () => {
  const cluster = await started({ strategy: { type: 'Recreate' } });
  const [lingering] = cluster.pods;
  assert(lingering);
  await cluster.change({ template: template('web:2') });
  await cluster.pass();
  assert.deepEqual(sizes(cluster), ['web:1=0']);
  const deletionTimestamp = '2026-11-22T12:00:30Z';
  const metadata = { ...lingering.metadata, deletionTimestamp };
  cluster.put(POD, { ...lingering, metadata });
  await cluster.pass();
  assert.deepEqual(sizes(cluster), ['web:1=0'], 'one is still ending');
  cluster.drop(POD, lingering.metadata);
  await cluster.settle();
  assert.deepEqual(sizes(cluster), ['web:1=0', 'web:2=3']);
});

test('Recreate is available when all of its Pods are', async () => {
  const cluster = await started({ strategy: { type: 'Recreate' } });
  await cluster.change({ replicas: 4 });
  await cluster.pass();
  assert.equal(conditionText(cluster.deployment, 'Available'), 'False MinimumReplicasUnavailable');
  await cluster.settle();
  assert.equal(conditionText(cluster.deployment, 'Available'), 'True MinimumReplicasAvailable');
});

test('paused, it takes no new template but a new size; resumed, it goes on', async () => {
  const cluster = await started();
  await cluster.change({ paused: true, template: template('web:2') });
  await cluster.settle();
  assert.deepEqual(sizes(cluster), ['web:1=3']);
  assert.equal(conditionText(cluster.deployment, 'Progressing'), 'Unknown DeploymentPaused');
  await cluster.change({ replicas: 5 });
  await cluster.settle();
  assert.deepEqual(sizes(cluster), ['web:1=5']);
  await cluster.change({ paused: false });
  await cluster.settle();
  assert.deepEqual(sizes(cluster), ['web:1=0', 'web:2=5']);
  assert.equal(conditionText(cluster.deployment, 'Progressing'), 'True NewReplicaSetAvailable');
});

test('scaled in the middle of a rollout, both templates get their share', async () => {
  const limits = { maxSurge: 2, maxUnavailable: 0 };
  const cluster = await started({ replicas: 8, strategy: { rollingUpdate: limits } });
  await cluster.change({ template: template('web:2') });
  await cluster.pass();
  assert.deepEqual(sizes(cluster), ['web:1=8', 'web:2=2']);
  await cluster.change({ replicas: 18 });
  await cluster.pass();
  assert.deepEqual(sizes(cluster), ['web:1=16', 'web:2=4']);
  await cluster.settle();
  assert.deepEqual(sizes(cluster), ['web:1=0', 'web:2=18']);
});

test('scaled to nothing and back', async () => {
  const cluster = await started();
  await cluster.change({ replicas: 0 });
  await cluster.settle();
  assert.deepEqual(sizes(cluster), ['web:1=0']);
  assert.equal(cluster.pods.length, 0);
  await cluster.change({ replicas: 2 });
  await cluster.settle();
  assert.equal(cluster.pods.length, 2);
});

test('a rollout that does not move is reported when its time is over', async () => {
  const cluster = await started({ progressDeadlineSeconds: 60 });
  await cluster.change({ template: template('web:2') });
  for (let round = 0; round < 5; round += 1) await cluster.pass();
  const [, set] = cluster.objects(REPLICA_SET);
  cluster.nowMs += 59_000;
  await cluster.pass();
  assert.equal(conditionText(cluster.deployment, 'Progressing')?.split(' ')[0], 'True');
  cluster.nowMs += 2_000;
  await cluster.pass();
  assert.equal(conditionText(cluster.deployment, 'Progressing'), 'False ProgressDeadlineExceeded');
  const message = `ReplicaSet "${set?.metadata.name}" has timed out progressing.`;
  assert(JSON.stringify(cluster.deployment.status).includes(JSON.stringify(message).slice(1, -1)));
});

test('no more old ReplicaSets are kept than the history may hold', async () => {
  const cluster = await started({ revisionHistoryLimit: 2 });
  for (const image of ['web:2', 'web:3', 'web:4', 'web:5']) {
    await cluster.change({ template: template(image) });
    await cluster.settle();
  }
  assert.deepEqual(sizes(cluster), ['web:3=0', 'web:4=0', 'web:5=3']);
});

test('a name that is taken by another ReplicaSet changes the hash', async () => {
  const cluster = await started();
  const [set] = cluster.objects(REPLICA_SET);
  assert(set);
  cluster.drop(REPLICA_SET, set.metadata);
  const foreign = { name: set.metadata.name, namespace: 'shop', labels: { app: 'other' } };
  cluster.put(REPLICA_SET, { metadata: foreign, spec: { replicas: 0 } });
  await cluster.settle();
  assert.equal(statusOf(cluster.deployment)['collisionCount'], 1);
  assert.equal(cluster.objects(REPLICA_SET).length, 2);
});

test('orphans with its labels are adopted', async () => {
  const cluster = await started();
  const [set] = cluster.objects(REPLICA_SET);
  assert(set);
  cluster.put(REPLICA_SET, { ...set, metadata: { ...set.metadata, ownerReferences: [] } });
  await cluster.settle();
  const [adopted, ...others] = cluster.objects(REPLICA_SET);
  assert(adopted && others.length === 0);
  assert.equal(controllerOf(adopted)?.uid, cluster.deployment.metadata.uid);
});
