// Who controls an object: ownerReferences, and how a controller gets its objects and lets them go.
// https://kubernetes.io/docs/concepts/architecture/garbage-collection/#owners-dependents
import type { LabelMatch } from '#kube/label-selector.ts';
import type { KubeObject, OwnerReference } from '#kube/objects.ts';
import { apiVersionOf, type ResourceType } from '#kube/resources.ts';
import type { Write } from './write.ts';

/** The one owner that manages the object, if any does. */
export function controllerOf({ metadata }: KubeObject): OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true);
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  const uid = controllerOf(object)?.uid;
  return uid !== undefined && uid === owner.metadata.uid;
}

export function controllerReference(type: ResourceType, { metadata }: KubeObject): OwnerReference {
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    name: metadata.name,
    uid: metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

export const isDeleting = ({ metadata }: KubeObject): boolean =>
  metadata.deletionTimestamp !== undefined;

export type Claim = {
  /** Controlled and selected: what the controller works with. */
  readonly owned: readonly KubeObject[];
  /** Orphans to adopt, and objects to let go whose labels were changed. */
  readonly writes: readonly Write[];
};

/**
 * Who of the candidates (objects of its namespace) is the owner's. Objects that another controls
 * are left alone, whatever their labels; one who is being deleted takes nobody in.
 */
export function planClaim(options: {
  readonly owner: KubeObject;
  readonly ownerType: ResourceType;
  readonly matches: LabelMatch;
  readonly candidateType: ResourceType;
  readonly candidates: readonly KubeObject[];
}): Claim {
  const { owner, ownerType, matches, candidateType, candidates } = options;
  const owned: KubeObject[] = [];
  const writes: Write[] = [];
  const setOwners = (object: KubeObject, ownerReferences: readonly OwnerReference[]): void => {
    const { name, namespace, resourceVersion } = object.metadata;
    const patch = { metadata: { resourceVersion, ownerReferences } };
    writes.push({ verb: 'patch', type: candidateType, ref: { name, namespace }, patch });
  };
  for (const candidate of candidates) {
    const isMatch = matches(candidate.metadata.labels);
    const controller = controllerOf(candidate);
    const owners = candidate.metadata.ownerReferences ?? [];
    if (controller && controller.uid !== owner.metadata.uid) continue;
    if (controller && isMatch) owned.push(candidate);
    else if (isDeleting(owner) || isDeleting(candidate)) continue;
    else if (controller)
      setOwners(
        candidate,
        owners.filter(({ uid }) => uid !== controller.uid),
      );
    else if (isMatch) setOwners(candidate, [...owners, controllerReference(ownerType, owner)]);
  }
  return { owned, writes };
}
