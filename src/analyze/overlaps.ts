// Objects that select Pods of their namespace: which select none, and who selects which Pod.
import { POD } from './resource.ts';
import type { Resource } from './resource.ts';
import { labelsOf, selects } from './selectors.ts';
import type { Labels } from './selectors.ts';
import type { Snapshot } from './snapshot.ts';

export function overlaps(
  selecting: readonly Resource[],
  selectorOf: (resource: Resource) => Labels,
  snapshot: Snapshot,
): {
  readonly unmatched: readonly Resource[];
  readonly byPod: ReadonlyMap<Resource, readonly Resource[]>;
} {
  const byPod = new Map<Resource, Resource[]>();
  const unmatched = selecting.filter((resource) => {
    const selector = selectorOf(resource);
    const pods = snapshot
      .of(POD)
      .filter((pod) => pod.namespace === resource.namespace && selects(selector, labelsOf(pod)));
    for (const pod of pods) byPod.set(pod, [...(byPod.get(pod) ?? []), resource]);
    return pods.length === 0;
  });
  return { unmatched, byPod };
}
