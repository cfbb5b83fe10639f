// An Envoy pair by hand, as somebody would write it who knows each address and wants what the mesh
// gives: mutual TLS with certificates from the agent, authorization by the client's identity, the
// client's certificate for the application, retries of what has not been done yet, faults and
// cross-origin rules when a route says so, Istio's log line, and the access-log stream to the agent
// with the same facts in it. Names are literals here.
import { beside, PAIR, PORTS, PROXY_MARK, type Port } from './data-ports.ts';

const TYPE = 'type.googleapis.com/envoy';
/** Istio's, as it is when nobody says otherwise. */
const LOG_FORMAT = `${[
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%"',
  '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS%',
  '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION%',
  '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%"',
  '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER%',
  '%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS%',
  '%REQUESTED_SERVER_NAME% %ROUTE_NAME%',
].join(' ')}\n`;

export type PairSide = {
  /** The agent's socket: certificates come from there, and the access-log stream goes there. */
  readonly agent: string;
  readonly logFile: string;
  readonly adminPort: number;
  /** Without: no log, no stream, no reports of open connections. */
  readonly hasLogs: boolean;
};

type Side = 'client' | 'server';

const ports: readonly Port[] = ['postgres', 'echo', 'http'];

const typed = (name: string, type: string, config: object = {}) => ({
  name,
  typed_config: { '@type': `${TYPE}.${type}`, ...config },
});

const socket = (address: string, port: number) => ({
  socket_address: { address, port_value: port },
});

const accessLogs = (pair: PairSide, side: Side, port: Port) => {
  if (!pair.hasLogs) return [];
  return port === 'http'
    ? [
        fileLog(pair),
        typed('http', 'extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig', {
          common_config: sinkConfig(side, port),
        }),
      ]
    : [
        {
          ...fileLog(pair),
          filter: { log_type_filter: { types: ['TcpConnectionEnd'] } },
        },
        typed('tcp', 'extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig', {
          common_config: sinkConfig(side, port),
        }),
      ];
};

const fileLog = ({ logFile }: PairSide) =>
  typed('file', 'extensions.access_loggers.file.v3.FileAccessLog', {
    path: logFile,
    log_format: { text_format_source: { inline_string: LOG_FORMAT } },
  });

/** What whoever counts by workload wants to know of a connection, and of a request besides. */
const TAGS: Readonly<Record<Side | 'request', Readonly<Record<string, string>>>> = {
  server: { response_flags: '%RESPONSE_FLAGS%' },
  client: {
    response_flags: '%RESPONSE_FLAGS%',
    upstream_local_uri: '%UPSTREAM_LOCAL_URI_SAN%',
    upstream_peer_uri: '%UPSTREAM_PEER_URI_SAN%',
    upstream_peer_subject: '%UPSTREAM_PEER_SUBJECT%',
    upstream_tls_version: '%UPSTREAM_TLS_VERSION%',
  },
  request: { content_type: '%REQ(CONTENT-TYPE)%', grpc_status: '%GRPC_STATUS_NUMBER%' },
};

const serviceOf = (port: Port): string => `${port}.default.svc.cluster.local|${port}|default`;

const sinkConfig = (side: Side, port: Port) => ({
  log_name: `pair-${side}-${port === 'http' ? 'http' : 'tcp'}`,
  transport_api_version: 'V3',
  buffer_flush_interval: '0.25s',
  grpc_service: { envoy_grpc: { cluster_name: 'agent' } },
  custom_tags: [
    ...Object.entries({ ...TAGS[side], ...(port === 'http' && TAGS.request) }).map(
      ([tag, value]) => ({ tag, value }),
    ),
    { tag: 'service', literal: { value: serviceOf(port) } },
  ],
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

/** What cannot have been done yet is tried again, elsewhere if there is an elsewhere. */
const RETRIES: Readonly<Record<Side, object>> = {
  client: {
    retry_on: 'connect-failure,refused-stream,reset-before-request,unavailable,cancelled',
    num_retries: 2,
    retry_host_predicate: [
      typed(
        'envoy.retry_host_predicates.previous_hosts',
        'extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
      ),
    ],
    host_selection_retry_max_attempts: 5,
  },
  server: { retry_on: 'reset-before-request', num_retries: 2 },
};

/** Idle until a route has something for them, as a VirtualService may any time. */
const ROUTE_FILTERS: Readonly<Record<Side, readonly object[]>> = {
  client: [
    typed('envoy.filters.http.fault', 'extensions.filters.http.fault.v3.HTTPFault'),
    typed('envoy.filters.http.cors', 'extensions.filters.http.cors.v3.Cors'),
  ],
  server: [],
};

/** The application learns from its request who the client is; a client's application says it. */
const IDENTITY: Readonly<Record<Side, object>> = {
  client: {},
  server: {
    forward_client_cert_details: 'APPEND_FORWARD',
    set_current_client_cert_details: { subject: true, dns: true, uri: true },
  },
};

const connectionManager = (pair: PairSide, side: Side, filters: readonly object[] = []) =>
  typed(
    'envoy.filters.network.http_connection_manager',
    'extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    {
      stat_prefix: 'http',
      access_log: accessLogs(pair, side, 'http'),
      use_remote_address: false,
      normalize_path: true,
      ...IDENTITY[side],
      http_filters: [
        ...filters,
        ...ROUTE_FILTERS[side],
        typed('envoy.filters.http.router', 'extensions.filters.http.router.v3.Router'),
      ],
      route_config: {
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            include_request_attempt_count: side === 'client',
            routes: [
              {
                name: 'default',
                match: { prefix: '/' },
                route: { cluster: 'http', timeout: '0s', retry_policy: RETRIES[side] },
              },
            ],
          },
        ],
      },
    },
  );

const REPORTS = { access_log_flush_interval: '1s', flush_access_log_on_connected: true };

const tcpProxy = (port: Port, access_log: readonly object[], more: object = {}) =>
  typed('envoy.filters.network.tcp_proxy', 'extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: port,
    cluster: port,
    idle_timeout: '0s',
    access_log,
    ...(access_log.length > 0 && { access_log_options: REPORTS }),
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
      port === 'http'
        ? connectionManager(side, 'client')
        : tcpProxy(port, accessLogs(side, 'client', port)),
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
            connectionManager(side, 'server', [
              typed('envoy.filters.http.rbac', 'extensions.filters.http.rbac.v3.RBAC', rules),
            ]),
          ]
        : [
            typed('envoy.filters.network.rbac', 'extensions.filters.network.rbac.v3.RBAC', {
              stat_prefix: port,
              ...rules,
            }),
            tcpProxy(port, accessLogs(side, 'server', port), {
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
