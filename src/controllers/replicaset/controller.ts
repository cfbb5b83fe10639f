// When to look at which ReplicaSet.
import { fieldsOf } from '#kube/fields.ts';
import { labelMatch } from '#kube/label-selector.ts';
import { objectKey, type KubeObject } from '#kube/objects.ts';
import { POD, REPLICA_SET } from '#kube/resources.ts';
import { NOTHING_TO_DO, ownKey, type Controller } from '../controller.ts';
import { controllerOf } from '../owners.ts';
import { refOfKey, type Caches } from '../reader.ts';
import { planReplicaSet } from './plan.ts';

export const REPLICA_SET_CONTROLLER: Controller = {
  name: 'replicaset-controller',
  triggers: [
    { type: REPLICA_SET, keysOf: ownKey },
    {
      type: POD,
      keysOf: ({ before, after }, caches) =>
        new Set([before, after].flatMap((pod) => (pod ? ownersOf(pod, caches) : []))),
    },
  ],
  async plan(key, reader, context) {
    const ref = refOfKey(key);
    const replicaSet = await reader.get(REPLICA_SET, ref);
    if (!replicaSet) return NOTHING_TO_DO; // its Pods are the garbage collector's
    return planReplicaSet({ replicaSet, pods: await reader.list(POD, ref.namespace) }, context);
  },
};

/** The ReplicaSet that controls the Pod; for an orphan, those that would adopt it. */
function ownersOf(pod: KubeObject, caches: Caches): string[] {
  const { namespace = '', labels } = pod.metadata;
  const controller = controllerOf(pod);
  if (controller) {
    return controller.kind === REPLICA_SET.kind ? [`${namespace}/${controller.name}`] : [];
  }
  return caches
    .of(REPLICA_SET)
    .list(namespace)
    .filter(({ spec }) => labelMatch(fieldsOf(spec)['selector'])(labels))
    .map(({ metadata }) => objectKey(metadata));
}
