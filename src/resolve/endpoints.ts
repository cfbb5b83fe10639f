// ClusterLoadAssignment: where a service's port is to be had, and how each place wants to be spoken
// to. One for each service port, shared by every proxy that may see the service.
import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import { HealthStatus } from '#gen/envoy/config/core/v3/health_check_pb.js';
import type { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type {
  LbEndpointSchema,
  LocalityLbEndpointsSchema,
} from '#gen/envoy/config/endpoint/v3/endpoint_components_pb.js';
import { ISTIO_METADATA, workloadMetadata } from './identity-metadata.ts';
import type { WorkloadMetadata } from './identity-metadata.ts';
import { metadata, socketAddress } from './message.ts';
import { hostPort } from './names.ts';

export type Locality = {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
};

export type ClusterEndpoint = {
  readonly address: string;
  readonly port: number;
  /** Share of new connections, 1 or more. */
  readonly weight: number;
  readonly isHealthy: boolean;
  readonly locality: Locality;
  /** Does its sidecar take mesh TLS on this port? What `takesMeshTls` of mtls-mode.ts says. */
  readonly takesMeshTls: boolean;
  /** For telemetry; undefined for places outside of the mesh. */
  readonly workload: WorkloadMetadata | undefined;
};

/** Endpoint metadata that cluster.ts matches on. Absent on endpoints that want plaintext. */
export const TLS_MODE_METADATA = 'envoy.transport_socket_match';
export const TLS_MODE_ISTIO: JsonObject = { tlsMode: 'istio' };

/** Sorted by locality, address and port: equal endpoints in any order have equal bytes. */
export function buildLoadAssignment(
  clusterName: string,
  endpoints: readonly ClusterEndpoint[],
): MessageInitShape<typeof ClusterLoadAssignmentSchema> {
  const sorted = endpoints
    .map((endpoint) => ({ endpoint, key: sortKey(endpoint) }))
    .toSorted((a, b) => compare(a.key, b.key))
    .map(({ endpoint }) => endpoint);
  const groups = Map.groupBy(sorted, ({ locality }) => localityKey(locality));
  return { clusterName, endpoints: [...groups.values()].map(buildLocality) };
}

function buildLocality(
  endpoints: readonly ClusterEndpoint[],
): MessageInitShape<typeof LocalityLbEndpointsSchema> {
  const { region = '', zone = '', subZone = '' } = endpoints[0]?.locality ?? {};
  return {
    ...(region + zone + subZone !== '' && { locality: { region, zone, subZone } }),
    loadBalancingWeight: endpoints.reduce((sum, { weight }) => sum + weight, 0),
    lbEndpoints: endpoints.map(buildEndpoint),
  };
}

/** An unhealthy endpoint is named as such rather than left out, so that Envoy can say so. */
function buildEndpoint(endpoint: ClusterEndpoint): MessageInitShape<typeof LbEndpointSchema> {
  const { takesMeshTls, workload } = endpoint;
  return {
    hostIdentifier: { case: 'endpoint', value: { address: socketAddress(endpoint) } },
    healthStatus: endpoint.isHealthy ? HealthStatus.HEALTHY : HealthStatus.UNHEALTHY,
    loadBalancingWeight: endpoint.weight,
    metadata: metadata({
      ...(takesMeshTls && { [TLS_MODE_METADATA]: TLS_MODE_ISTIO }),
      ...(workload && { [ISTIO_METADATA]: workloadMetadata(workload) }),
    }),
  };
}

const localityKey = ({ region, zone, subZone }: Locality): string => `${region}/${zone}/${subZone}`;

const sortKey = (endpoint: ClusterEndpoint): string =>
  `${localityKey(endpoint.locality)} ${hostPort(endpoint)}`;

const compare = (a: string, b: string): number => {
  if (a === b) return 0;
  return a < b ? -1 : 1;
};
