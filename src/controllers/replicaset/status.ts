// What a ReplicaSet's status says of its Pods.
import { isDeepStrictEqual } from 'node:util';
import { fieldsOf, numberAt, textMapOf } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { REPLICA_SET } from '#kube/resources.ts';
import type { Condition } from '../conditions.ts';
import { conditionsOf, withCondition, withoutCondition } from '../conditions.ts';
import { availableInMs, isReady } from '../pods.ts';
import type { Write } from '../write.ts';

export const REPLICA_FAILURE = 'ReplicaFailure';

export type ReplicaSetSight = {
  readonly replicaSet: KubeObject;
  /** Its active Pods. */
  readonly pods: readonly KubeObject[];
  /** There are as many as wanted, so an earlier failure is over. */
  readonly isComplete: boolean;
  readonly nowMs: number;
};

/** The status as it should be. */
export function statusOf(sight: ReplicaSetSight): Readonly<Record<string, unknown>> {
  const { replicaSet, pods, isComplete, nowMs } = sight;
  const spec = fieldsOf(replicaSet.spec);
  const minReadySeconds = numberAt(spec, 'minReadySeconds') ?? 0;
  const wanted = Object.entries(textMapOf(fieldsOf(spec, 'template', 'metadata')['labels']));
  const isFullyLabeled = ({ metadata }: KubeObject): boolean =>
    wanted.every(([name, value]) => metadata.labels?.[name] === value);
  const conditions = conditionsOf(replicaSet);
  return {
    replicas: pods.length,
    fullyLabeledReplicas: pods.filter(isFullyLabeled).length,
    readyReplicas: pods.filter(isReady).length,
    availableReplicas: pods.filter((pod) => availableInMs(pod, minReadySeconds, nowMs) === 0)
      .length,
    observedGeneration: replicaSet.metadata.generation ?? 0,
    ...shown(isComplete ? withoutCondition(conditions, REPLICA_FAILURE) : conditions),
  };
}

const shown = (conditions: readonly Condition[]): { conditions?: readonly Condition[] } =>
  conditions.length === 0 ? {} : { conditions };

/** Nothing when the status says it already. */
export function planStatus(sight: ReplicaSetSight): readonly Write[] {
  const { replicaSet } = sight;
  const status = statusOf(sight);
  if (isDeepStrictEqual(status, { ...ZEROS, ...fieldsOf(replicaSet.status) })) return [];
  return [{ verb: 'status', type: REPLICA_SET, object: { ...replicaSet, status } }];
}

/** Counts that are zero may be left out by the API server. */
const ZEROS = {
  replicas: 0,
  fullyLabeledReplicas: 0,
  readyReplicas: 0,
  availableReplicas: 0,
  observedGeneration: 0,
};

/** Says that Pods cannot be created or deleted, and why. */
export function planFailureStatus(
  sight: ReplicaSetSight,
  failure: { readonly reason: 'FailedCreate' | 'FailedDelete'; readonly message: string },
): readonly Write[] {
  const { replicaSet, nowMs } = sight;
  const condition = { type: REPLICA_FAILURE, status: 'True', ...failure } as const;
  const conditions = withCondition(conditionsOf(replicaSet), condition, nowMs);
  const status = { ...statusOf(sight), conditions };
  return [{ verb: 'status', type: REPLICA_SET, object: { ...replicaSet, status } }];
}
