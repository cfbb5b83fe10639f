// The mesh as data: Kubernetes objects in, and what they mean together out.
//
// Everything that is read here, through a collection or a function, is tracked inside of a
// derivation of the same graph: whatever is made of it is made again when it changes, not before.
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import type { Violation } from '#istio/object.ts';
import type { MtlsMode } from '#istio/peerauthentication/peer-authentication.ts';
import type { KubeObject } from '#kube/objects.ts';
import type { ResourceType } from '#kube/resources.ts';
import type { Collection } from './collection.ts';
import type { Graph } from './graph.ts';
import type { MeshService, ServiceEndpoints } from './service.ts';
import type { InboundPort, Workload } from './workload.ts';

/** The one meaning of an address for the clients of a namespace. */
export type AddressOwner =
  /** An address of the service: any of its endpoints. */
  | { readonly kind: 'service'; readonly service: MeshService }
  /** The address of one endpoint of a service without an address of its own. */
  | { readonly kind: 'endpoint'; readonly service: MeshService; readonly address: string }
  /** The address of a Pod or a WorkloadEntry for which no such service speaks. */
  | { readonly kind: 'workload'; readonly workload: Workload }
  | { readonly kind: 'node'; readonly name: string };

/** The policies that govern a workload, each list by namespace (root first), then name. */
export type WorkloadAuthorization = {
  readonly allow: readonly AuthorizationPolicy[];
  readonly deny: readonly AuthorizationPolicy[];
  readonly audit: readonly AuthorizationPolicy[];
  readonly custom: readonly AuthorizationPolicy[];
};

/** What a proxy captures: everything in the ranges, and single addresses outside of them. */
export type MeshAddresses = {
  /** Canonical CIDRs, sorted, none within another. */
  readonly ranges: readonly string[];
  /** Canonical addresses and CIDRs outside of the ranges, sorted. */
  readonly addresses: readonly string[];
};

/** An object that is not in force as written. */
export type Rejection = {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly name: string;
  readonly violations: readonly Violation[];
  /** Is an earlier form of the object in force still? */
  readonly hasLastGood: boolean;
};

export type Mesh = {
  readonly graph: Graph;
  /** By `namespace/host`. */
  readonly services: Collection<MeshService>;
  /** By `namespace/host`: what stands behind each service. */
  readonly endpoints: Collection<ServiceEndpoints>;
  /** By `Pod/namespace/name` and `WorkloadEntry/namespace/name`. */
  readonly workloads: Collection<Workload>;
  /** By `<plural>.<group>/<namespace>/<name>`: objects that were refused as they are now. */
  readonly rejections: Collection<Rejection>;

  /** The mesh's settings; Istio's defaults where there are none. */
  config(): MeshConfig;
  /** What a canonical IP address means to clients in a namespace; undefined: nothing. */
  ownerOf(clientNamespace: string, address: string): AddressOwner | undefined;
  /** The ports that a workload serves, ordered by port. `key` as in `workloads`. */
  inboundPorts(key: string): readonly InboundPort[];
  /** Which TLS the workload demands on a port of its own. */
  mtlsMode(workload: Workload, port: number): MtlsMode;
  authorization(workload: Workload): WorkloadAuthorization;
  /** What proxies in a namespace capture. */
  meshAddresses(clientNamespace: string): MeshAddresses;
  /** The workload that a certificate names, if it is still there and still has that identity. */
  workloadOf(identity: WorkloadIdentity): Workload | undefined;

  /** Takes in one object. Nothing shows before `commit()`; kinds of no use here are ignored. */
  ingest(type: ResourceType, object: KubeObject, change: 'applied' | 'deleted'): void;
  commit(): void;
};
