// A Deployment and its ReplicaSets as the planners see them: checked numbers instead of fields.
import { fieldsOf, numberAt, textAt, type Fields } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';

export const REVISION = 'deployment.kubernetes.io/revision';
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
/** What the ReplicaSet's size was a share of, when the Deployment was last scaled. */
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';

export type DeploymentView = {
  readonly object: KubeObject;
  readonly replicas: number;
  readonly strategy: 'RollingUpdate' | 'Recreate';
  readonly limits: RolloutLimits;
  readonly isPaused: boolean;
  readonly minReadySeconds: number;
  readonly revisionHistoryLimit: number;
  /** Undefined: it may take as long as it takes. */
  readonly progressDeadlineSeconds: number | undefined;
  /** How often a template's hash met another template's ReplicaSet. */
  readonly collisions: number;
};

/** How many Pods more than wanted, and how many fewer, there may be during a rolling update. */
export type RolloutLimits = { readonly surge: number; readonly unavailable: number };

export type ReplicaSetView = {
  readonly object: KubeObject;
  readonly name: string;
  readonly createdAtMs: number;
  /** How many are wanted of it. */
  readonly replicas: number;
  /** How many there are, and how many of them are ready and available, as it says. */
  readonly seen: { readonly replicas: number; readonly ready: number; readonly available: number };
  /** Does its status speak of its present spec? */
  readonly isObserved: boolean;
  /** 0 when it has none yet. */
  readonly revision: number;
};

/** Of Recreate, which rolls nothing: it is available when all of it is, as in Kubernetes. */
const NO_LIMITS: RolloutLimits = { surge: 0, unavailable: 0 };
/** INT32_MAX stands for no deadline in the API. */
const NO_DEADLINE_SECONDS = 2_147_483_647;

export function viewDeployment(object: KubeObject): DeploymentView {
  const spec = fieldsOf(object.spec);
  const replicas = numberAt(spec, 'replicas') ?? 1;
  const deadline = numberAt(spec, 'progressDeadlineSeconds') ?? NO_DEADLINE_SECONDS;
  const isRecreate = textAt(fieldsOf(spec, 'strategy'), 'type') === 'Recreate';
  return {
    object,
    replicas,
    strategy: isRecreate ? 'Recreate' : 'RollingUpdate',
    limits: isRecreate
      ? NO_LIMITS
      : limitsOf(fieldsOf(spec, 'strategy', 'rollingUpdate'), replicas),
    isPaused: spec['paused'] === true,
    minReadySeconds: numberAt(spec, 'minReadySeconds') ?? 0,
    revisionHistoryLimit: numberAt(spec, 'revisionHistoryLimit') ?? 10,
    progressDeadlineSeconds: deadline === NO_DEADLINE_SECONDS ? undefined : deadline,
    collisions: numberAt(fieldsOf(object.status), 'collisionCount') ?? 0,
  };
}

/**
 * Shares are rounded in the favour of progress and of being available. Both 0 would let nothing
 * move; then one may be missing.
 */
function limitsOf(rolling: Fields, replicas: number): RolloutLimits {
  const surge = shareOf(rolling['maxSurge'] ?? '25%', replicas, Math.ceil);
  const unavailable = shareOf(rolling['maxUnavailable'] ?? '25%', replicas, Math.floor);
  const isStuck = surge === 0 && unavailable === 0;
  return { surge, unavailable: isStuck ? 1 : Math.min(unavailable, replicas) };
}

/** A number, or a percentage of `whole`. */
function shareOf(value: unknown, whole: number, round: (share: number) => number): number {
  if (typeof value === 'number') return Math.max(0, value);
  const [, percent] = /^(\d{1,3})%$/.exec(typeof value === 'string' ? value : '') ?? [];
  return percent === undefined ? 0 : round((Number(percent) * whole) / 100);
}

export function viewReplicaSet(object: KubeObject): ReplicaSetView {
  const { name, creationTimestamp, generation = 0 } = object.metadata;
  const status = fieldsOf(object.status);
  return {
    object,
    name,
    createdAtMs: Date.parse(creationTimestamp ?? '') || 0,
    replicas: numberAt(fieldsOf(object.spec), 'replicas') ?? 1,
    seen: {
      replicas: numberAt(status, 'replicas') ?? 0,
      ready: numberAt(status, 'readyReplicas') ?? 0,
      available: numberAt(status, 'availableReplicas') ?? 0,
    },
    isObserved: (numberAt(status, 'observedGeneration') ?? 0) >= generation,
    revision: wholeNumber(object.metadata.annotations?.[REVISION]) ?? 0,
  };
}

export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

export const sum = (numbers: readonly number[]): number =>
  numbers.reduce((total, one) => total + one, 0);

/** Oldest first; equal ones by name. */
export function byAge(sets: readonly ReplicaSetView[]): readonly ReplicaSetView[] {
  return sets.toSorted((a, b) => a.createdAtMs - b.createdAtMs || (a.name < b.name ? -1 : 1));
}
