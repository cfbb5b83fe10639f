// Which Pods go first when there are too many: those that do least.
// https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#scaling-a-replicaset
import { fieldsOf, numberAt, objectsAt } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { isReady, nodeNameOf, phaseOf, readySinceMs } from '../pods.ts';

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const PHASE_RANKS: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** The same Pods, those to delete first at the front; equal ones by name. */
export function rankForDeletion(pods: readonly KubeObject[]): readonly KubeObject[] {
  const crowds = new Map<string, number>();
  for (const pod of pods) {
    const node = nodeNameOf(pod);
    crowds.set(node, (crowds.get(node) ?? 0) + 1);
  }
  const rankOf = (pod: KubeObject): readonly number[] => [
    nodeNameOf(pod) === '' ? 0 : 1,
    PHASE_RANKS[phaseOf(pod)] ?? 0,
    isReady(pod) ? 1 : 0,
    deletionCostOf(pod),
    -(crowds.get(nodeNameOf(pod)) ?? 0), // from where there are most
    -(readySinceMs(pod) ?? 0), // the longest ready stay
    -restartsOf(pod),
    -Date.parse(pod.metadata.creationTimestamp ?? '') || 0, // the oldest stay
  ];
  return pods
    .map((pod) => ({ pod, rank: rankOf(pod) }))
    .toSorted(
      (a, b) => compare(a.rank, b.rank) || (a.pod.metadata.name < b.pod.metadata.name ? -1 : 1),
    )
    .map(({ pod }) => pod);
}

function compare(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, at) => value !== b[at]);
  return index === -1 ? 0 : (a[index] ?? 0) - (b[index] ?? 0);
}

function deletionCostOf({ metadata }: KubeObject): number {
  const text = metadata.annotations?.[DELETION_COST] ?? '0';
  return /^-?\d{1,10}$/.test(text) ? Number(text) : 0;
}

function restartsOf({ status }: KubeObject): number {
  const counts = objectsAt(fieldsOf(status), 'containerStatuses').map(
    (container) => numberAt(container, 'restartCount') ?? 0,
  );
  return Math.max(0, ...counts);
}
