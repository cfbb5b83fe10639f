// Sidecars that select nobody, or somebody whom another one selects, too.
import { fieldsOf, textMapOf } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { isAmbientNamespace, isInAmbientMode } from '../in-mesh.ts';
import { message, messageType } from '../message.ts';
import type { Message } from '../message.ts';
import { overlaps } from '../overlaps.ts';
import { at, NAMESPACE, SIDECAR } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { goList, goQuote, renderSelector, selectorPath, specOf } from '../selectors.ts';
import type { Labels } from '../selectors.ts';
import { referencedResourceNotFound } from '../shared-codes.ts';
import type { Snapshot } from '../snapshot.ts';

const conflictingSidecars = messageType({
  code: 'IST0110',
  name: 'ConflictingSidecarWorkloadSelectors',
  level: 'Error',
  says: (names: readonly string[], namespace: string, pod: string) =>
    `The Sidecars ${goList(names)} in namespace ${goQuote(namespace)} select the same ` +
    `workload pod ${goQuote(pod)}, which can lead to undefined behavior.`,
});

const sidecarsWithoutSelector = messageType({
  code: 'IST0111',
  name: 'MultipleSidecarsWithoutWorkloadSelectors',
  level: 'Error',
  says: (names: readonly string[], namespace: string) =>
    `The Sidecars ${goList(names)} in namespace ${goQuote(namespace)} have no workload ` +
    'selector, which can lead to undefined behavior.',
});

const ineffectivePolicy = messageType({
  code: 'IST0167',
  name: 'IneffectivePolicy',
  level: 'Warning',
  says: (reason: string) => `The policy has no impact: ${reason}.`,
});

export const sidecarSelectors: Analyzer = {
  name: 'sidecar.SelectorAnalyzer',
  description:
    'Validates that sidecars that define a workload selector match at least one pod, and that ' +
    "there aren't multiple sidecar resources that select overlapping pods",
  finds: [
    referencedResourceNotFound,
    conflictingSidecars,
    sidecarsWithoutSelector,
    ineffectivePolicy,
  ],
  *run(snapshot) {
    const sidecars = snapshot.of(SIDECAR);
    yield* selecting(sidecars.filter(hasLabels), snapshot);
    const others = sidecars.filter((it) => !hasLabels(it));
    for (const [namespace, group] of Map.groupBy(others, (it) => it.namespace)) {
      yield* ofNamespace(group, snapshot.find(NAMESPACE, '', namespace));
    }
  },
};

const selectorOf = (sidecar: Resource): Labels =>
  textMapOf(fieldsOf(specOf(sidecar)['workloadSelector'])['labels']);

const hasLabels = (sidecar: Resource): boolean => Object.keys(selectorOf(sidecar)).length > 0;

function* selecting(sidecars: readonly Resource[], snapshot: Snapshot): Iterable<Message> {
  const { unmatched, byWorkload } = overlaps(sidecars, selectorOf, snapshot);
  for (const sidecar of unmatched) {
    const selector = selectorOf(sidecar);
    const place = at(sidecar, ...selectorPath(selector, 'spec', 'workloadSelector', 'labels'));
    yield message(referencedResourceNotFound, place, 'selector', renderSelector(selector));
  }
  for (const [pod, group] of byWorkload) {
    const isAmbient = isInAmbientMode(pod);
    if (group.length === 1 && !isAmbient) continue;
    const names = group.map(({ name }) => name).toSorted();
    for (const sidecar of group) {
      if (isAmbient) {
        const reason = 'selected workload is in ambient mode, the policy has no impact';
        yield message(ineffectivePolicy, sidecar, reason);
      } else {
        const place = at(sidecar, 'metadata', 'name');
        yield message(conflictingSidecars, place, names, pod.namespace, pod.name);
      }
    }
  }
}

/** Those for their whole namespace: there may be one. */
function* ofNamespace(
  group: readonly Resource[],
  namespace: Resource | undefined,
): Iterable<Message> {
  const names = group.map(({ name }) => name).toSorted();
  for (const sidecar of group) {
    if (isAmbientNamespace(namespace)) {
      const reason = 'namespace is in ambient mode, the policy has no impact';
      yield message(ineffectivePolicy, sidecar, reason);
    } else if (group.length > 1) {
      yield message(sidecarsWithoutSelector, sidecar, names, sidecar.namespace);
    }
  }
}
