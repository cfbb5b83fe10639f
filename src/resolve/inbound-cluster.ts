// The clusters behind virtualInbound: the workload itself, port by port.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Cluster_DiscoveryType } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { BindConfigSchema } from '#gen/envoy/config/core/v3/address_pb.js';
import type { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { canonicalIp } from '#base/ip.ts';
import type { Protocol } from '#istio/core/protocol.ts';
import type { ConnectionPool } from '#istio/destinationrule/traffic-policy.ts';
import { DEFAULT_MESH_CONFIG } from '#istio/meshconfig/mesh-config.ts';
import { buildPassthrough } from './cluster.ts';
import { httpOptions, spokenBy } from './cluster-http.ts';
import { connectionLimits } from './cluster-limits.ts';
import { endpointAddress } from './endpoints.ts';
import { ISTIO_METADATA, serviceMetadata } from './identity-metadata.ts';
import type { ServiceMetadata } from './identity-metadata.ts';
import { metadata } from './message.ts';
import { INBOUND_PASSTHROUGH, inboundName, inboundStatName } from './names.ts';

export type InboundClusterInput = {
  readonly port: number;
  /** Where the workload listens: loopback on a machine, its own address in a Pod, `unix://…`. */
  readonly deliverTo: string;
  /** Where that is another than `port`. */
  readonly deliverPort?: number | undefined;
  readonly protocol: Protocol;
  readonly connectionPool?: ConnectionPool | undefined;
  /** The service that logs and metrics name: the first of those that declare the port. */
  readonly service:
    | (ServiceMetadata & { readonly port: number; readonly portName: string })
    | undefined;
};

/**
 * Where deliveries to an address of the workload's own come from (Istio's choice): by it the
 * capture rules tell them from calls that the proxy makes to its own workload, which must come in
 * by the front door. Any program may use it; to 127.0.0.1 it would only make logs stranger.
 */
const DELIVERY_SOURCE = {
  sourceAddress: { address: '127.0.0.6', portSpecifier: { case: 'portValue', value: 0 } },
} satisfies MessageInitShape<typeof BindConfigSchema>;

const isOwnAddress = (address: string): boolean =>
  canonicalIp(address) !== undefined && !address.startsWith('127.') && !address.includes(':');

export function buildInboundCluster(
  input: InboundClusterInput,
): MessageInitShape<typeof ClusterSchema> {
  const { port, deliverTo, protocol, service, connectionPool: pool } = input;
  const name = inboundName(port);
  const address = endpointAddress({ address: deliverTo, port: input.deliverPort ?? port });
  const { connectTimeout, circuitBreakers } = connectionLimits(
    { connectionPool: pool, retryBudget: undefined },
    DEFAULT_MESH_CONFIG,
  );
  return {
    name,
    connectTimeout,
    circuitBreakers,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    ...(isOwnAddress(deliverTo) && { upstreamBindConfig: DELIVERY_SOURCE }),
    loadAssignment: {
      clusterName: name,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address } } }] }],
    },
    // in which HTTP: what it declares, or else what the client speaks
    ...httpOptions(spokenBy(protocol), { pool, security: { kind: 'plaintext' } }),
    ...(service && {
      altStatName: inboundStatName({ ...service, port }),
      metadata: metadata({ [ISTIO_METADATA]: serviceMetadata(service) }),
    }),
  };
}

/** Delivers to the very address and port that the client dialled. */
export function buildInboundPassthrough(): MessageInitShape<typeof ClusterSchema> {
  const cluster = buildPassthrough(INBOUND_PASSTHROUGH, INBOUND_PASSTHROUGH);
  return Object.assign(cluster, { upstreamBindConfig: DELIVERY_SOURCE });
}
