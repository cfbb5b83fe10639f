// When to look for a node for which Pod.
import { isDeepStrictEqual } from 'node:util';
import { fieldsOf } from '#kube/fields.ts';
import { objectKey, type KubeObject } from '#kube/objects.ts';
import { NODE, POD } from '#kube/resources.ts';
import { conditionOf } from '../conditions.ts';
import { NOTHING_TO_DO, type Controller } from '../controller.ts';
import { hasEnded, nodeNameOf } from '../pods.ts';
import { refOfKey, type Caches } from '../reader.ts';
import { isWaiting, planScheduling } from './plan.ts';

export const SCHEDULER: Controller = {
  name: 'default-scheduler',
  triggers: [
    {
      type: POD,
      keysOf: ({ before, after }, caches) => {
        if (after && isWaiting(after)) return [objectKey(after.metadata)];
        const isRoomMade = before && nodeNameOf(before) !== '' && (!after || hasEnded(after));
        return isRoomMade && !hasEnded(before) ? waitingPods(caches) : [];
      },
    },
    {
      type: NODE,
      keysOf: ({ before, after }, caches) =>
        isDeepStrictEqual(before && offerOf(before), after && offerOf(after))
          ? []
          : waitingPods(caches),
    },
  ],
  async plan(key, reader, { nowMs }) {
    const pod = await reader.get(POD, refOfKey(key));
    if (!pod || !isWaiting(pod)) return NOTHING_TO_DO;
    const [nodes, pods] = await Promise.all([reader.list(NODE), reader.list(POD)]);
    return planScheduling({ pod, nodes, pods }, nowMs);
  },
};

function waitingPods(caches: Caches): string[] {
  return caches
    .of(POD)
    .list()
    .filter(isWaiting)
    .map(({ metadata }) => objectKey(metadata));
}

/** What of a node decides who may run there; its heartbeats change none of it. */
function offerOf(node: KubeObject) {
  const { unschedulable = false, taints = [] } = fieldsOf(node.spec);
  return {
    labels: node.metadata.labels ?? {},
    unschedulable,
    taints,
    isReady: conditionOf(node, 'Ready')?.status,
    allocatable: fieldsOf(node.status, 'allocatable'),
  };
}
