// A ReplicaSet: so many Pods of one template, no more and no fewer.
// https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/
import { fieldsOf, numberAt } from '#kube/fields.ts';
import { labelMatch } from '#kube/label-selector.ts';
import type { KubeObject } from '#kube/objects.ts';
import { POD, REPLICA_SET } from '#kube/resources.ts';
import type { Plan, PlanContext } from '../controller.ts';
import { isDeleting, planClaim } from '../owners.ts';
import { availableInMs, isActive } from '../pods.ts';
import type { Report, Write } from '../write.ts';
import { podOf } from './pod-of.ts';
import { rankForDeletion } from './ranking.ts';
import { planFailureStatus, planStatus, type ReplicaSetSight } from './status.ts';

export type ReplicaSetFacts = {
  readonly replicaSet: KubeObject;
  /** All Pods of its namespace. */
  readonly pods: readonly KubeObject[];
};

/** So many Pods are created or deleted with one plan; the next follows at once. */
const BURST_MAX = 500;

export function planReplicaSet({ replicaSet, pods }: ReplicaSetFacts, context: PlanContext): Plan {
  const { spec } = replicaSet;
  const { owned, writes: claims } = planClaim({
    owner: replicaSet,
    ownerType: REPLICA_SET,
    matches: labelMatch(fieldsOf(spec)['selector']),
    candidateType: POD,
    candidates: pods.filter(isActive),
  });
  if (claims.length > 0) return { writes: claims }; // their changes bring the next plan
  const wanted = numberAt(fieldsOf(spec), 'replicas') ?? 1;
  const missing = isDeleting(replicaSet) ? 0 : wanted - owned.length;
  const { nowMs } = context;
  const sight = { replicaSet, pods: owned, isComplete: missing === 0, nowMs };
  const minReadySeconds = numberAt(fieldsOf(spec), 'minReadySeconds') ?? 0;
  const waitsMs = owned.flatMap((pod) => availableInMs(pod, minReadySeconds, nowMs) || []);
  return {
    writes: [
      ...planCreations(sight, Math.min(missing, BURST_MAX), context),
      ...planDeletions(sight, Math.min(-missing, BURST_MAX)),
      ...planStatus(sight),
    ],
    ...(waitsMs.length > 0 && { againMs: Math.min(...waitsMs) }),
  };
}

function planCreations(sight: ReplicaSetSight, count: number, { random }: PlanContext): Write[] {
  const { replicaSet } = sight;
  const onRefused = (why: string): readonly Write[] => [
    say(replicaSet, { type: 'Warning', reason: 'FailedCreate', message: `Error creating: ${why}` }),
    ...planFailureStatus(sight, { reason: 'FailedCreate', message: why }),
  ];
  return Array.from({ length: Math.max(0, count) }, () => {
    const object = podOf(replicaSet, random);
    const report = normal(replicaSet, 'SuccessfulCreate', `Created pod: ${object.metadata.name}`);
    return { verb: 'create', type: POD, object, report, onRefused };
  });
}

function planDeletions({ replicaSet, pods }: ReplicaSetSight, count: number): Write[] {
  return rankForDeletion(pods)
    .slice(0, Math.max(0, count))
    .map((object) => {
      const report = normal(replicaSet, 'SuccessfulDelete', `Deleted pod: ${object.metadata.name}`);
      return { verb: 'remove', type: POD, object, report };
    });
}

function say(object: KubeObject, note: Report['note']): Write {
  return { verb: 'report', report: { type: REPLICA_SET, object, note } };
}

function normal(object: KubeObject, reason: string, message: string): Report {
  return { type: REPLICA_SET, object, note: { type: 'Normal', reason, message } };
}
