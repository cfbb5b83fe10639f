// Policies as objects to be edited: what an author wrote, without what the API server adds. Pure.
import { stringify } from 'yaml';
import type { PolicyReference } from '#api/policies.ts';
import type { KubeObject, ObjectMeta } from '#kube/objects.ts';
import { apiVersionOf } from '#kube/resources.ts';
import { policyType } from '#reach/policy-types.ts';

/** Of a copy that is only tried: the name of what it is tried for. */
export const SHADOW_OF = 'isthmus.dev/shadow-of';
/** Istio's way to say: evaluate and count, and refuse nobody. */
const DRY_RUN = 'istio.io/dry-run';
/** What `kubectl apply` notes of the object before; wrong after any other write. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

export const keyOf = ({ kind, namespace, name }: PolicyReference): string =>
  `${kind}/${namespace}/${name}`;

export const shadowName = (name: string): string => `${name}-shadow`;

/** What its author says: kind, name, labels, annotations, spec. */
export function authored(
  object: KubeObject,
  { kind, namespace, name }: PolicyReference,
): KubeObject {
  const { labels, annotations = {} } = object.metadata;
  const kept = Object.entries(annotations).filter(([key]) => key !== LAST_APPLIED);
  const type = policyType(kind);
  return {
    apiVersion: object.apiVersion ?? (type ? apiVersionOf(type) : ''),
    kind,
    metadata: {
      name,
      ...(namespace !== '' && { namespace }),
      ...(labels && Object.keys(labels).length > 0 && { labels }),
      ...(kept.length > 0 && { annotations: Object.fromEntries(kept) }),
    },
    ...(object.spec !== undefined && { spec: object.spec }),
  };
}

export const yamlOf = (object: KubeObject, ref: PolicyReference): string =>
  stringify(authored(object, ref), { lineWidth: 0 });

/** Equal for objects that say the same, whatever the API server notes beside. */
export const fingerprintOf = (object: KubeObject | undefined, ref: PolicyReference): string =>
  object === undefined ? '' : canonicalJson(authored(object, ref));

/** With the fields of every object in one order. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** What its author wishes to try, out of the copy that is tried. */
export function triedOf(copy: KubeObject, ref: PolicyReference): KubeObject {
  const { labels = {}, annotations = {} } = copy.metadata;
  const own = (notes: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(notes).filter(([key]) => key !== SHADOW_OF && key !== DRY_RUN),
    );
  const metadata = { ...copy.metadata, labels: own(labels), annotations: own(annotations) };
  return authored({ ...copy, metadata }, ref);
}

/** The copy that the data plane evaluates beside what is in force. */
export function shadowOf(object: KubeObject, ref: PolicyReference): KubeObject {
  const copy = authored(object, ref);
  const metadata: ObjectMeta = {
    ...copy.metadata,
    name: shadowName(ref.name),
    labels: { ...copy.metadata.labels, [SHADOW_OF]: ref.name },
    annotations: { ...copy.metadata.annotations, [DRY_RUN]: 'true' },
  };
  return { ...copy, metadata };
}
