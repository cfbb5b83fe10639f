// What Envoy knows before anybody tells it anything: who it is, where its agent listens, and what
// marks its traffic. Everything else comes over xDS. Pure; JSON, because in YAML `y` is a boolean.
import { PROXY_MARK } from '../capture/plan.ts';
import type { AgentConfig } from '../config.ts';

/** Clusters of the bootstrap that configuration from the control plane refers to by name. */
export const XDS_CLUSTER = 'xds-grpc';
export const SDS_CLUSTER = 'sds-grpc';
export const ALS_CLUSTER = 'als-grpc';

const TYPE = 'type.googleapis.com/envoy';
const MONITORS = `${TYPE}.extensions.resource_monitors`;
/** Linux: SOL_SOCKET and SO_MARK, asm-generic/socket.h. */
const SOL_SOCKET = 1;
const SO_MARK = 36;
/**
 * Waits for the agent's socket are short: it is local, and a restarted agent is to be found soon.
 */
const RETRY_BACKOFF = { base_interval: '0.1s', max_interval: '2s' };

export type BootstrapOptions = {
  readonly config: Pick<AgentConfig, 'node' | 'envoy' | 'capture' | 'dns'>;
  /** The address that this workload is known by. */
  readonly ip: string;
  /** The agent's Unix socket. */
  readonly socketPath: string;
};

/** Istio's form: `<role>~<ip>~<name>.<namespace>~<dns domain>`. */
export function nodeId(options: Pick<BootstrapOptions, 'config' | 'ip'>): string {
  const { role, name, namespace, dnsDomain } = options.config.node;
  return `${role}~${options.ip}~${name}.${namespace}~${dnsDomain}`;
}

/** The text of Envoy's configuration file. */
export function renderBootstrap(options: BootstrapOptions): string {
  const { config, socketPath } = options;
  const bootstrap = {
    node: renderNode(options),
    admin: {
      address: socketAddress('127.0.0.1', config.envoy.adminPort),
      ignore_global_conn_limit: true,
    },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: XDS_CLUSTER,
              retry_policy: { retry_back_off: RETRY_BACKOFF },
            },
          },
        ],
      },
      // no timeout: an Envoy that listens before it has its configuration would refuse what it may
      // have to accept a moment later
      lds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' },
      cds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' },
    },
    ...(config.dns && { typed_dns_resolver_config: dnsResolver(config.dns.outsidePort) }),
    ...(config.capture.mode !== 'NONE' && { cluster_manager: { upstream_bind_config: MARKED } }),
    static_resources: {
      clusters: [XDS_CLUSTER, SDS_CLUSTER, ALS_CLUSTER].map((name) =>
        agentCluster(name, socketPath),
      ),
    },
    overload_manager: {
      resource_monitors: [
        {
          name: 'envoy.resource_monitors.global_downstream_max_connections',
          typed_config: {
            '@type': `${MONITORS}.downstream_connections.v3.DownstreamConnectionsConfig`,
            max_active_downstream_connections: config.envoy.connectionsMax,
          },
        },
      ],
    },
  };
  return `${JSON.stringify(bootstrap, undefined, 2)}\n`;
}

function renderNode(options: BootstrapOptions): object {
  const { node } = options.config;
  return {
    id: nodeId(options),
    cluster: `${node.name}.${node.namespace}`,
    metadata: {
      ...node.metadata,
      NAME: node.name,
      NAMESPACE: node.namespace,
      SERVICE_ACCOUNT: node.serviceAccount,
      CLUSTER_ID: node.clusterId,
      INSTANCE_IPS: options.ip,
    },
  };
}

/**
 * Every upstream socket carries the mark by which the capture rules let the proxy's own traffic
 * out. Needs CAP_NET_ADMIN: without it each upstream connection fails. One address for each
 * family: a socket is bound to the one of its own.
 */
const MARKED = {
  source_address: { address: '0.0.0.0', port_value: 0 },
  socket_options: [markOption()],
  extra_source_addresses: [
    {
      address: { address: '::', port_value: 0 },
      socket_options: { socket_options: [markOption()] },
    },
  ],
};

/**
 * Envoy looks names up to leave the mesh: the mesh's own addresses for them would lead it nowhere.
 * Its queries carry no mark, so the capture rules cannot tell them from the workload's.
 */
function dnsResolver(port: number): object {
  return {
    name: 'envoy.network.dns_resolver.cares',
    typed_config: {
      '@type': `${TYPE}.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig`,
      resolvers: [socketAddress('127.0.0.1', port)],
      dns_resolver_options: { no_default_search_domain: true },
    },
  };
}

function markOption(): object {
  return {
    description: 'SO_MARK',
    level: SOL_SOCKET,
    name: SO_MARK,
    int_value: PROXY_MARK,
    state: 'STATE_PREBIND',
  };
}

function agentCluster(name: string, socketPath: string): object {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': `${TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: socketPath } } } }] }],
    },
  };
}

const socketAddress = (address: string, port: number): object => ({
  socket_address: { address, port_value: port },
});
