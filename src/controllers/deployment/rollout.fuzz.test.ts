// Rollouts from any start, with Pods that become ready and fail at any time: never more Pods than
// allowed, never fewer available than promised for want of patience, and in the end what was asked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { fuzz } from '../../../test/fuzz/harness.ts';
import { fieldsOf, numberAt, objectsAt, textAt } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { DEPLOYMENT, REPLICA_SET } from '#kube/resources.ts';
import { deployment, FakeWorkloads, template } from '../fake-workloads.ts';
import { isActive, isReady } from '../pods.ts';

const RUNS = 150;
const IMAGES = ['web:1', 'web:2', 'web:3'];

type Step =
  | { readonly kind: 'pass' }
  | { readonly kind: 'ready'; readonly index: number; readonly isReady: boolean }
  | { readonly kind: 'image'; readonly image: string };

const limit = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constantFrom('25%', '50%', '0%', '100%'));
const steps = fc.array(
  fc.oneof<fc.Arbitrary<Step>[]>(
    fc.constant({ kind: 'pass' }),
    fc.record({ kind: fc.constant('ready'), index: fc.nat(20), isReady: fc.boolean() }),
    fc.record({ kind: fc.constant('ready'), index: fc.nat(20), isReady: fc.constant(true) }),
    fc.record({ kind: fc.constant('image'), image: fc.constantFrom(...IMAGES) }),
  ),
  { maxLength: 40 },
);
const worlds = fc.record({
  replicas: fc.integer({ min: 0, max: 8 }),
  maxSurge: limit,
  maxUnavailable: limit,
  before: fc.integer({ min: 0, max: 8 }),
  steps,
});

const imageOf = ({ spec }: KubeObject): string =>
  textAt(objectsAt(fieldsOf(spec), 'containers')[0] ?? {}, 'image');
const share = (value: number | string, whole: number, round: (it: number) => number): number =>
  typeof value === 'number' ? value : round((Number.parseInt(value, 10) * whole) / 100);

test('a rollout keeps its limits and comes to its end', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, async ({ replicas, maxSurge, maxUnavailable, before, steps }) => {
      const cluster = new FakeWorkloads();
      const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } };
      cluster.put(DEPLOYMENT, deployment({ replicas: before, strategy }));
      await cluster.settle();
      await cluster.change({ replicas });
      const surge = share(maxSurge, replicas, Math.ceil);
      const unavailable = share(maxUnavailable, replicas, Math.floor);
      const most = Math.max(before, replicas + surge);
      const least = replicas - (surge + unavailable === 0 ? 1 : unavailable);
      for (const step of steps) {
        const available = cluster.pods.filter(isReady).length;
        await take(cluster, step);
        const active = cluster.pods.filter(isActive).length;
        assert(active <= most, `${active} Pods, ${most} allowed`);
        if (step.kind !== 'pass') continue;
        const now = cluster.pods.filter(isReady).length;
        assert(now >= Math.min(available, least), `${now} available, ${least} promised`);
      }
      await cluster.settle();
      const wanted = objectsAt(fieldsOf(cluster.deployment.spec, 'template', 'spec'), 'containers');
      assert.equal(cluster.pods.length, replicas);
      for (const pod of cluster.pods) assert.equal(imageOf(pod), wanted[0]?.['image']);
      assert(cluster.objects(REPLICA_SET).length <= IMAGES.length, 'one for each template');
      assert.equal(numberAt(fieldsOf(cluster.deployment.status), 'availableReplicas'), replicas);
    }),
    fuzz(RUNS),
  );
});

async function take(cluster: FakeWorkloads, step: Step): Promise<void> {
  switch (step.kind) {
    case 'pass':
      await cluster.pass();
      break;
    case 'image':
      await cluster.change({ template: template(step.image) });
      break;
    case 'ready': {
      const pod = cluster.pods[step.index % Math.max(1, cluster.pods.length)];
      if (pod) cluster.setReady(pod, step.isReady);
    }
  }
}
