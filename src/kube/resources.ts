// The kinds that the mesh reads and writes, and where the API serves them.

export type ResourceType = {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
};

const core = (kind: string, plural: string, namespaced = true): ResourceType => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  namespaced,
});

const apps = (kind: string, plural: string): ResourceType => ({
  group: 'apps',
  version: 'v1',
  plural,
  kind,
  namespaced: true,
});

const networking = (kind: string, plural: string): ResourceType => ({
  group: 'networking.istio.io',
  version: 'v1',
  plural,
  kind,
  namespaced: true,
});

const security = (kind: string, plural: string): ResourceType => ({
  group: 'security.istio.io',
  version: 'v1',
  plural,
  kind,
  namespaced: true,
});

export const NAMESPACE = core('Namespace', 'namespaces', false);
export const NODE = core('Node', 'nodes', false);
export const POD = core('Pod', 'pods');
export const SERVICE = core('Service', 'services');
export const SERVICE_ACCOUNT = core('ServiceAccount', 'serviceaccounts');
export const CONFIG_MAP = core('ConfigMap', 'configmaps');
export const SECRET = core('Secret', 'secrets');
export const ENDPOINTS = core('Endpoints', 'endpoints');
export const EVENT = core('Event', 'events');

export const DEPLOYMENT = apps('Deployment', 'deployments');
export const REPLICA_SET = apps('ReplicaSet', 'replicasets');

export const ENDPOINT_SLICE: ResourceType = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespaced: true,
};

/** A heartbeat, or who leads. */
export const LEASE: ResourceType = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};

export const TOKEN_REVIEW: ResourceType = {
  group: 'authentication.k8s.io',
  version: 'v1',
  plural: 'tokenreviews',
  kind: 'TokenReview',
  namespaced: false,
};

export const SUBJECT_ACCESS_REVIEW: ResourceType = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'subjectaccessreviews',
  kind: 'SubjectAccessReview',
  namespaced: false,
};

export const DESTINATION_RULE = networking('DestinationRule', 'destinationrules');
export const GATEWAY = networking('Gateway', 'gateways');
export const SERVICE_ENTRY = networking('ServiceEntry', 'serviceentries');
export const SIDECAR = networking('Sidecar', 'sidecars');
export const VIRTUAL_SERVICE = networking('VirtualService', 'virtualservices');
export const WORKLOAD_ENTRY = networking('WorkloadEntry', 'workloadentries');
export const WORKLOAD_GROUP = networking('WorkloadGroup', 'workloadgroups');

/** Of the Kubernetes Gateway API. */
export const HTTP_ROUTE: ResourceType = {
  group: 'gateway.networking.k8s.io',
  version: 'v1',
  plural: 'httproutes',
  kind: 'HTTPRoute',
  namespaced: true,
};

export const ENVOY_FILTER: ResourceType = {
  ...networking('EnvoyFilter', 'envoyfilters'),
  version: 'v1alpha3',
};
export const PROXY_CONFIG: ResourceType = {
  ...networking('ProxyConfig', 'proxyconfigs'),
  version: 'v1beta1',
};

export const PEER_AUTHENTICATION = security('PeerAuthentication', 'peerauthentications');
export const AUTHORIZATION_POLICY = security('AuthorizationPolicy', 'authorizationpolicies');

export const REQUEST_AUTHENTICATION = security('RequestAuthentication', 'requestauthentications');

export const TELEMETRY: ResourceType = {
  group: 'telemetry.istio.io',
  version: 'v1alpha1',
  plural: 'telemetries',
  kind: 'Telemetry',
  namespaced: true,
};

export const WASM_PLUGIN: ResourceType = {
  group: 'extensions.istio.io',
  version: 'v1alpha1',
  plural: 'wasmplugins',
  kind: 'WasmPlugin',
  namespaced: true,
};

export const TRAFFIC_EXTENSION: ResourceType = {
  ...WASM_PLUGIN,
  plural: 'trafficextensions',
  kind: 'TrafficExtension',
};

/** Istio's way to ask for mutual TLS before 1.5, for the whole mesh. */
export const MESH_POLICY: ResourceType = {
  group: 'authentication.istio.io',
  version: 'v1alpha1',
  plural: 'meshpolicies',
  kind: 'MeshPolicy',
  namespaced: false,
};

/** The same for a namespace, or for some of its services. */
export const POLICY: ResourceType = {
  group: 'authentication.istio.io',
  version: 'v1alpha1',
  plural: 'policies',
  kind: 'Policy',
  namespaced: true,
};

/** `v1`, or `group/version`: what stands in an object's apiVersion. */
export function apiVersionOf({ group, version }: ResourceType): string {
  return group === '' ? version : `${group}/${version}`;
}

/** How messages name a kind, as kubectl does: `services`, `serviceentries.networking.istio.io`. */
export function resourceName({ group, plural }: ResourceType): string {
  return group === '' ? plural : `${plural}.${group}`;
}

/**
 * Path of a collection (without `name`), an object, or one of its subresources. Without a
 * namespace, the collection of a namespaced kind spans all namespaces.
 */
export function resourcePath(
  type: ResourceType,
  where: {
    readonly namespace?: string | undefined;
    readonly name?: string | undefined;
    readonly subresource?: string | undefined;
  } = {},
): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${apiVersionOf(type)}`;
  const namespace = type.namespaced && where.namespace ? ['namespaces', where.namespace] : [];
  const parts = [...namespace, type.plural];
  if (where.name !== undefined) parts.push(where.name);
  if (where.subresource !== undefined) parts.push(where.subresource);
  return `${root}/${parts.map(encodeURIComponent).join('/')}`;
}
