// AuthorizationPolicies that select nobody, or name namespaces that are not there.
import { objectsAt, textsAt, fieldsOf } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { isInAmbientMode, isPodInMesh } from '../in-mesh.ts';
import { message, messageType } from '../message.ts';
import type { Message } from '../message.ts';
import { at, AUTHORIZATION_POLICY, NAMESPACE, POD } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { labelsOf, policySelector, renderSelector, selects, specOf } from '../selectors.ts';
import { referencedResourceNotFound } from '../shared-codes.ts';
import type { Snapshot } from '../snapshot.ts';
import { machinesOf } from '../workloads.ts';
import type { Workload } from '../workloads.ts';

const noMatchingWorkloads = messageType({
  code: 'IST0127',
  name: 'NoMatchingWorkloadsFound',
  level: 'Warning',
  says: (labels: string) =>
    `No matching workloads for this resource with the following labels: ${labels}`,
});

export const authorizationPolicies: Analyzer = {
  name: 'auth.AuthorizationPoliciesAnalyzer',
  description: 'Checks the validity of authorization policies',
  finds: [noMatchingWorkloads, referencedResourceNotFound],
  *run(snapshot) {
    const pods = snapshot.of(POD).filter((it) => isPodInMesh(it, snapshot) || isInAmbientMode(it));
    const inMesh = [
      ...pods.map((resource) => ({ resource, labels: labelsOf(resource) })),
      ...machinesOf(snapshot),
    ];
    for (const policy of snapshot.of(AUTHORIZATION_POLICY)) {
      yield* unmatched(policy, inMesh, snapshot.settings.rootNamespace);
      yield* unknownNamespaces(policy, snapshot);
    }
  },
};

function* unmatched(
  policy: Resource,
  workloads: readonly Workload[],
  rootNamespace: string,
): Iterable<Message> {
  const selector = policySelector(policy);
  const isMeshWide = policy.namespace === rootNamespace;
  if (isMeshWide && selector === undefined) return;
  const isReached = ({ resource, labels }: Workload): boolean =>
    (isMeshWide || resource.namespace === policy.namespace) && selects(selector ?? {}, labels);
  if (workloads.some(isReached)) return;
  yield message(noMatchingWorkloads, policy, renderSelector(selector ?? {}));
}

function* unknownNamespaces(policy: Resource, snapshot: Snapshot): Iterable<Message> {
  const known = snapshot.of(NAMESPACE).map(({ name }) => name);
  for (const [rule, { from }] of objectsAt(specOf(policy), 'rules').entries()) {
    for (const [index, entry] of objectsAt({ from }, 'from').entries()) {
      const source = fieldsOf(entry['source']);
      for (const field of ['namespaces', 'notNamespaces']) {
        for (const [position, name] of textsAt(source, field).entries()) {
          if (known.some((namespace) => isLike(namespace, name))) continue;
          const path = ['spec', 'rules', rule, 'from', index, 'source', field, position];
          yield message(referencedResourceNotFound, at(policy, ...path), 'namespace', name);
        }
      }
    }
  }
}

/** `*` alone, at the beginning or at the end. */
function isLike(namespace: string, pattern: string): boolean {
  if (pattern === '*') return true;
  if (pattern.startsWith('*')) return namespace.endsWith(pattern.slice(1));
  if (pattern.endsWith('*')) return namespace.startsWith(pattern.slice(0, -1));
  return namespace.toLowerCase() === pattern.toLowerCase();
}
