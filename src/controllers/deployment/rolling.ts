// How many Pods each ReplicaSet is to have next. Pure arithmetic over what is wanted and what there
// is, step by step, so that no step exceeds the limits. The rules are those of Kubernetes'
// deployment controller (pkg/controller/deployment: rolling.go, sync.go, util/deployment_util.go).
import {
  byAge,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  sum,
  wholeNumber,
  type DeploymentView,
  type ReplicaSetView,
} from './view.ts';

/** ReplicaSet's name → its next size; only those that change. */
export type Sizes = ReadonlyMap<string, number>;

const NO_CHANGE: Sizes = new Map();

/** The size to create the new ReplicaSet with, beside these. */
export function firstSize(deployment: DeploymentView, old: readonly ReplicaSetView[]): number {
  if (deployment.strategy === 'Recreate') return deployment.replicas;
  return Math.max(0, Math.min(deployment.replicas, roomFor(deployment, old)));
}

/** How many Pods may be added in all. */
function roomFor({ replicas, limits }: DeploymentView, all: readonly ReplicaSetView[]): number {
  return replicas + limits.surge - sum(all.map((one) => one.replicas));
}

/** The next step of a rolling update: first the new one grows, then the old ones shrink. */
export function rollingSizes(
  deployment: DeploymentView,
  current: ReplicaSetView,
  old: readonly ReplicaSetView[],
): Sizes {
  const { replicas } = deployment;
  if (current.replicas > replicas) return new Map([[current.name, replicas]]);
  const room = Math.min(roomFor(deployment, [current, ...old]), replicas - current.replicas);
  if (room > 0) return new Map([[current.name, current.replicas + room]]);
  return shrinkOld(deployment, current, old);
}

function shrinkOld(
  { replicas, limits }: DeploymentView,
  current: ReplicaSetView,
  old: readonly ReplicaSetView[],
): Sizes {
  const active = byAge(old).filter((one) => one.replicas > 0);
  if (active.length === 0) return NO_CHANGE;
  const availableMin = replicas - limits.unavailable;
  const total = sum([current, ...active].map((one) => one.replicas));
  const newUnavailable = Math.max(0, current.replicas - current.seen.available);
  // What the new one still lacks may not be taken from the old ones as well.
  const removableMax = total - availableMin - newUnavailable;
  if (removableMax <= 0) return NO_CHANGE;
  const sizes = new Map<string, number>();
  const sizeOf = (one: ReplicaSetView): number => sizes.get(one.name) ?? one.replicas;
  // Those that do not work go first: nothing is lost with them.
  let left = removableMax;
  for (const one of active) {
    const idle = Math.max(0, one.replicas - one.seen.available);
    const cut = Math.min(left, idle);
    if (cut > 0) sizes.set(one.name, one.replicas - cut);
    left -= cut;
  }
  const available = sum([current, ...active].map((one) => one.seen.available));
  left = Math.min(left, available - availableMin);
  for (const one of active) {
    const cut = Math.min(left, sizeOf(one));
    if (cut > 0) sizes.set(one.name, sizeOf(one) - cut);
    left -= Math.max(0, cut);
  }
  return sizes;
}

/** Was the Deployment's number of replicas changed since its ReplicaSets got their sizes? */
export function isScaled({ replicas }: DeploymentView, all: readonly ReplicaSetView[]): boolean {
  return all.some((one) => {
    const desired = wholeNumber(one.object.metadata.annotations?.[DESIRED_REPLICAS]);
    return one.replicas > 0 && desired !== undefined && desired !== replicas;
  });
}

/**
 * The sizes after the Deployment was scaled, or while it is paused. In the middle of a rollout,
 * each ReplicaSet grows or shrinks in proportion, so that the rollout stands where it stood.
 */
export function scaledSizes(
  deployment: DeploymentView,
  current: ReplicaSetView | undefined,
  old: readonly ReplicaSetView[],
): Sizes {
  const { replicas, strategy } = deployment;
  const all = current ? [...old, current] : [...old];
  const active = all.filter((one) => one.replicas > 0);
  const [only, ...others] = active.length === 0 ? latestOf(current, old) : active;
  if (!only) return NO_CHANGE;
  if (others.length === 0) return changed(only, replicas);
  if (current && isSaturated(deployment, current)) {
    return new Map(old.filter((one) => one.replicas > 0).map((one) => [one.name, 0]));
  }
  return strategy === 'RollingUpdate' ? proportionalSizes(deployment, active) : NO_CHANGE;
}

function latestOf(
  current: ReplicaSetView | undefined,
  old: readonly ReplicaSetView[],
): readonly ReplicaSetView[] {
  return current ? [current] : byAge(old).slice(-1);
}

const changed = (one: ReplicaSetView, replicas: number): Sizes =>
  one.replicas === replicas ? NO_CHANGE : new Map([[one.name, replicas]]);

/** The rollout is over: all that is wanted is new, and available. */
function isSaturated({ replicas }: DeploymentView, current: ReplicaSetView): boolean {
  const desired = wholeNumber(current.object.metadata.annotations?.[DESIRED_REPLICAS]);
  return (
    current.replicas === replicas && desired === replicas && current.seen.available === replicas
  );
}

function proportionalSizes(deployment: DeploymentView, active: readonly ReplicaSetView[]): Sizes {
  const { replicas, limits } = deployment;
  const most = replicas > 0 ? replicas + limits.surge : 0;
  const toAdd = most - sum(active.map((one) => one.replicas));
  const inOrder = active.toSorted(
    (a, b) =>
      b.replicas - a.replicas ||
      (toAdd > 0 ? b.createdAtMs - a.createdAtMs : a.createdAtMs - b.createdAtMs) ||
      (a.name < b.name ? -1 : 1),
  );
  let added = 0;
  const sizes = inOrder.map((one) => {
    const share = shareOf(deployment, one, { most, left: toAdd - added });
    added += share;
    return [one, one.replicas + share] as const;
  });
  const leftOver = toAdd - added; // of rounding: to the largest
  return new Map(
    sizes
      .map(
        ([one, size], index) => [one, Math.max(0, index === 0 ? size + leftOver : size)] as const,
      )
      .filter(([one, size]) => size !== one.replicas)
      .map(([one, size]) => [one.name, size]),
  );
}

function shareOf(
  { replicas, object }: DeploymentView,
  one: ReplicaSetView,
  { most, left }: { readonly most: number; readonly left: number },
): number {
  if (replicas === 0) return -one.replicas;
  if (left === 0) return 0;
  const before =
    wholeNumber(one.object.metadata.annotations?.[MAX_REPLICAS]) || replicasSeen(object);
  const share = Math.round((one.replicas * most) / Math.max(1, before)) - one.replicas;
  return left > 0 ? Math.min(share, left) : Math.max(share, left);
}

function replicasSeen({ status }: DeploymentView['object']): number {
  const { replicas } = typeof status === 'object' && status ? { replicas: 0, ...status } : {};
  return typeof replicas === 'number' ? replicas : 0;
}
