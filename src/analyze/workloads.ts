// Workloads as policies and subsets see them: Pods and, which Istio's analyzers leave out, virtual
// machines.
import { textMapOf } from '#kube/fields.ts';
import { POD, WORKLOAD_ENTRY } from './resource.ts';
import type { Resource } from './resource.ts';
import { labelsOf, specOf } from './selectors.ts';
import type { Labels } from './selectors.ts';
import type { Snapshot } from './snapshot.ts';

export type Workload = { readonly resource: Resource; readonly labels: Labels };

/** Of a WorkloadEntry its own labels count, and those of the object. */
export const entryLabels = (entry: Resource): Labels => ({
  ...labelsOf(entry),
  ...textMapOf(specOf(entry)['labels']),
});

export function machinesOf(snapshot: Snapshot): readonly Workload[] {
  const entries = snapshot.of(WORKLOAD_ENTRY);
  return entries.map((resource) => ({ resource, labels: entryLabels(resource) }));
}

export function workloadsOf(snapshot: Snapshot): readonly Workload[] {
  const pods = snapshot.of(POD).map((resource) => ({ resource, labels: labelsOf(resource) }));
  return [...pods, ...machinesOf(snapshot)];
}
