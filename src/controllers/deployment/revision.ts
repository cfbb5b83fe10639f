// Revisions: every template that a Deployment had has a number, kept by its ReplicaSet, so that
// `kubectl rollout history` and `undo` find it.
import type { KubeObject } from '#kube/objects.ts';
import {
  byAge,
  REVISION,
  REVISION_HISTORY,
  wholeNumber,
  type DeploymentView,
  type ReplicaSetView,
} from './view.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** Annotations of a Deployment that mean nothing on its ReplicaSets, or something of their own. */
const OWN_PREFIX = 'deployment.kubernetes.io/';

type Annotations = Readonly<Record<string, string>>;

/** The number of the current template: one more than any other has. */
export function nextRevision(old: readonly ReplicaSetView[]): number {
  return Math.max(0, ...old.map(({ revision }) => revision)) + 1;
}

/** What the ReplicaSet of the current template is annotated with, besides its sizes. */
export function revisionAnnotations(
  deployment: KubeObject,
  current: ReplicaSetView | undefined,
  revision: number,
): Annotations {
  const copied = Object.entries(deployment.metadata.annotations ?? {}).filter(
    ([name]) => name !== LAST_APPLIED && !name.startsWith(OWN_PREFIX),
  );
  // A template that comes back (`rollout undo`) gets a new number and remembers its old ones.
  const isReturning = current !== undefined && 0 < current.revision && current.revision < revision;
  const history = current?.object.metadata.annotations?.[REVISION_HISTORY];
  const numbers = [...(history ? [history] : []), ...(isReturning ? [`${current.revision}`] : [])];
  return {
    ...Object.fromEntries(copied),
    [REVISION]: `${Math.max(revision, current?.revision ?? 0)}`,
    ...(numbers.length > 0 && { [REVISION_HISTORY]: numbers.join(',') }),
  };
}

/** Does the object say all this already? */
export function hasAnnotations({ metadata }: KubeObject, wanted: Annotations): boolean {
  return Object.entries(wanted).every(([name, text]) => metadata.annotations?.[name] === text);
}

/** The oldest of the empty ReplicaSets, beyond those that are kept for `rollout undo`. */
export function expiredSets(
  { revisionHistoryLimit }: DeploymentView,
  old: readonly ReplicaSetView[],
): readonly ReplicaSetView[] {
  const isDeleted = ({ object }: ReplicaSetView): boolean =>
    object.metadata.deletionTimestamp !== undefined;
  const kept = byAge(old.filter((one) => !isDeleted(one))).toSorted(
    (a, b) => a.revision - b.revision,
  );
  return kept
    .slice(0, Math.max(0, kept.length - revisionHistoryLimit))
    .filter(
      ({ replicas, seen, isObserved }) => replicas === 0 && seen.replicas === 0 && isObserved,
    );
}

export const revisionOf = ({ metadata }: KubeObject): number | undefined =>
  wholeNumber(metadata.annotations?.[REVISION]);
