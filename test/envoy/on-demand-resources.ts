// The resources of the on-demand tests, as small as Envoy takes them.
import { create, toBinary } from '@bufbuild/protobuf';
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ApiVersion } from '#gen/envoy/config/core/v3/config_source_pb.js';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RBAC_Action } from '#gen/envoy/config/rbac/v3/rbac_pb.js';
import { RBACSchema } from '#gen/envoy/extensions/filters/network/rbac/v3/rbac_pb.js';
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { encodeResource } from '#resolve/encode.ts';
import type { EncodedResource } from '#xds/catalog.ts';

const LOOPBACK = '127.0.0.1';
/** How long a connection waits for a cluster that does not come. */
export const ON_DEMAND_TIMEOUT_SECONDS = 1;

const seconds = (count: number) => ({ seconds: BigInt(count), nanos: 0 });
const socketAddress = (address: string, port: number) => ({
  address: {
    case: 'socketAddress' as const,
    value: { address, portSpecifier: { case: 'portValue' as const, value: port } },
  },
});
const ads = {
  configSourceSpecifier: { case: 'ads' as const, value: {} },
  resourceApiVersion: ApiVersion.V3,
};

function pack<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  const value = toBinary(schema, create(schema, init));
  return create(AnySchema, { typeUrl: `type.googleapis.com/${schema.typeName}`, value });
}

const assignmentTo = (clusterName: string, ports: readonly number[]) => ({
  clusterName,
  endpoints: [
    {
      lbEndpoints: ports.map((port) => ({
        hostIdentifier: {
          case: 'endpoint' as const,
          value: { address: socketAddress(LOOPBACK, port) },
        },
      })),
    },
  ],
});

/** Connections come from this address: an observable setting of a cluster. */
type From = { readonly from?: string };

const cluster = (name: string, { from }: From) => ({
  name,
  altStatName: `outbound|5432||${name}`,
  connectTimeout: seconds(1),
  ...(from !== undefined && {
    upstreamBindConfig: {
      sourceAddress: { address: from, portSpecifier: { case: 'portValue' as const, value: 0 } },
    },
  }),
});

/** A cluster with its endpoints inside. */
export const staticCluster = (
  name: string,
  ports: readonly number[],
  options: From = {},
): EncodedResource =>
  encodeResource(name, ClusterSchema, {
    ...cluster(name, options),
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    loadAssignment: assignmentTo(name, ports),
  });

/** What stands for a destination that is not there (any more): closes connections at once. */
export const tombstone = (name: string): EncodedResource => staticCluster(name, []);

/** A cluster whose endpoints come as a resource of their own. */
export const edsCluster = (name: string, endpoints: string, options: From = {}): EncodedResource =>
  encodeResource(
    name,
    ClusterSchema,
    {
      ...cluster(name, options),
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
      edsClusterConfig: { edsConfig: ads, serviceName: endpoints },
    },
    { endpoints },
  );

export const assignment = (name: string, ports: readonly number[]): EncodedResource =>
  encodeResource(name, ClusterLoadAssignmentSchema, assignmentTo(name, ports));

/** A listener whose one chain asks an RBAC of this name before it lets anybody through. */
export function guardedListener(options: {
  readonly name: string;
  readonly address?: string;
  readonly port: number;
  readonly rbac: string;
  readonly cluster: string;
}): EncodedResource {
  const { name, address = LOOPBACK, port, rbac, cluster } = options;
  const tcpProxy = pack(TcpProxySchema, {
    statPrefix: name,
    clusterSpecifier: { case: 'cluster', value: cluster },
  });
  const guard = {
    configSource: ads,
    typeUrls: [`type.googleapis.com/${RBACSchema.typeName}`],
  };
  return encodeResource(name, ListenerSchema, {
    name,
    address: socketAddress(address, port),
    filterChains: [
      {
        name: `${name}-chain`,
        filters: [
          { name: rbac, configType: { case: 'configDiscovery', value: guard } },
          { name: 'tcp', configType: { case: 'typedConfig', value: tcpProxy } },
        ],
      },
    ],
  });
}

/** Lets through only who comes from this address. */
export function rbacAllowing(name: string, address: string): EncodedResource {
  const principal = { addressPrefix: address, prefixLen: 32 };
  const typedConfig = pack(RBACSchema, {
    statPrefix: 'tcp.',
    rules: {
      action: RBAC_Action.ALLOW,
      policies: {
        only: {
          permissions: [{ rule: { case: 'any', value: true } }],
          principals: [{ identifier: { case: 'directRemoteIp', value: principal } }],
        },
      },
    },
  });
  return encodeResource(name, TypedExtensionConfigSchema, { name, typedConfig });
}

const ADS_JSON = { ads: {}, resource_api_version: 'V3' };
const FILTER_STATE =
  'type.googleapis.com/envoy.extensions.filters.network.set_filter_state.v3.Config';
const TCP_PROXY = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
const HTTP_OPTIONS = 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/**
 * One static listener `outbound` that names the cluster by where the connection was going, and
 * everything else from the control plane on this Unix socket. All of 127/8 is loopback, so each
 * of its addresses is a destination of its own.
 */
export function bootstrap(socketPath: string): Readonly<Record<string, unknown>> {
  return {
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      cds_config: ADS_JSON,
      lds_config: ADS_JSON,
    },
    static_resources: {
      clusters: [xdsCluster(socketPath)],
      listeners: [outboundListener()],
    },
  };
}

function xdsCluster(socketPath: string): unknown {
  const endpoint = { address: { pipe: { path: socketPath } } };
  return {
    name: 'xds',
    type: 'STATIC',
    connect_timeout: '1s',
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': HTTP_OPTIONS,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: { cluster_name: 'xds', endpoints: [{ lb_endpoints: [{ endpoint }] }] },
  };
}

function outboundListener(): unknown {
  const nameByAddress = {
    object_key: 'envoy.tcp_proxy.cluster',
    format_string: {
      text_format_source: { inline_string: 'dst|%DOWNSTREAM_LOCAL_ADDRESS%' },
    },
  };
  const filters = [
    {
      name: 'envoy.filters.network.set_filter_state',
      typed_config: { '@type': FILTER_STATE, on_new_connection: [nameByAddress] },
    },
    {
      name: 'envoy.filters.network.tcp_proxy',
      typed_config: {
        '@type': TCP_PROXY,
        stat_prefix: 'outbound',
        cluster: 'none',
        idle_timeout: '0s',
        on_demand: { odcds_config: ADS_JSON, timeout: `${ON_DEMAND_TIMEOUT_SECONDS}s` },
      },
    },
  ];
  return {
    name: 'outbound',
    address: { socket_address: { address: '0.0.0.0', port_value: 0 } },
    filter_chains: [{ filters }],
  };
}
