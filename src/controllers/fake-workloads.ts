// Deployments and the nodes that run their Pods, for tests.
import { timestamp } from '#kube/event-recorder.ts';
import { objectKey, type KubeObject } from '#kube/objects.ts';
import { DEPLOYMENT, POD, REPLICA_SET } from '#kube/resources.ts';
import { DEPLOYMENT_CONTROLLER } from './deployment/controller.ts';
import { FakeCluster } from './fake-cluster.ts';
import { isActive, isReady } from './pods.ts';
import { REPLICA_SET_CONTROLLER } from './replicaset/controller.ts';

export const template = (image: string) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image }] },
});

export function deployment(spec: Readonly<Record<string, unknown>> = {}): KubeObject {
  return {
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'web' } },
      template: template('web:1'),
      progressDeadlineSeconds: 600,
      ...spec,
    },
  };
}

export class FakeWorkloads extends FakeCluster {
  get deployment(): KubeObject {
    const [found] = this.objects(DEPLOYMENT);
    if (!found) throw new Error('there is no Deployment');
    return found;
  }

  get pods(): readonly KubeObject[] {
    return this.objects(POD);
  }

  /** Changes the Deployment's spec as a user would. */
  async change(spec: Readonly<Record<string, unknown>>): Promise<void> {
    await this.patch(DEPLOYMENT, this.deployment.metadata, { spec }, { kind: 'merge' });
  }

  /** One look at everything, each once. @returns whether anything was written */
  async pass(): Promise<boolean> {
    const deployments = this.objects(DEPLOYMENT).map(async ({ metadata }) =>
      this.reconcile(DEPLOYMENT_CONTROLLER, objectKey(metadata)),
    );
    const written = await Promise.all(deployments);
    for (const { metadata } of this.objects(REPLICA_SET)) {
      written.push(await this.reconcile(REPLICA_SET_CONTROLLER, objectKey(metadata)));
    }
    return written.includes(true);
  }

  /** A node's word on a Pod. */
  setReady(pod: KubeObject, isReadyNow: boolean): void {
    const condition = {
      type: 'Ready',
      status: isReadyNow ? 'True' : 'False',
      lastTransitionTime: timestamp(this.nowMs),
    };
    this.put(POD, { ...pod, status: { phase: 'Running', conditions: [condition] } });
  }

  /** Until nothing is left to do; every Pod becomes ready as soon as it is there. */
  async settle(): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const unready = this.pods.filter((pod) => isActive(pod) && !isReady(pod));
      for (const pod of unready) this.setReady(pod, true);
      if (!(await this.pass()) && unready.length === 0) return;
    }
    throw new Error(`not settled after ${ROUNDS_MAX} rounds`);
  }
}

const ROUNDS_MAX = 100;
