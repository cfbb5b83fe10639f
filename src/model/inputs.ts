// What is written into the model: one source for each kind of object that it is made of.
import type { EndpointSlice } from '#istio/core/endpoint-slice.ts';
import type { Namespace, Node } from '#istio/core/place.ts';
import type { KubeService } from '#istio/core/service.ts';
import type { AuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import type { DestinationRule } from '#istio/destinationrule/destination-rule.ts';
import type { Gateway } from '#istio/gateway/gateway.ts';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import type { LegacyPolicy } from '#istio/meshpolicy/legacy-policy.ts';
import type { PeerAuthentication } from '#istio/peerauthentication/peer-authentication.ts';
import type { RequestAuthentication } from '#istio/requestauthentication/request-authentication.ts';
import type { ServiceEntry } from '#istio/serviceentry/service-entry.ts';
import type { ProxyConfig } from '#istio/proxyconfig/proxy-config.ts';
import type { Sidecar } from '#istio/sidecar/sidecar.ts';
import type { Telemetry } from '#istio/telemetry/telemetry.ts';
import type { VirtualService } from '#istio/virtualservice/virtual-service.ts';
import type { ResourceType } from '#kube/resources.ts';
import type { Violation } from '#istio/object.ts';
import { equalData } from './equal.ts';
import type { Graph } from './graph.ts';
import type { Source } from './source.ts';
import type { Workload } from './workload.ts';

/** An object that is not in force as written. */
export type Rejection = {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly name: string;
  readonly violations: readonly Violation[];
  /** Is an earlier form of the object in force still? */
  readonly hasLastGood: boolean;
};

/** What of an object that is in force nothing acts on yet. */
export type Remarks = {
  readonly type: ResourceType;
  readonly namespace: string;
  readonly name: string;
  /** At least one. */
  readonly remarks: readonly Violation[];
};

export type Inputs = {
  readonly services: Source<KubeService>;
  readonly slices: Source<EndpointSlice>;
  readonly serviceEntries: Source<ServiceEntry>;
  /** Pods and WorkloadEntries, by `kind/namespace/name`. */
  readonly workloads: Source<Workload>;
  readonly namespaces: Source<Namespace>;
  readonly nodes: Source<Node>;
  readonly peerAuthentications: Source<PeerAuthentication>;
  /** One at most, under its name. */
  readonly meshPolicies: Source<LegacyPolicy>;
  readonly legacyPolicies: Source<LegacyPolicy>;
  readonly authorizationPolicies: Source<AuthorizationPolicy>;
  readonly requestAuthentications: Source<RequestAuthentication>;
  readonly telemetries: Source<Telemetry>;
  /** By URI: key sets that were fetched, as JSON. */
  readonly jwks: Source<string>;
  readonly destinationRules: Source<DestinationRule>;
  readonly sidecars: Source<Sidecar>;
  readonly proxyConfigs: Source<ProxyConfig>;
  readonly gateways: Source<Gateway>;
  readonly virtualServices: Source<VirtualService>;
  /** One at most, under `THE_MESH`. */
  readonly meshConfig: Source<MeshConfig>;
  /** By `<resource>/namespace/name`. */
  readonly rejections: Source<Rejection>;
  /** By `<resource>/namespace/name`. */
  readonly remarks: Source<Remarks>;
};

/** The key of what there is one of. */
export const THE_MESH = 'mesh';

/** An object that was written again without a change that matters here is no change. */
export function createInputs(graph: Graph): Inputs {
  return {
    services: graph.source<KubeService>('Services', equalData),
    slices: graph.source<EndpointSlice>('EndpointSlices', equalData),
    serviceEntries: graph.source<ServiceEntry>('ServiceEntries', equalData),
    workloads: graph.source<Workload>('workloads', equalData),
    namespaces: graph.source<Namespace>('Namespaces', equalData),
    nodes: graph.source<Node>('Nodes', equalData),
    peerAuthentications: graph.source<PeerAuthentication>('PeerAuthentications', equalData),
    meshPolicies: graph.source<LegacyPolicy>('MeshPolicies', equalData),
    legacyPolicies: graph.source<LegacyPolicy>('Policies', equalData),
    authorizationPolicies: graph.source<AuthorizationPolicy>('AuthorizationPolicies', equalData),
    requestAuthentications: graph.source<RequestAuthentication>(
      'RequestAuthentications',
      equalData,
    ),
    telemetries: graph.source<Telemetry>('Telemetries', equalData),
    jwks: graph.source<string>('key sets'),
    destinationRules: graph.source<DestinationRule>('DestinationRules', equalData),
    sidecars: graph.source<Sidecar>('Sidecars', equalData),
    proxyConfigs: graph.source<ProxyConfig>('ProxyConfigs', equalData),
    gateways: graph.source<Gateway>('Gateways', equalData),
    virtualServices: graph.source<VirtualService>('VirtualServices', equalData),
    meshConfig: graph.source<MeshConfig>('mesh config', equalData),
    rejections: graph.source<Rejection>('rejections', equalData),
    remarks: graph.source<Remarks>('remarks', equalData),
  };
}
