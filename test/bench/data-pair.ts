// An Envoy pair by hand, as somebody would write it who knows each address and needs nothing else:
// mutual TLS with certificates from the agent, authorization by the client's identity, a log line,
// and the access-log stream to the agent.
import { beside, PAIR, PORTS, PROXY_MARK, type Port } from './data-ports.ts';

const TYPE = 'type.googleapis.com/envoy';
const LOG_FORMAT =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% ' +
  '%RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER% ' +
  '%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS%\n';

export type PairSide = {
  /** The agent's socket: certificates come from there, and the access-log stream goes there. */
  readonly agent: string;
  readonly logFile: string;
  readonly adminPort: number;
};

const ports: readonly Port[] = ['postgres', 'echo', 'http'];

const typed = (name: string, type: string, config: object = {}) => ({
  name,
  typed_config: { '@type': `${TYPE}.${type}`, ...config },
});

const socket = (address: string, port: number) => ({
  socket_address: { address, port_value: port },
});

const tcpLogs = (side: PairSide) => [
  {
    ...fileLog(side),
    filter: { log_type_filter: { types: ['TcpConnectionEnd'] } },
  },
  typed('tcp', 'extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig', {
    common_config: sinkConfig('pair-tcp'),
  }),
];

const httpLogs = (side: PairSide) => [
  fileLog(side),
  typed('http', 'extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig', {
    common_config: sinkConfig('pair-http'),
  }),
];

const fileLog = ({ logFile }: PairSide) =>
  typed('file', 'extensions.access_loggers.file.v3.FileAccessLog', {
    path: logFile,
    log_format: { text_format_source: { inline_string: LOG_FORMAT } },
  });

/** What whoever counts by workload wants to know of a connection. */
const TAGS = [
  ['response_flags', '%RESPONSE_FLAGS%'],
  ['upstream_local_uri', '%UPSTREAM_LOCAL_URI_SAN%'],
  ['upstream_peer_uri', '%UPSTREAM_PEER_URI_SAN%'],
  ['upstream_peer_subject', '%UPSTREAM_PEER_SUBJECT%'],
] as const;

const sinkConfig = (log_name: string) => ({
  log_name,
  transport_api_version: 'V3',
  buffer_flush_interval: '0.25s',
  grpc_service: { envoy_grpc: { cluster_name: 'agent' } },
  custom_tags: TAGS.map(([tag, value]) => ({ tag, value })),
});

const agentCluster = ({ agent }: PairSide) => ({
  name: 'agent',
  type: 'STATIC',
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': `${TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
  load_assignment: {
    cluster_name: 'agent',
    endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: agent } } } }] }],
  },
});

/** Certificates come from the agent, as the mesh's do. */
const SDS = {
  api_config_source: {
    api_type: 'GRPC',
    transport_api_version: 'V3',
    set_node_on_first_message_only: true,
    grpc_services: [{ envoy_grpc: { cluster_name: 'agent' } }],
  },
  initial_fetch_timeout: '0s',
  resource_api_version: 'V3',
};

const tls = (alpn: readonly string[]) => ({
  tls_params: {
    tls_minimum_protocol_version: 'TLSv1_3',
    tls_maximum_protocol_version: 'TLSv1_3',
  },
  alpn_protocols: alpn,
  tls_certificate_sds_secret_configs: [{ name: 'default', sds_config: SDS }],
  combined_validation_context: {
    default_validation_context: {
      match_typed_subject_alt_names: [
        { san_type: 'URI', matcher: { prefix: 'spiffe://cluster.local/' } },
      ],
    },
    validation_context_sds_secret_config: { name: 'ROOTCA', sds_config: SDS },
  },
});

const cluster = (name: string, at: { address: string; port: number }, more: object = {}) => ({
  name,
  type: 'STATIC',
  connect_timeout: '10s',
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(at.address, at.port) } }] }],
  },
  ...more,
});

const connectionManager = (port: Port, logs: readonly object[], filters: readonly object[] = []) =>
  typed(
    'envoy.filters.network.http_connection_manager',
    'extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    {
      stat_prefix: port,
      access_log: logs,
      http_filters: [
        ...filters,
        typed('envoy.filters.http.router', 'extensions.filters.http.router.v3.Router'),
      ],
      route_config: {
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [{ match: { prefix: '/' }, route: { cluster: port, timeout: '0s' } }],
          },
        ],
      },
    },
  );

