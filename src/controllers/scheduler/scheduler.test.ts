import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldsOf } from '#kube/fields.ts';
import { objectKey, type KubeObject } from '#kube/objects.ts';
import { NODE, POD } from '#kube/resources.ts';
import { conditionText, FakeCluster } from '../fake-cluster.ts';
import { SCHEDULER } from './controller.ts';
import { misfitOf } from './fit.ts';

const node = (name: string, fields: Readonly<Record<string, unknown>> = {}): KubeObject => ({
  metadata: { name, labels: { 'kubernetes.io/hostname': name, disk: 'ssd' } },
  spec: {},
  status: { conditions: [{ type: 'Ready', status: 'True' }], allocatable: { pods: '2' } },
  ...fields,
});

const pod = (name: string, spec: Readonly<Record<string, unknown>> = {}): KubeObject => ({
  metadata: { name, namespace: 'shop' },
  spec,
  status: { phase: 'Pending' },
});

const unready = { conditions: [{ type: 'Ready', status: 'Unknown' }] };
const taint = { key: 'gpu', value: 'yes', effect: 'NoSchedule' };
const requires = (...nodeSelectorTerms: readonly object[]) => ({
  affinity: {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
  },
});

test('who fits where', () => {
  const tainted = node('a', { spec: { taints: [taint] } });
  const cordoned = node('a', { spec: { unschedulable: true } });
  const hdd = { matchExpressions: [{ key: 'disk', operator: 'In', values: ['hdd'] }] };
  const byName = { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] };
  const selectorMisfit = "node(s) didn't match Pod's node affinity/selector";
  const rows: readonly (readonly [object, KubeObject, number, string | undefined])[] = [
    [{}, node('a'), 0, undefined],
    [{}, node('a'), 2, 'Too many pods'],
    [{}, node('a', { status: unready }), 0, 'node(s) were not ready'],
    [{}, cordoned, 0, 'node(s) were unschedulable'],
    [{ tolerations: [{ operator: 'Exists' }] }, cordoned, 0, undefined],
    [{}, tainted, 0, 'node(s) had untolerated taint {gpu: yes}'],
    [{ tolerations: [{ key: 'gpu', value: 'yes' }] }, tainted, 0, undefined],
    [{ tolerations: [{ key: 'gpu', operator: 'Exists' }] }, tainted, 0, undefined],
    [
      { tolerations: [{ key: 'gpu', operator: 'Exists', effect: 'NoExecute' }] },
      tainted,
      0,
      'node(s) had untolerated taint {gpu: yes}',
    ],
    [{ nodeSelector: { disk: 'ssd' } }, node('a'), 0, undefined],
    [{ nodeSelector: { disk: 'hdd' } }, node('a'), 0, selectorMisfit],
    [requires(hdd), node('a'), 0, selectorMisfit],
    [requires(hdd, byName), node('a'), 0, undefined],
    [requires({}), node('a'), 0, selectorMisfit],
  ];
  for (const [spec, there, podsThere, misfit] of rows) {
    const asked = pod('p', { ...spec });
    assert.equal(misfitOf(asked, there, podsThere), misfit, JSON.stringify(spec));
  }
});

async function schedule(cluster: FakeCluster, name: string): Promise<KubeObject> {
  await cluster.reconcile(SCHEDULER, objectKey({ namespace: 'shop', name }));
  return cluster.get(POD, { namespace: 'shop', name });
}

const nodeNameOf = ({ spec }: KubeObject): unknown => fieldsOf(spec)['nodeName'];

test('Pods go where the fewest are, until there is no room', async () => {
  const cluster = new FakeCluster();
  for (const name of ['a', 'b']) cluster.put(NODE, node(name));
  const names: unknown[] = [];
  for (const name of ['p1', 'p2', 'p3', 'p4', 'p5']) {
    cluster.put(POD, pod(name));
    names.push(nodeNameOf(await schedule(cluster, name)));
  }
  assert.deepEqual(names, ['a', 'b', 'a', 'b', undefined]);
  const first = await cluster.get(POD, { namespace: 'shop', name: 'p1' });
  assert.equal(conditionText(first, 'PodScheduled')?.trim(), 'True');
  assert(cluster.events.includes('Scheduled: Successfully assigned shop/p1 to a'));
  const last = await cluster.get(POD, { namespace: 'shop', name: 'p5' });
  assert.equal(conditionText(last, 'PodScheduled'), 'False Unschedulable');
  assert.equal(
    cluster.events.at(-1),
    'FailedScheduling: 0/2 nodes are available: 2 Too many pods.',
  );
});

test('why there is no node is said once, and again when it is for another reason', async () => {
  const cluster = new FakeCluster();
  cluster.put(POD, pod('p1'));
  await schedule(cluster, 'p1');
  await schedule(cluster, 'p1');
  assert.deepEqual(cluster.events, ['FailedScheduling: no nodes available to schedule pods']);
  cluster.put(NODE, node('a', { status: unready }));
  cluster.put(NODE, node('b', { spec: { unschedulable: true } }));
  await schedule(cluster, 'p1');
  assert.equal(
    cluster.events.at(-1),
    'FailedScheduling: 0/2 nodes are available: 1 node(s) were not ready, 1 node(s) were unschedulable.',
  );
  cluster.put(NODE, node('a'));
  assert.equal(nodeNameOf(await schedule(cluster, 'p1')), 'a');
});

test('Pods that run already, or wait for another, are left alone', async () => {
  const cluster = new FakeCluster();
  cluster.put(NODE, node('a'));
  cluster.put(POD, { ...pod('runs'), status: { phase: 'Running' } });
  cluster.put(POD, pod('foreign', { schedulerName: 'mine' }));
  cluster.put(POD, pod('gated', { schedulingGates: [{ name: 'wait' }] }));
  for (const name of ['runs', 'foreign', 'gated', 'missing']) {
    assert.equal(await cluster.reconcile(SCHEDULER, `shop/${name}`), false, name);
  }
});
