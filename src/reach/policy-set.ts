// A set of policy objects as the mesh would have them, if these were all: selection, scope and
// precedence are the model's own.
import type { MtlsMode } from '#istio/peerauthentication/peer-authentication.ts';
import type { KubeObject } from '#kube/objects.ts';
import {
  AUTHORIZATION_POLICY,
  PEER_AUTHENTICATION,
  REQUEST_AUTHENTICATION,
} from '#kube/resources.ts';
import type { ResourceType } from '#kube/resources.ts';
import { createMesh } from '#model/mesh.ts';
import type { Mesh, WorkloadAuthorization } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';

/** The kinds that decide who may do what, or by what encryption. */
export const POLICY_TYPES: readonly ResourceType[] = [
  AUTHORIZATION_POLICY,
  PEER_AUTHENTICATION,
  REQUEST_AUTHENTICATION,
];

export const policyType = (kind: string): ResourceType | undefined =>
  POLICY_TYPES.find((type) => type.kind === kind);

export type PolicySet = {
  readonly authorization: (workload: Workload) => WorkloadAuthorization;
  readonly mtlsMode: (workload: Workload, port: number) => MtlsMode;
  /** Does a RequestAuthentication ask for tokens? By its rules, as text; empty: none does. */
  readonly tokens: (workload: Workload) => string;
};

/** @param mesh whose settings hold */
export function policySet(mesh: Mesh, objects: Iterable<KubeObject>): PolicySet {
  const own = createMesh({ defaults: mesh.config() });
  for (const object of objects) {
    const type = policyType(object.kind ?? '');
    if (type) own.ingest(type, object, 'applied');
  }
  own.commit();
  return {
    authorization: (workload) => own.authorization(workload),
    mtlsMode: (workload, port) => own.mtlsMode(workload, port),
    tokens: (workload) => JSON.stringify(own.requestAuthentications.jwtRules(workload)),
  };
}

export type PolicyChange = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** undefined: it is to be deleted. */
  readonly object: KubeObject | undefined;
};

/** The objects as they would be after the change. */
export function changed(
  objects: readonly KubeObject[],
  { kind, namespace, name, object }: PolicyChange,
): readonly KubeObject[] {
  const others = objects.filter(
    (one) =>
      one.kind !== kind || one.metadata.namespace !== namespace || one.metadata.name !== name,
  );
  if (object === undefined) return others;
  return [...others, { ...object, metadata: { ...object.metadata, namespace, name } }];
}
