// Which node a Pod is to run on: of those it fits, the one with the fewest Pods. What it requests
// of CPU and memory is not counted.
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import type { EventNote } from '#kube/event-recorder.ts';
import { objectKey, type KubeObject } from '#kube/objects.ts';
import { POD } from '#kube/resources.ts';
import { conditionsOf, withCondition, type NewCondition } from '../conditions.ts';
import type { Plan } from '../controller.ts';
import { NOTHING_TO_DO } from '../controller.ts';
import { isDeleting } from '../owners.ts';
import { hasEnded, nodeNameOf, phaseOf } from '../pods.ts';
import type { Write } from '../write.ts';
import { misfitOf } from './fit.ts';

export type SchedulingFacts = {
  readonly pod: KubeObject;
  readonly nodes: readonly KubeObject[];
  /** Of all namespaces. */
  readonly pods: readonly KubeObject[];
};

const SCHEDULER_NAME = 'default-scheduler';

/** Does the Pod wait for this scheduler? One that runs already needs no node. */
export function isWaiting(pod: KubeObject): boolean {
  const spec = fieldsOf(pod.spec);
  const scheduler = textAt(spec, 'schedulerName');
  return (
    nodeNameOf(pod) === '' &&
    phaseOf(pod) === 'Pending' &&
    !isDeleting(pod) &&
    (scheduler === '' || scheduler === SCHEDULER_NAME) &&
    objectsAt(spec, 'schedulingGates').length === 0
  );
}

export function planScheduling({ pod, nodes, pods }: SchedulingFacts, nowMs: number): Plan {
  if (!isWaiting(pod)) return NOTHING_TO_DO;
  const counts = countByNode(pods);
  const countOn = ({ metadata }: KubeObject): number => counts.get(metadata.name) ?? 0;
  const verdicts = nodes.map((node) => ({ node, misfit: misfitOf(pod, node, countOn(node)) }));
  const [best] = verdicts
    .filter(({ misfit }) => misfit === undefined)
    .map(({ node }) => node)
    .toSorted((a, b) => countOn(a) - countOn(b) || (a.metadata.name < b.metadata.name ? -1 : 1));
  if (best) return { writes: planBinding(pod, best.metadata.name) };
  return { writes: planRefusal(pod, renderMisfits(verdicts.map(({ misfit }) => misfit)), nowMs) };
}

function countByNode(pods: readonly KubeObject[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const pod of pods) {
    const name = nodeNameOf(pod);
    if (name !== '' && !hasEnded(pod)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** `0/3 nodes are available: 1 node(s) were not ready, 2 node(s) were unschedulable.` */
function renderMisfits(misfits: readonly (string | undefined)[]): string {
  if (misfits.length === 0) return 'no nodes available to schedule pods';
  const counts = new Map<string, number>();
  for (const misfit of misfits) if (misfit) counts.set(misfit, (counts.get(misfit) ?? 0) + 1);
  const reasons = [...counts].map(([misfit, count]) => `${count} ${misfit}`).toSorted();
  return `0/${misfits.length} nodes are available: ${reasons.join(', ')}.`;
}

/** The API server binds a Pod once: had another scheduler been faster, it would refuse. */
function planBinding(pod: KubeObject, nodeName: string): Write[] {
  const message = `Successfully assigned ${objectKey(pod.metadata)} to ${nodeName}`;
  const note: EventNote = { type: 'Normal', reason: 'Scheduled', message };
  return [{ verb: 'bind', pod, nodeName, report: { type: POD, object: pod, note } }];
}

/** Said once for each reason: the condition is unchanged as long as the reason is. */
function planRefusal(pod: KubeObject, message: string, nowMs: number): Write[] {
  const condition: NewCondition = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message,
  };
  const before = conditionsOf(pod);
  const conditions = withCondition(before, condition, nowMs);
  if (conditions === before) return [];
  const status = { ...fieldsOf(pod.status), conditions };
  const note: EventNote = { type: 'Warning', reason: 'FailedScheduling', message };
  return [
    { verb: 'status', type: POD, object: { ...pod, status } },
    { verb: 'report', report: { type: POD, object: pod, note } },
  ];
}
