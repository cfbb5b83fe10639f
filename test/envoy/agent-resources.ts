// Envoy resources as a control plane would send them, as small as the agent's tests need.
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack, type Any } from '@bufbuild/protobuf/wkt';
import {
  ApiConfigSource_ApiType,
  ApiVersion,
  type ApiConfigSourceSchema,
  type ConfigSourceSchema,
} from '#gen/envoy/config/core/v3/config_source_pb.js';
import { ClusterSchema, type Cluster } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema, type Listener } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { FilterChainSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { TcpGrpcAccessLogConfigSchema } from '#gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js';
import { FileAccessLogSchema } from '#gen/envoy/extensions/access_loggers/file/v3/file_pb.js';
import { OriginalDstSchema } from '#gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js';
import { ConfigSchema as DirectResponseSchema } from '#gen/envoy/extensions/filters/network/direct_response/v3/config_pb.js';
import {
  TcpProxySchema,
  UpstreamConnectMode,
} from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import type { SdsSecretConfigSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import { DownstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { TlsParameters_TlsProtocol } from '#gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js';

type FilterChain = MessageInitShape<typeof FilterChainSchema>;

function typed<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  return anyPack(schema, create(schema, init));
}

const address = (host: string, port: number) =>
  ({
    address: {
      case: 'socketAddress',
      value: { address: host, portSpecifier: { case: 'portValue', value: port } },
    },
  }) as const;

const seconds = (value: number) => ({ seconds: BigInt(value) });

const agentGrpc = (clusterName: string) =>
  ({ targetSpecifier: { case: 'envoyGrpc', value: { clusterName } } }) as const;

function secret(name: string): MessageInitShape<typeof SdsSecretConfigSchema> {
  const source: MessageInitShape<typeof ApiConfigSourceSchema> = {
    apiType: ApiConfigSource_ApiType.GRPC,
    transportApiVersion: ApiVersion.V3,
    grpcServices: [agentGrpc('sds-grpc')],
  };
  const sdsConfig: MessageInitShape<typeof ConfigSourceSchema> = {
    resourceApiVersion: ApiVersion.V3,
    configSourceSpecifier: { case: 'apiConfigSource', value: source },
  };
  return { name, sdsConfig };
}

/** A cluster that delivers to one address. */
export const staticCluster = (name: string, host: string, port: number): Cluster =>
  create(ClusterSchema, {
    name,
    connectTimeout: seconds(1),
    loadAssignment: {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: [
            {
              hostIdentifier: {
                case: 'endpoint',
                value: { address: address(host, port) },
              },
            },
          ],
        },
      ],
    },
  });

const tcpProxy = (cluster: string) => ({
  name: 'envoy.filters.network.tcp_proxy',
  configType: {
    case: 'typedConfig',
    value: typed(TcpProxySchema, {
      statPrefix: cluster,
      clusterSpecifier: { case: 'cluster', value: cluster },
      upstreamConnectMode: UpstreamConnectMode.ON_DOWNSTREAM_TLS_HANDSHAKE,
      maxEarlyDataBytes: 8192,
      accessLogOptions: {
        accessLogFlushInterval: seconds(1),
        flushAccessLogOnConnected: true,
      },
      accessLog: [
        {
          name: 'als',
          configType: {
            case: 'typedConfig',
            value: typed(TcpGrpcAccessLogConfigSchema, {
              commonConfig: {
                logName: 'isthmus-inbound-tcp',
                transportApiVersion: ApiVersion.V3,
                grpcService: agentGrpc('als-grpc'),
                bufferFlushInterval: { nanos: 50_000_000 },
              },
            }),
          },
        },
        {
          name: 'text',
          configType: {
            case: 'typedConfig',
            value: typed(FileAccessLogSchema, { path: '/dev/stdout' }),
          },
        },
      ],
    }),
  } as const,
});

const directResponse = (text: string) => ({
  name: 'envoy.filters.network.direct_response',
  configType: {
    case: 'typedConfig',
    value: typed(DirectResponseSchema, {
      response: { specifier: { case: 'inlineString', value: text } },
    }),
  } as const,
});

/** Mutual TLS with the agent's secrets, as on a workload's inbound port. */
const meshTls = {
  name: 'envoy.transport_sockets.tls',
  configType: {
    case: 'typedConfig',
    value: typed(DownstreamTlsContextSchema, {
      requireClientCertificate: true,
      commonTlsContext: {
        tlsParams: {
          tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
          tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
        },
        tlsCertificateSdsSecretConfigs: [secret('default')],
        validationContextType: {
          case: 'validationContextSdsSecretConfig',
          value: secret('ROOTCA'),
        },
      },
    }),
  } as const,
};

const originalDst = {
  name: 'envoy.filters.listener.original_dst',
  configType: { case: 'typedConfig', value: typed(OriginalDstSchema, {}) } as const,
};

function listener(
  name: string,
  at: { readonly host: string; readonly port: number },
  init: { readonly filterChains: FilterChain[]; readonly isCapturing?: boolean },
): Listener {
  return create(ListenerSchema, {
    name,
    address: address(at.host, at.port),
    filterChains: init.filterChains,
    ...(init.isCapturing && { listenerFilters: [originalDst] }),
  });
}

/** Mutual TLS on a port of the loopback, handed on to a cluster. */
export const inboundListener = (port: number, cluster: string): Listener =>
  listener(
    'virtualInbound',
    { host: '127.0.0.1', port },
    {
      filterChains: [
        { name: 'inbound_mtls', transportSocket: meshTls, filters: [tcpProxy(cluster)] },
      ],
    },
  );

/** What captured connections reach: the probe's answer, and a cluster for everything else. */
export const outboundListener = (port: number, cluster: string): Listener =>
  listener(
    'virtualOutbound',
    { host: '0.0.0.0', port },
    {
      isCapturing: true,
      filterChains: [
        {
          name: 'probe',
          filterChainMatch: { destinationPort: 15002 },
          filters: [directResponse('isthmus capture ok\n')],
        },
        { name: 'mesh', filters: [tcpProxy(cluster)] },
      ],
    },
  );

/** What captured inbound connections reach. */
export const capturedInboundListener = (port: number, cluster: string): Listener =>
  listener(
    'virtualInbound',
    { host: '0.0.0.0', port },
    { isCapturing: true, filterChains: [{ name: 'inbound', filters: [tcpProxy(cluster)] }] },
  );
