// What a Deployment's status says: counts, and the conditions that `kubectl rollout status` and
// `kubectl wait` read.
// https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status
import { isDeepStrictEqual } from 'node:util';
import { timestamp } from '#kube/event-recorder.ts';
import { fieldsOf, numberAt } from '#kube/fields.ts';
import { DEPLOYMENT } from '#kube/resources.ts';
import {
  conditionOf,
  conditionsOf,
  withoutCondition,
  type Condition,
  type NewCondition,
} from '../conditions.ts';
import { REPLICA_FAILURE } from '../replicaset/status.ts';
import type { Write } from '../write.ts';
import { sum, type DeploymentView, type ReplicaSetView } from './view.ts';

export type DeploymentSight = {
  readonly deployment: DeploymentView;
  readonly current: ReplicaSetView | undefined;
  readonly old: readonly ReplicaSetView[];
  readonly collisions: number;
  readonly nowMs: number;
};

type Counts = {
  readonly replicas: number;
  readonly updatedReplicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
  readonly unavailableReplicas: number;
};

/** Nothing when the status says it already. */
export function planStatus(sight: DeploymentSight): readonly Write[] {
  const { deployment, collisions } = sight;
  const { object } = deployment;
  const status = {
    observedGeneration: object.metadata.generation ?? 0,
    ...countsOf(sight),
    ...(collisions > 0 && { collisionCount: collisions }),
    conditions: conditionsFor(sight),
  };
  if (isDeepStrictEqual(status, { ...ZEROS, ...fieldsOf(object.status) })) return [];
  return [{ verb: 'status', type: DEPLOYMENT, object: { ...object, status } }];
}

/** Counts that are zero may be left out by the API server. */
const ZEROS = {
  observedGeneration: 0,
  replicas: 0,
  updatedReplicas: 0,
  readyReplicas: 0,
  availableReplicas: 0,
  unavailableReplicas: 0,
};

function countsOf({ current, old }: DeploymentSight): Counts {
  const all = current ? [...old, current] : [...old];
  const availableReplicas = sum(all.map(({ seen }) => seen.available));
  const wanted = sum(all.map(({ replicas }) => replicas));
  return {
    replicas: sum(all.map(({ seen }) => seen.replicas)),
    updatedReplicas: current?.seen.replicas ?? 0,
    readyReplicas: sum(all.map(({ seen }) => seen.ready)),
    availableReplicas,
    unavailableReplicas: Math.max(0, wanted - availableReplicas),
  };
}

/** All of the new template, all of it available, and nothing of the old left. */
export function isComplete(sight: DeploymentSight): boolean {
  const { replicas, updatedReplicas, availableReplicas } = countsOf(sight);
  const wanted = sight.deployment.replicas;
  return (
    updatedReplicas === wanted &&
    replicas === wanted &&
    availableReplicas === wanted &&
    sight.current !== undefined &&
    sight.current.replicas === wanted
  );
}

function conditionsFor(sight: DeploymentSight): readonly Condition[] {
  const { deployment, nowMs } = sight;
  let conditions = conditionsOf(deployment.object);
  const set = (next: NewCondition): void => {
    const isRefreshed = next.reason === UPDATED;
    conditions = withDeploymentCondition(conditions, next, { nowMs, isRefreshed });
  };
  set(availabilityOf(sight));
  const progress = progressOf(sight);
  if (progress === 'none') conditions = withoutCondition(conditions, PROGRESSING);
  else if (progress !== 'unchanged') set(progress);
  const failure = failureOf(sight);
  if (failure) set(failure);
  else conditions = withoutCondition(conditions, REPLICA_FAILURE);
  return conditions;
}

/**
 * As Kubernetes does it: the same status for the same reason is not written again, but for
 * progress, whose every step moves the deadline.
 */
function withDeploymentCondition(
  conditions: readonly Condition[],
  next: NewCondition,
  options: { readonly nowMs: number; readonly isRefreshed: boolean },
): readonly Condition[] {
  const before = conditions.find(({ type }) => type === next.type);
  const isSame = before?.status === next.status && before.reason === next.reason;
  if (isSame && before.message === next.message && !options.isRefreshed) return conditions;
  const now = timestamp(options.nowMs);
  const lastTransitionTime = before?.status === next.status ? before.lastTransitionTime : now;
  const changed = { ...next, lastTransitionTime, lastUpdateTime: now };
  if (!before) return [...conditions, changed];
  return conditions.map((one) => (one === before ? changed : one));
}

