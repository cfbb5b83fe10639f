// Columns of pods: the state that `kubectl get pods` sums up in one word.
import type { JsonObject, KubeObject } from '../object.ts';
import { isJsonObject, numberAt, objectAt, objectsAt, stringAt } from '../object.ts';
import { AGE, column, NAME, renderAge, text, wide } from './column.ts';
import type { Column } from './column.ts';

export const POD_COLUMNS: readonly Column[] = [
  NAME,
  column('Ready', readyCell, 'The containers that are ready, of how many.'),
  column('Status', (pod) => podStatus(pod), 'The state of the containers in this pod.'),
  column('Restarts', restartsCell, 'How often the containers have been restarted.'),
  AGE,
  wide('IP', (pod) => stringAt(objectAt(pod, 'status'), 'podIP') || '<none>'),
  wide('Node', (pod) => stringAt(objectAt(pod, 'spec'), 'nodeName') || '<none>'),
  wide(
    'Nominated Node',
    (pod) => stringAt(objectAt(pod, 'status'), 'nominatedNodeName') || '<none>',
  ),
  wide('Readiness Gates', gatesCell),
];

function readyCell(pod: KubeObject): string {
  const statuses = objectsAt(objectAt(pod, 'status'), 'containerStatuses');
  const ready = statuses.filter((status) => status['ready'] === true).length;
  return `${ready}/${objectsAt(objectAt(pod, 'spec'), 'containers').length}`;
}

/** In this order: an init container that is not done, a container's trouble, the pod's phase. */
export function podStatus(pod: KubeObject): string {
  const status = objectAt(pod, 'status');
  const phase = stringAt(status, 'reason') || stringAt(status, 'phase') || 'Unknown';
  const state = initState(pod) ?? containerState(objectsAt(status, 'containerStatuses')) ?? phase;
  if (pod.metadata.deletionTimestamp === undefined) return state;
  return stringAt(status, 'reason') === 'NodeLost' ? 'Unknown' : 'Terminating';
}

function initState(pod: KubeObject): string | undefined {
  const statuses = objectsAt(objectAt(pod, 'status'), 'initContainerStatuses');
  const count = objectsAt(objectAt(pod, 'spec'), 'initContainers').length;
  for (const [index, status] of statuses.entries()) {
    const { terminated, waiting } = objectAt(status, 'state');
    if (isJsonObject(terminated)) {
      if (numberAt(terminated, 'exitCode') === 0) continue;
      return `Init:${terminatedReason(terminated)}`;
    }
    const reason = isJsonObject(waiting) ? stringAt(waiting, 'reason') : '';
    if (reason !== '' && reason !== 'PodInitializing') return `Init:${reason}`;
    return `Init:${index}/${count}`;
  }
  return undefined;
}

function containerState(statuses: readonly JsonObject[]): string | undefined {
  let reason: string | undefined;
  let isRunning = false;
  for (const status of statuses.toReversed()) {
    const { waiting, terminated, running } = objectAt(status, 'state');
    if (isJsonObject(waiting) && stringAt(waiting, 'reason') !== '') {
      reason = stringAt(waiting, 'reason');
    } else if (isJsonObject(terminated)) {
      reason = terminatedReason(terminated);
    } else if (isJsonObject(running) && status['ready'] === true) {
      isRunning = true;
    }
  }
  return reason === 'Completed' && isRunning ? 'Running' : reason;
}

function terminatedReason(terminated: JsonObject): string {
  const reason = stringAt(terminated, 'reason');
  if (reason !== '') return reason;
  const signal = numberAt(terminated, 'signal') ?? 0;
  return signal > 0 ? `Signal:${signal}` : `ExitCode:${text(terminated['exitCode'])}`;
}

function restartsCell(pod: KubeObject, nowMs: number): string {
  const statuses = objectsAt(objectAt(pod, 'status'), 'containerStatuses');
  const count = statuses.reduce((sum, status) => sum + (numberAt(status, 'restartCount') ?? 0), 0);
  const ends = statuses
    .map((status) => objectAt(objectAt(status, 'lastState'), 'terminated')['finishedAt'])
    .filter((time) => typeof time === 'string')
    .toSorted();
  const last = ends.at(-1);
  return count > 0 && last !== undefined
    ? `${count} (${renderAge(last, nowMs)} ago)`
    : String(count);
}

function gatesCell(pod: KubeObject): string {
  const gates = objectsAt(objectAt(pod, 'spec'), 'readinessGates');
  if (gates.length === 0) return '<none>';
  const conditions = objectsAt(objectAt(pod, 'status'), 'conditions');
  const open = gates.filter((gate) =>
    conditions.some(
      (condition) => condition['type'] === gate['conditionType'] && condition['status'] === 'True',
    ),
  );
  return `${open.length}/${gates.length}`;
}
