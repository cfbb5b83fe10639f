// Objects that select workloads of their namespace: which select none, and who selects which.
import type { Resource } from './resource.ts';
import { selects } from './selectors.ts';
import type { Labels } from './selectors.ts';
import type { Snapshot } from './snapshot.ts';
import { workloadsOf } from './workloads.ts';

export function overlaps(
  selecting: readonly Resource[],
  selectorOf: (resource: Resource) => Labels,
  snapshot: Snapshot,
): {
  readonly unmatched: readonly Resource[];
  readonly byWorkload: ReadonlyMap<Resource, readonly Resource[]>;
} {
  const byWorkload = new Map<Resource, Resource[]>();
  const workloads = workloadsOf(snapshot);
  const unmatched = selecting.filter((resource) => {
    const chosen = workloads.filter(
      (it) =>
        it.resource.namespace === resource.namespace && selects(selectorOf(resource), it.labels),
    );
    for (const { resource: workload } of chosen) {
      byWorkload.set(workload, [...(byWorkload.get(workload) ?? []), resource]);
    }
    return chosen.length === 0;
  });
  return { unmatched, byWorkload };
}