const tcpProxy = (port: Port, logs: readonly object[], more: object = {}) =>
  typed('envoy.filters.network.tcp_proxy', 'extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: port,
    cluster: port,
    idle_timeout: '0s',
    access_log: logs,
    access_log_options: { access_log_flush_interval: '1s', flush_access_log_on_connected: true },
    ...more,
  });

const ORIGINAL_DST = typed(
  'envoy.filters.listener.original_dst',
  'extensions.filters.listener.original_dst.v3.OriginalDst',
);

const bootstrap = (side: PairSide, config: object) =>
  JSON.stringify({
    node: { id: 'pair', cluster: 'pair' },
    admin: { address: socket('127.0.0.1', side.adminPort) },
    cluster_manager: {
      upstream_bind_config: {
        source_address: { address: '0.0.0.0', port_value: 0 },
        socket_options: [{ level: 1, name: 36, int_value: PROXY_MARK, state: 'STATE_PREBIND' }],
      },
    },
    static_resources: config,
  });

export function clientConfig(side: PairSide, server: string): string {
  const chains = ports.map((port) => ({
    filter_chain_match: { destination_port: PORTS[port] },
    filters: [
      port === 'http' ? connectionManager(port, httpLogs(side)) : tcpProxy(port, tcpLogs(side)),
    ],
  }));
  const clusters = ports.map((port) =>
    cluster(
      port,
      { address: server, port: beside(1, port) },
      {
        transport_socket: typed(
          'envoy.transport_sockets.tls',
          'extensions.transport_sockets.tls.v3.UpstreamTlsContext',
          {
            sni: `outbound_.${PORTS[port]}_._.pair`,
            max_session_keys: 64,
            common_tls_context: tls(port === 'http' ? ['http/1.1'] : ['istio']),
          },
        ),
      },
    ),
  );
  return bootstrap(side, {
    listeners: [
      {
        name: 'outbound',
        address: socket('0.0.0.0', PAIR.outbound),
        listener_filters: [ORIGINAL_DST],
        filter_chains: chains,
      },
    ],
    clusters: [...clusters, agentCluster(side)],
  });
}

export function serverConfig(side: PairSide, client: string): string {
  const principal = { authenticated: { principal_name: { exact: client } } };
  const policies = { client: { permissions: [{ any: true }], principals: [principal] } };
  const rules = { rules: { policies } };
  const chains = ports.map((port) => ({
    filter_chain_match: { destination_port: beside(1, port), transport_protocol: 'tls' },
    transport_socket: typed(
      'envoy.transport_sockets.tls',
      'extensions.transport_sockets.tls.v3.DownstreamTlsContext',
      {
        require_client_certificate: true,
        common_tls_context: tls(port === 'http' ? ['http/1.1'] : ['istio']),
      },
    ),
    filters:
      port === 'http'
        ? [
            connectionManager(port, httpLogs(side), [
              typed('envoy.filters.http.rbac', 'extensions.filters.http.rbac.v3.RBAC', rules),
            ]),
          ]
        : [
            typed('envoy.filters.network.rbac', 'extensions.filters.network.rbac.v3.RBAC', {
              stat_prefix: port,
              ...rules,
            }),
            tcpProxy(port, tcpLogs(side), {
              upstream_connect_mode: 'ON_DOWNSTREAM_DATA',
              max_early_data_bytes: 8192,
            }),
          ],
  }));
  return bootstrap(side, {
    listeners: [
      {
        name: 'inbound',
        address: socket('0.0.0.0', PAIR.inbound),
        listener_filters: [
          ORIGINAL_DST,
          typed(
            'envoy.filters.listener.tls_inspector',
            'extensions.filters.listener.tls_inspector.v3.TlsInspector',
          ),
        ],
        filter_chains: chains,
      },
    ],
    clusters: [
      ...ports.map((port) => cluster(port, { address: '127.0.0.1', port: PORTS[port] })),
      agentCluster(side),
    ],
  });
}