function availabilityOf(sight: DeploymentSight): NewCondition {
  const { replicas, limits } = sight.deployment;
  const isAvailable = countsOf(sight).availableReplicas >= replicas - limits.unavailable;
  return {
    type: 'Available',
    status: isAvailable ? 'True' : 'False',
    reason: isAvailable ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    message: `Deployment ${isAvailable ? 'has' : 'does not have'} minimum availability.`,
  };
}

const PROGRESSING = 'Progressing';
const PAUSED = 'DeploymentPaused';
const UPDATED = 'ReplicaSetUpdated';
const COMPLETE = 'NewReplicaSetAvailable';
const TIMED_OUT = 'ProgressDeadlineExceeded';

function progressOf(sight: DeploymentSight): NewCondition | 'unchanged' | 'none' {
  const { deployment, current } = sight;
  if (deployment.progressDeadlineSeconds === undefined) return 'none';
  const before = conditionOf(deployment.object, PROGRESSING);
  const say = (status: Condition['status'], reason: string, message: string): NewCondition => ({
    type: PROGRESSING,
    status,
    reason,
    message,
  });
  if (deployment.isPaused) return say('Unknown', PAUSED, 'Deployment is paused');
  if (before?.reason === PAUSED) {
    return say('Unknown', 'DeploymentResumed', 'Deployment is resumed');
  }
  if (!current) return say('True', 'NewReplicaSetCreated', 'A new replica set is being created');
  const name = `ReplicaSet "${current.name}"`;
  if (!before) return say('True', 'FoundNewReplicaSet', `Found new replica set "${current.name}"`);
  // Once a rollout is over it stays so, whatever becomes of its Pods.
  const { replicas, updatedReplicas } = countsOf(sight);
  if (before.reason === COMPLETE && replicas === updatedReplicas) return 'unchanged';
  if (isComplete(sight)) return say('True', COMPLETE, `${name} has successfully progressed.`);
  if (isProgressing(sight)) return say('True', UPDATED, `${name} is progressing.`);
  if (hasTimedOut(sight)) return say('False', TIMED_OUT, `${name} has timed out progressing.`);
  return 'unchanged';
}

/** Has anything moved since the status was written? */
function isProgressing(sight: DeploymentSight): boolean {
  const before = fieldsOf(sight.deployment.object.status);
  const was = (name: keyof Counts): number => numberAt(before, name) ?? 0;
  const now = countsOf(sight);
  return (
    now.updatedReplicas > was('updatedReplicas') ||
    now.replicas - now.updatedReplicas < was('replicas') - was('updatedReplicas') ||
    now.readyReplicas > was('readyReplicas') ||
    now.availableReplicas > was('availableReplicas')
  );
}

function hasTimedOut(sight: DeploymentSight): boolean {
  const before = conditionOf(sight.deployment.object, PROGRESSING);
  if (before?.reason === TIMED_OUT) return true;
  const deadlineMs = deadlineOf(sight);
  return deadlineMs !== undefined && deadlineMs <= sight.nowMs;
}

/** When it counts as stuck, if nothing moves until then. Milliseconds since the Unix epoch. */
export function deadlineOf({ deployment }: DeploymentSight): number | undefined {
  const { progressDeadlineSeconds, isPaused, object } = deployment;
  const before = conditionOf(object, PROGRESSING);
  if (progressDeadlineSeconds === undefined || isPaused || !before) return undefined;
  if (before.reason === COMPLETE || before.reason === TIMED_OUT) return undefined;
  const updatedAtMs = Date.parse(before.lastUpdateTime ?? '');
  return Number.isNaN(updatedAtMs) ? undefined : updatedAtMs + progressDeadlineSeconds * 1000;
}

/** What keeps a ReplicaSet from its Pods, the new one's first: a webhook that is down, a quota. */
function failureOf({ current, old }: DeploymentSight): NewCondition | undefined {
  const failures = [...(current ? [current] : []), ...old].flatMap(
    ({ object }) => conditionOf(object, REPLICA_FAILURE) ?? [],
  );
  const failure = failures.find(({ status }) => status === 'True');
  if (!failure) return undefined;
  const { type, status, reason, message } = failure;
  return { type, status, reason, message };
}
