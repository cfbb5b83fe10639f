// What the client's own proxy would do with a connection, from the very resources that it gets.
import { fromBinary, isMessage } from '@bufbuild/protobuf';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { NOBODYS_ROUTE } from '#base/access-log-tags.ts';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { Cluster } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { TransportSocket } from '#gen/envoy/config/core/v3/base_pb.js';
import { HealthStatus } from '#gen/envoy/config/core/v3/health_check_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { LbEndpoint } from '#gen/envoy/config/endpoint/v3/endpoint_components_pb.js';
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { UpstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { ResourceSchema } from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { EncodedResource, ResourceCatalog, ResourceKey } from '#xds/catalog.ts';
import { TLS_MODE_METADATA } from '#resolve/endpoints.ts';
import {
  BLACK_HOLE_STAT_NAME,
  destinationClusterName,
  hostPort,
  httpListenerName,
  MESH_ALPN,
  tcpListenerName,
  TYPE_URL,
  VIRTUAL_OUTBOUND,
  virtualHostName,
} from '#resolve/names.ts';
import type { Destination } from '#resolve/names.ts';

/** A proxy, and the catalog that answers it. */
export type ProxyView = {
  readonly catalog: ResourceCatalog<WorkloadIdentity>;
  readonly identity: WorkloadIdentity;
  /** Stay held for those who ask next, until whoever made the set lets go; absent: none does. */
  readonly held?: Set<ResourceKey>;
};

export type ClientTls = 'mTLS' | 'own TLS' | 'plaintext';

export type ReadEndpoint = Destination & {
  readonly isHealthy: boolean;
  readonly tls: ClientTls;
  /** Identities that the client accepts there; empty: any of the trust domain's. */
  readonly accepts: readonly string[];
};

export type ReadCluster = {
  /** As logs have it: `outbound|5432||db.default.svc.cluster.local`. */
  readonly name: string;
  /** `nobody`: connections are closed at once; `wherever`: past the mesh, as it was dialled. */
  readonly leads: 'to-endpoints' | 'wherever' | 'to-names' | 'nobody';
  readonly endpoints: readonly ReadEndpoint[];
  /** Are endpoints put aside when they fail (outlier detection)? */
  readonly ejects: boolean;
};

/** The listener that takes a captured connection to there. */
export function listenerOf(view: ProxyView, destination: Destination): string {
  const own = tcpListenerName(destination);
  if (ask(view, TYPE_URL.listener, own)) return own;
  const ofPort = httpListenerName(destination.port);
  return ask(view, TYPE_URL.listener, ofPort) ? ofPort : VIRTUAL_OUTBOUND;
}

/** The cluster that carries a connection to an address. */
export const clusterAt = (view: ProxyView, destination: Destination): ReadCluster =>
  readCluster(view, destinationClusterName(destination));

export type ReadRoutes = {
  /** Names of clusters that a request to this authority may be led to, each once. */
  readonly clusters: readonly string[];
  /** Statuses that routes answer with by themselves. */
  readonly statuses: readonly number[];
  /** It is nobody's, and nothing but the registry may be called. */
  readonly isBlocked: boolean;
};

/** What a request to an authority meets; undefined: there is nothing of the name. */
export function routesTo(
  view: ProxyView,
  { authority, port }: { readonly authority: string; readonly port: number },
): ReadRoutes | undefined {
  const name = virtualHostName({ port, authority });
  const answer = ask(view, TYPE_URL.virtualHost, name);
  if (answer === undefined) return undefined;
  const { routes } = decode(VirtualHostSchema, answer);
  const clusters = new Set<string>();
  const statuses = new Set<number>();
  for (const { action } of routes) {
    if (action.case === 'directResponse') statuses.add(action.value.status);
    if (action.case !== 'route') continue;
    const { clusterSpecifier } = action.value;
    if (clusterSpecifier.case === 'cluster') clusters.add(clusterSpecifier.value);
    if (clusterSpecifier.case !== 'weightedClusters') continue;
    for (const cluster of clusterSpecifier.value.clusters) clusters.add(cluster.name);
  }
  const isBlocked = routes.some(({ name: route }) => route === NOBODYS_ROUTE.nowhere);
  return { clusters: [...clusters], statuses: [...statuses], isBlocked };
}

/** A cluster by any of its names. */
export function readCluster(view: ProxyView, name: string): ReadCluster {
  const answer = ask(view, TYPE_URL.cluster, name);
  if (answer === undefined) return { name, leads: 'nobody', endpoints: [], ejects: false };
  const cluster = decode(ClusterSchema, answer);
  const assignment =
    answer.endpoints === undefined ? cluster.loadAssignment : assignmentOf(view, answer.endpoints);
  const endpoints = (assignment?.endpoints ?? [])
    .flatMap(({ lbEndpoints }) => lbEndpoints)
    .flatMap((endpoint) => readEndpoint(cluster, endpoint) ?? []);
  const statName = cluster.altStatName || name;
  const ejects = cluster.outlierDetection !== undefined;
  return { name: statName, leads: leadsOf(cluster, statName), endpoints, ejects };
}

function leadsOf({ clusterDiscoveryType }: Cluster, name: string): ReadCluster['leads'] {
  if (name === BLACK_HOLE_STAT_NAME) return 'nobody';
  switch (clusterDiscoveryType.value) {
    case Cluster_DiscoveryType.ORIGINAL_DST:
      return 'wherever';
    case Cluster_DiscoveryType.STRICT_DNS:
    case Cluster_DiscoveryType.LOGICAL_DNS:
      return 'to-names';
    default:
      return clusterDiscoveryType.case === 'clusterType' ? 'to-names' : 'to-endpoints';
  }
}

function assignmentOf(
  view: ProxyView,
  name: string,
): MessageShape<typeof ClusterLoadAssignmentSchema> | undefined {
  const answer = ask(view, TYPE_URL.endpoints, name);
  return answer && decode(ClusterLoadAssignmentSchema, answer);
}

function readEndpoint(cluster: Cluster, endpoint: LbEndpoint): ReadEndpoint | undefined {
  const { hostIdentifier, healthStatus } = endpoint;
  if (hostIdentifier.case !== 'endpoint') return undefined;
  const address = hostIdentifier.value.address?.address;
  if (address?.case === 'pipe') {
    return { address: address.value.path, port: 0, isHealthy: true, tls: 'plaintext', accepts: [] };
  }
  if (address?.case !== 'socketAddress') return undefined;
  const { portSpecifier } = address.value;
  return {
    address: address.value.address,
    port: portSpecifier.case === 'portValue' ? portSpecifier.value : 0,
    isHealthy: healthStatus !== HealthStatus.UNHEALTHY && healthStatus !== HealthStatus.DRAINING,
    ...readSecurity(socketFor(cluster, endpoint)),
  };
}

/** The first whose match the endpoint's metadata fulfils, or the cluster's own. */
function socketFor(cluster: Cluster, endpoint: LbEndpoint): TransportSocket | undefined {
  const says = endpoint.metadata?.filterMetadata[TLS_MODE_METADATA] ?? {};
  const chosen = cluster.transportSocketMatches.find(({ match = {} }) =>
    Object.entries(match).every(([field, value]) => says[field] === value),
  );
  return chosen ? chosen.transportSocket : cluster.transportSocket;
}

/** What a transport socket is: mesh TLS is known by the ALPN that only the mesh offers. */
export function readSecurity(
  socket: TransportSocket | undefined,
): Pick<ReadEndpoint, 'tls' | 'accepts'> {
  const config = socket?.configType.case === 'typedConfig' ? socket.configType.value : undefined;
  const context = config && anyUnpack(config, UpstreamTlsContextSchema);
  if (context === undefined) return { tls: 'plaintext', accepts: [] };
  const alpns = context.commonTlsContext?.alpnProtocols ?? [];
  const isOfMesh = alpns.some((alpn) => alpn === MESH_ALPN || alpn.startsWith(`${MESH_ALPN}-`));
  const validation = context.commonTlsContext?.validationContextType;
  const wanted =
    validation?.case === 'combinedValidationContext'
      ? validation.value.defaultValidationContext?.matchTypedSubjectAltNames
      : undefined;
  const accepts = (wanted ?? []).flatMap(({ matcher }) =>
    matcher?.matchPattern.case === 'exact' ? [matcher.matchPattern.value] : [],
  );
  return { tls: isOfMesh ? 'mTLS' : 'own TLS', accepts };
}

/** What the proxy would be answered; nothing of it stays but what is to be held. */
function ask(
  { catalog, identity, held }: ProxyView,
  typeUrl: string,
  name: string,
): EncodedResource | undefined {
  const key = catalog.acquire(identity, typeUrl, name);
  if (held) {
    if (held.has(key)) catalog.release(key);
    else {
      held.add(key);
      catalog.settle();
    }
    return catalog.lookup(key);
  }
  try {
    catalog.settle();
    return catalog.lookup(key);
  } finally {
    catalog.release(key);
  }
}

/** What a resource says never changes: a change is another resource. */
const decoded = new WeakMap<EncodedResource, unknown>();

function decode<Desc extends DescMessage>(
  schema: Desc,
  encoded: EncodedResource,
): MessageShape<Desc> {
  const known = decoded.get(encoded);
  if (known !== undefined && isMessage(known, schema)) return known;
  const { name, bytes } = encoded;
  const { resource } = fromBinary(ResourceSchema, bytes);
  const message = resource && anyUnpack(resource, schema);
  if (message === undefined) throw new Error(`${name} is no ${schema.typeName}`);
  decoded.set(encoded, message);
  return message;
}

export const placeText = (destination: Destination): string => hostPort(destination);
