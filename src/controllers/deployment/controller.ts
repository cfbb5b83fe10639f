// When to look at which Deployment.
import { fieldsOf } from '#kube/fields.ts';
import { labelMatch } from '#kube/label-selector.ts';
import { objectKey, type KubeObject } from '#kube/objects.ts';
import { DEPLOYMENT, POD, REPLICA_SET } from '#kube/resources.ts';
import { NOTHING_TO_DO, ownKey, type Controller } from '../controller.ts';
import { controllerOf } from '../owners.ts';
import { refOfKey, type Caches } from '../reader.ts';
import { planDeployment } from './plan.ts';
import { viewDeployment } from './view.ts';

export const DEPLOYMENT_CONTROLLER: Controller = {
  name: 'deployment-controller',
  triggers: [
    { type: DEPLOYMENT, keysOf: ownKey },
    {
      type: REPLICA_SET,
      keysOf: ({ before, after }, caches) =>
        new Set([before, after].flatMap((it) => (it ? ownersOf(it, caches) : []))),
    },
    {
      // Recreate waits for the last Pod to be gone; for all else ReplicaSets count.
      type: POD,
      keysOf: ({ before, after }, caches) => (before && !after ? ownersOfPod(before, caches) : []),
    },
  ],
  async plan(key, reader, { nowMs }) {
    const ref = refOfKey(key);
    const deployment = await reader.get(DEPLOYMENT, ref);
    if (!deployment) return NOTHING_TO_DO; // its ReplicaSets are the garbage collector's
    const replicaSets = await reader.list(REPLICA_SET, ref.namespace);
    const isRecreate = viewDeployment(deployment).strategy === 'Recreate';
    const pods = isRecreate ? await reader.list(POD, ref.namespace) : [];
    return planDeployment({ deployment, replicaSets, pods }, nowMs);
  },
};

/** The Deployment that controls the ReplicaSet; for an orphan, those that would adopt it. */
function ownersOf(replicaSet: KubeObject, caches: Caches): string[] {
  const { namespace = '', labels } = replicaSet.metadata;
  const controller = controllerOf(replicaSet);
  if (controller) {
    return controller.kind === DEPLOYMENT.kind ? [`${namespace}/${controller.name}`] : [];
  }
  return caches
    .of(DEPLOYMENT)
    .list(namespace)
    .filter(({ spec }) => labelMatch(fieldsOf(spec)['selector'])(labels))
    .map(({ metadata }) => objectKey(metadata));
}

function ownersOfPod(pod: KubeObject, caches: Caches): string[] {
  const { namespace = '' } = pod.metadata;
  const controller = controllerOf(pod);
  if (controller?.kind !== REPLICA_SET.kind) return [];
  const replicaSet = caches.of(REPLICA_SET).get({ namespace, name: controller.name });
  return replicaSet ? ownersOf(replicaSet, caches) : [];
}
