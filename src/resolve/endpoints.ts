// ClusterLoadAssignment: where a service's port is to be had, and how each place wants to be spoken
// to. One for each service port and way of seeing it, shared by every proxy that sees it so.
import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import { HealthStatus } from '#gen/envoy/config/core/v3/health_check_pb.js';
import type { AddressSchema } from '#gen/envoy/config/core/v3/address_pb.js';
import type { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type {
  LbEndpointSchema,
  LocalityLbEndpointsSchema,
} from '#gen/envoy/config/endpoint/v3/endpoint_components_pb.js';
import { ISTIO_METADATA, workloadMetadata } from './identity-metadata.ts';
import type { WorkloadMetadata } from './identity-metadata.ts';
import { metadata, socketAddress } from './message.ts';
import { hostPort } from './names.ts';
import type { Destination } from './names.ts';

export type Locality = {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
};

export type ClusterEndpoint = {
  /** An IP address, a name where names are looked up, or `unix://…`. */
  readonly address: string;
  /** In the other family: tried where the first cannot be reached. */
  readonly secondAddress?: string | undefined;
  readonly port: number;
  /** Share of new connections, 1 or more. */
  readonly weight: number;
  readonly isHealthy: boolean;
  readonly locality: Locality;
  /** Does its sidecar take mesh TLS on this port? What `takesMeshTls` of mtls-mode.ts says. */
  readonly takesMeshTls: boolean;
  /** For telemetry; undefined for places outside of the mesh. */
  readonly workload: WorkloadMetadata | undefined;
  /** Of the several destinations of a cluster, whose it is: what its TLS is chosen by, too. */
  readonly destination?: string;
};

/** Endpoints of one place that are preferred alike. */
export type EndpointGroup = {
  readonly locality: Locality;
  /** 0 is tried first; no number is left out. */
  readonly priority: number;
  /** Among the groups of its priority; undefined: as much as its endpoints weigh together. */
  readonly weight: number | undefined;
  readonly endpoints: readonly ClusterEndpoint[];
};

/** Endpoint metadata that cluster-tls.ts matches on. Absent on endpoints that want plaintext. */
export const TLS_MODE_METADATA = 'envoy.transport_socket_match';
export const TLS_MODE_ISTIO: JsonObject = { tlsMode: 'istio' };

/** Envoy's limit for a weight, and for the sum of all the weights of a priority. */
const WEIGHT_MAX = 0xffff_ffff;

/** Sorted by priority, locality, address and port: equal groups in any order have equal bytes. */
export function buildLoadAssignment(
  clusterName: string,
  groups: readonly EndpointGroup[],
): MessageInitShape<typeof ClusterLoadAssignmentSchema> {
  const sorted = groups
    .map((group) => ({ group, key: localityKey(group.locality) }))
    .toSorted((a, b) => a.group.priority - b.group.priority || compare(a.key, b.key));
  return { clusterName, endpoints: sorted.map(({ group }) => buildGroup(group)) };
}

function buildGroup({
  locality,
  priority,
  weight,
  endpoints,
}: EndpointGroup): MessageInitShape<typeof LocalityLbEndpointsSchema> {
  const { region, zone, subZone } = locality;
  const sorted = endpoints
    .map((endpoint) => ({ endpoint, key: hostPort(endpoint) }))
    .toSorted((a, b) => compare(a.key, b.key));
  const sum = endpoints.reduce((total, endpoint) => total + endpoint.weight, 0);
  return {
    // gRPC's own clients want it even where it says nothing
    locality: { region, zone, subZone },
    ...(priority > 0 && { priority }),
    loadBalancingWeight: Math.min(weight ?? sum, WEIGHT_MAX),
    lbEndpoints: sorted.map(({ endpoint }) => buildEndpoint(endpoint)),
  };
}

/** An unhealthy endpoint is named as such rather than left out, so that Envoy can say so. */
function buildEndpoint(endpoint: ClusterEndpoint): MessageInitShape<typeof LbEndpointSchema> {
  const { secondAddress, port, takesMeshTls, workload, destination } = endpoint;
  const socket = { ...(takesMeshTls && TLS_MODE_ISTIO), ...(destination && { destination }) };
  return {
    hostIdentifier: {
      case: 'endpoint',
      value: {
        address: endpointAddress(endpoint),
        ...(secondAddress !== undefined && {
          additionalAddresses: [{ address: endpointAddress({ address: secondAddress, port }) }],
        }),
      },
    },
    healthStatus: endpoint.isHealthy ? HealthStatus.HEALTHY : HealthStatus.UNHEALTHY,
    loadBalancingWeight: Math.min(endpoint.weight, WEIGHT_MAX),
    metadata: metadata({
      ...(Object.keys(socket).length > 0 && { [TLS_MODE_METADATA]: socket }),
      ...(workload && { [ISTIO_METADATA]: workloadMetadata(workload) }),
    }),
  };
}

const UNIX = 'unix://';

export function endpointAddress(endpoint: Destination): MessageInitShape<typeof AddressSchema> {
  const { address } = endpoint;
  return address.startsWith(UNIX)
    ? { address: { case: 'pipe', value: { path: address.slice(UNIX.length) } } }
    : socketAddress(endpoint);
}

export const localityKey = ({ region, zone, subZone }: Locality): string =>
  `${region}/${zone}/${subZone}`;

/** @param text `region/zone/subzone`, as much of it as is known */
export function parseLocality(text: string): Locality {
  const [region = '', zone = '', subZone = ''] = text.split('/');
  return { region, zone, subZone };
}

const compare = (a: string, b: string): number => {
  if (a === b) return 0;
  return a < b ? -1 : 1;
};
