// How a Deployment's decisions become writes to its ReplicaSets and to itself.
import type { EventNote } from '#kube/event-recorder.ts';
import { fieldsOf } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { DEPLOYMENT, REPLICA_SET } from '#kube/resources.ts';
import type { Report, Write } from '../write.ts';
import { hasAnnotations, nextRevision, revisionAnnotations } from './revision.ts';
import type { Sizes } from './rolling.ts';
import type { DeploymentSight } from './status.ts';
import {
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  REVISION,
  type DeploymentView,
  type ReplicaSetView,
} from './view.ts';

/** What a ReplicaSet's size is a share of. */
export const sizeAnnotations = ({ replicas, limits }: DeploymentView) => ({
  [DESIRED_REPLICAS]: `${replicas}`,
  [MAX_REPLICAS]: `${replicas + limits.surge}`,
});

/** @param options.isScaling every active ReplicaSet is told of the Deployment's new size */
export function sizeWrites(
  { deployment, current, old }: DeploymentSight,
  sizes: Sizes,
  { isScaling = false }: { readonly isScaling?: boolean } = {},
): readonly Write[] {
  const annotations = sizeAnnotations(deployment);
  return [...old, ...(current ? [current] : [])].flatMap((one): Write[] => {
    const after = sizes.get(one.name) ?? one.replicas;
    const isToBeTold = isScaling && after > 0 && !hasAnnotations(one.object, annotations);
    if (after === one.replicas && !isToBeTold) return [];
    const { name, namespace, resourceVersion } = one.object.metadata;
    const patch = { metadata: { resourceVersion, annotations }, spec: { replicas: after } };
    const write = { verb: 'patch', type: REPLICA_SET, ref: { name, namespace }, patch } as const;
    if (after === one.replicas) return [write];
    const change = { name, before: one.replicas, after };
    return [{ ...write, report: scalingReport(deployment.object, change) }];
  });
}

/** Keeps the numbers of revisions, and what a ReplicaSet takes over from its Deployment. */
export function revisionWrites(
  { object, minReadySeconds }: DeploymentView,
  old: readonly ReplicaSetView[],
  current: ReplicaSetView,
): readonly Write[] {
  const annotations = revisionAnnotations(object, current, nextRevision(old));
  const own = { [REVISION]: annotations[REVISION] ?? '' };
  const minReadyNow = fieldsOf(current.object.spec)['minReadySeconds'] ?? 0;
  const isCurrentTold = hasAnnotations(current.object, annotations);
  return [
    ...(isCurrentTold && minReadyNow === minReadySeconds
      ? []
      : [patchOf(REPLICA_SET, current.object, { annotations, spec: { minReadySeconds } })]),
    ...(hasAnnotations(object, own) ? [] : [patchOf(DEPLOYMENT, object, { annotations: own })]),
  ];
}

/** What it sets depends on no other field: the object must only be the same one still. */
function patchOf(
  type: typeof DEPLOYMENT,
  { metadata }: KubeObject,
  change: { readonly annotations: Readonly<Record<string, string>>; readonly spec?: object },
): Write {
  const { name, namespace, uid } = metadata;
  const { annotations, spec } = change;
  const patch = { metadata: { uid, annotations }, ...(spec && { spec }) };
  return { verb: 'patch', type, ref: { name, namespace }, patch };
}

export function scalingReport(
  deployment: KubeObject,
  change: { readonly name: string; readonly before: number; readonly after: number },
): Report {
  const { name, before, after } = change;
  const direction = after > before ? 'up' : 'down';
  const message = `Scaled ${direction} replica set ${name} from ${before} to ${after}`;
  return report(deployment, { type: 'Normal', reason: 'ScalingReplicaSet', message });
}

export const report = (object: KubeObject, note: EventNote): Report => ({
  type: DEPLOYMENT,
  object,
  note,
});
