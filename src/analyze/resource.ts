// The objects that are analyzed: what they are, where they are from, and how they are found.
import type { KubeObject } from '#kube/objects.ts';

/** Steps into an object: names of fields, and indexes of lists. */
export type Path = readonly (string | number)[];

/** The file that an object stands in. */
export type Origin = {
  readonly file: string;
  /** Counted from 1; the object's own line for a path that is not there; undefined in JSON. */
  readonly lineOf: (path: Path) => number | undefined;
};

export type Resource = {
  /** `networking.istio.io/Gateway`; `/Pod` for the core group. The version does not matter. */
  readonly type: string;
  readonly kind: string;
  /** Empty for cluster-wide kinds, and for a file's object that names none. */
  readonly namespace: string;
  readonly name: string;
  readonly object: KubeObject;
  /** undefined: it is from the API server. */
  readonly origin: Origin | undefined;
};

/** A resource, and a field of it: empty for the whole. */
export type Place = { readonly resource: Resource; readonly path: Path };

export const at = (resource: Resource, ...path: Path): Place => ({ resource, path });

/** Kinds that analyzers look at, as `group/Kind`. */
export const POD = '/Pod';
export const SERVICE = '/Service';
export const NAMESPACE = '/Namespace';
export const NODE = '/Node';
export const SECRET = '/Secret';
export const CONFIG_MAP = '/ConfigMap';
export const DEPLOYMENT = 'apps/Deployment';
export const MUTATING_WEBHOOK = 'admissionregistration.k8s.io/MutatingWebhookConfiguration';
export const VALIDATING_WEBHOOK = 'admissionregistration.k8s.io/ValidatingWebhookConfiguration';
export const CUSTOM_RESOURCE_DEFINITION = 'apiextensions.k8s.io/CustomResourceDefinition';
export const VIRTUAL_SERVICE = 'networking.istio.io/VirtualService';
export const DESTINATION_RULE = 'networking.istio.io/DestinationRule';
export const SERVICE_ENTRY = 'networking.istio.io/ServiceEntry';
export const WORKLOAD_ENTRY = 'networking.istio.io/WorkloadEntry';
export const WORKLOAD_GROUP = 'networking.istio.io/WorkloadGroup';
export const GATEWAY = 'networking.istio.io/Gateway';
export const SIDECAR = 'networking.istio.io/Sidecar';
export const ENVOY_FILTER = 'networking.istio.io/EnvoyFilter';
export const PROXY_CONFIG = 'networking.istio.io/ProxyConfig';
export const AUTHORIZATION_POLICY = 'security.istio.io/AuthorizationPolicy';
export const REQUEST_AUTHENTICATION = 'security.istio.io/RequestAuthentication';
export const TELEMETRY = 'telemetry.istio.io/Telemetry';
export const WASM_PLUGIN = 'extensions.istio.io/WasmPlugin';
export const KUBE_GATEWAY = 'gateway.networking.k8s.io/Gateway';
export const HTTP_ROUTE = 'gateway.networking.k8s.io/HTTPRoute';
export const GRPC_ROUTE = 'gateway.networking.k8s.io/GRPCRoute';
/** No object of the API but settings; a resource, so that messages have a place. */
export const MESH_CONFIG = 'mesh/MeshConfig';
export const MESH_NETWORKS = 'mesh/MeshNetworks';

export function resourceOf(object: KubeObject, origin?: Origin): Resource {
  const { apiVersion = '', kind = '', metadata } = object;
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.lastIndexOf('/')) : '';
  return {
    type: `${group}/${kind}`,
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    object,
    origin,
  };
}

/** `namespace/name`, or the name alone. */
export function fullName({ namespace, name }: Pick<Resource, 'namespace' | 'name'>): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}
