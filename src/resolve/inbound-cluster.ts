// The clusters behind virtualInbound: the workload itself, port by port.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Cluster_DiscoveryType } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { BindConfigSchema } from '#gen/envoy/config/core/v3/address_pb.js';
import type { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import type { Protocol } from '#istio/core/protocol.ts';
import { buildPassthrough, CLUSTER_BASICS } from './cluster.ts';
import { ISTIO_METADATA, serviceMetadata } from './identity-metadata.ts';
import type { ServiceMetadata } from './identity-metadata.ts';
import { metadata, packed, socketAddress } from './message.ts';
import { INBOUND_PASSTHROUGH, inboundName, inboundStatName } from './names.ts';

export type InboundClusterInput = {
  readonly port: number;
  /** Where the workload listens: loopback on a machine, its own address in a Pod. */
  readonly deliverTo: string;
  readonly protocol: Protocol;
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
  !address.startsWith('127.') && !address.includes(':');

export function buildInboundCluster(
  input: InboundClusterInput,
): MessageInitShape<typeof ClusterSchema> {
  const { port, deliverTo, protocol, service } = input;
  const name = inboundName(port);
  const address = socketAddress({ address: deliverTo, port });
  return {
    name,
    ...CLUSTER_BASICS,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    ...(isOwnAddress(deliverTo) && { upstreamBindConfig: DELIVERY_SOURCE }),
    loadAssignment: {
      clusterName: name,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address } } }] }],
    },
    ...httpVersion(protocol),
    ...(service && {
      altStatName: inboundStatName({ ...service, port }),
      metadata: metadata({ [ISTIO_METADATA]: serviceMetadata(service) }),
    }),
  };
}

/** In which HTTP the workload is spoken to: what it declares, or else what the client speaks. */
function httpVersion(protocol: Protocol) {
  const options = httpOptions(protocol);
  if (options === undefined) return {};
  return {
    typedExtensionProtocolOptions: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': packed(HttpProtocolOptionsSchema, {
        upstreamProtocolOptions: options,
      }),
    },
  };
}

type HttpOptions = MessageInitShape<typeof HttpProtocolOptionsSchema>['upstreamProtocolOptions'];

/** undefined: HTTP/1.1, Envoy's default. */
function httpOptions(protocol: Protocol): HttpOptions | undefined {
  switch (protocol) {
    case 'grpc':
    case 'grpc-web':
    case 'http2':
      return {
        case: 'explicitHttpConfig',
        value: { protocolConfig: { case: 'http2ProtocolOptions', value: {} } },
      };
    case 'auto':
      return {
        case: 'useDownstreamProtocolConfig',
        value: { httpProtocolOptions: {}, http2ProtocolOptions: {} },
      };
    default:
      return undefined;
  }
}

/** Delivers to the very address and port that the client dialled. */
export function buildInboundPassthrough(): MessageInitShape<typeof ClusterSchema> {
  const cluster = buildPassthrough(INBOUND_PASSTHROUGH, INBOUND_PASSTHROUGH);
  return Object.assign(cluster, { upstreamBindConfig: DELIVERY_SOURCE });
}
