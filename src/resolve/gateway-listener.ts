// A gateway's listeners: one for each port, bound and named as Istio names it, with everything that
// the port serves in it or (HTTP) in a route table of its own. Strangers reach these: nothing in
// here is asked for on demand, and limits are Envoy's for the edge of a network.
//
// https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/best_practices/edge
import type { MessageInitShape } from '@bufbuild/protobuf';
import { assertNever } from '#base/assert-never.ts';
import { TrafficDirection } from '#gen/envoy/config/core/v3/base_pb.js';
import type { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type {
  FilterChainSchema,
  FilterSchema,
} from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { TlsInspectorSchema } from '#gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import {
  HttpConnectionManager_ForwardClientCertDetails,
  HttpConnectionManagerSchema,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { ACCESS_LOG_OPTIONS, httpAccessLogs, tcpAccessLogs } from './access-log.ts';
import { TCP_KEEPALIVE } from './cluster.ts';
import type { TableChain } from './gateway-table.ts';
import type { Target } from './http-table.ts';
import { ROUTE_FILTERS } from './http-filters.ts';
import { policyFilter } from './inbound-http.ts';
import { connectionPolicies } from './inbound.ts';
import { ADS, extension, milliseconds, socketAddress } from './message.ts';
import type { TypedConfig } from './message.ts';
import { gatewayListenerName, gatewayRoutesName } from './names.ts';
import type { GatewayAddress } from './names.ts';
import { ANY_ADDRESS, NEVER_IDLE, onDemandTcp } from './outbound.ts';
import type { RequestTelemetry } from './telemetry.ts';
import { terminate } from './tls-server.ts';
import { traced } from './tracing.ts';

type Listener = MessageInitShape<typeof ListenerSchema>;
type FilterChain = MessageInitShape<typeof FilterChainSchema>;
type Filter = MessageInitShape<typeof FilterSchema>;

export type GatewayListenerInput = {
  readonly address: GatewayAddress;
  readonly content:
    | { readonly kind: 'http' }
    /** TLS, ended here or handed through, by the name that the client asks for. */
    | { readonly kind: 'tls'; readonly chains: readonly TableChain[] }
    | { readonly kind: 'tcp'; readonly chain: TableChain };
  readonly telemetry: RequestTelemetry;
  /** Of clients that come with the mesh's certificates. */
  readonly trustDomains: readonly string[];
};

/** How long a client may take to say which name it wants. */
const INSPECTION_TIMEOUT_MS = 15_000;
/** A request or response on which nothing moves. Envoy's default, said. */
const STREAM_IDLE_TIMEOUT_MS = 300_000;
/** A client that sends its headers byte by byte holds a connection for no longer than this. */
const HEADERS_TIMEOUT_MS = 15_000;
/** A connection between two requests. Envoy's default, said. */
const CONNECTION_IDLE_TIMEOUT_MS = 3_600_000;
const BUFFER_BYTES_MAX = 32 << 10;
const STREAMS_MAX = 100;
const STREAM_WINDOW_BYTES = 64 << 10;
const CONNECTION_WINDOW_BYTES = 1 << 20;
/** As Istio's gateways call themselves. */
const SERVER_NAME = 'istio-envoy';

export function buildGatewayListener(input: GatewayListenerInput): Listener {
  const { address, content } = input;
  return {
    name: gatewayListenerName(address),
    address: socketAddress({ address: address.bind || ANY_ADDRESS, port: address.port }),
    trafficDirection: TrafficDirection.OUTBOUND,
    tcpKeepalive: TCP_KEEPALIVE,
    ...(content.kind === 'tls' && {
      listenerFilters: [extension('envoy.filters.listener.tls_inspector', TlsInspectorSchema, {})],
      listenerFiltersTimeout: milliseconds(INSPECTION_TIMEOUT_MS),
    }),
    ...(hasRequests(content) && { perConnectionBufferLimitBytes: BUFFER_BYTES_MAX }),
    filterChains: filterChains(input),
  };
}

const hasRequests = (content: GatewayListenerInput['content']): boolean =>
  content.kind === 'http' ||
  (content.kind === 'tls' && content.chains.some((chain) => chain.content.kind === 'http'));

function filterChains(input: GatewayListenerInput): FilterChain[] {
  const { address, content } = input;
  switch (content.kind) {
    case 'http':
      return [{ name: 'http', filters: [connectionManager(input, gatewayRoutesName(address))] }];
    case 'tls':
      return content.chains.map((chain) => tlsChain(input, chain));
    case 'tcp':
      return [{ name: 'tcp', filters: chainFilters(input, content.chain) }];
    default:
      return assertNever(content);
  }
}

/** By which mesh TLS is told from any other. */
const MESH_ALPNS = ['istio', 'istio-peer-exchange', 'istio-http/1.0', 'istio-http/1.1', 'istio-h2'];

/** What a server of requests agrees to. */
const HTTP_ALPNS = ['h2', 'http/1.1'];

function tlsChain(input: GatewayListenerInput, chain: TableChain): FilterChain {
  const { serverNames, termination, content } = chain;
  const alpnProtocols = content.kind === 'http' ? HTTP_ALPNS : [];
  const { trustDomains } = input;
  return {
    name: `sni|${serverNames.join(',')}`,
    filterChainMatch: {
      transportProtocol: 'tls',
      // any name is what no name says; Envoy knows no `*` by itself
      serverNames: serverNames.includes('*') ? [] : [...serverNames],
      // only who speaks mesh TLS says a service's name
      applicationProtocols: content.kind === 'by-name' ? [...MESH_ALPNS] : [],
    },
    filters: chainFilters(input, chain),
    ...(termination && {
      transportSocket: terminate(termination, { alpnProtocols, trustDomains }),
    }),
  };
}

function chainFilters(input: GatewayListenerInput, { content }: TableChain): Filter[] {
  const { address, telemetry } = input;
  switch (content.kind) {
    case 'http': // policies are about requests, not about the connections that bring them
      return [connectionManager(input, content.routes)];
    case 'tcp':
      return [...connectionPolicies(address.port), tcpProxy(input, content.targets)];
    case 'by-name': // whoever is behind it asks who the client is
      return onDemandTcp(telemetry.logs, '%REQUESTED_SERVER_NAME%');
    default:
      return assertNever(content);
  }
}

function connectionManager(
  { address, telemetry }: GatewayListenerInput,
  routeConfigName: string,
): TypedConfig {
  return extension('envoy.filters.network.http_connection_manager', HttpConnectionManagerSchema, {
    statPrefix: `outbound_${gatewayListenerName(address)}`,
    routeSpecifier: {
      case: 'rds',
      value: { configSource: ADS, routeConfigName },
    },
    httpFilters: [
      policyFilter(address.port),
      ...ROUTE_FILTERS,
      extension('envoy.filters.http.router', RouterSchema, {}),
    ],
    accessLog: httpAccessLogs(telemetry.logs, 'outbound'),
    ...traced(telemetry.trace),
    // who the client is, is who connects: what it says of itself in x-forwarded-for is not believed
    useRemoteAddress: true,
    forwardClientCertDetails: HttpConnectionManager_ForwardClientCertDetails.SANITIZE_SET,
    setCurrentClientCertDetails: { subject: true, cert: true, dns: true, uri: true },
    normalizePath: true,
    serverName: SERVER_NAME,
    upgradeConfigs: [{ upgradeType: 'websocket' }],
    streamIdleTimeout: milliseconds(STREAM_IDLE_TIMEOUT_MS),
    requestHeadersTimeout: milliseconds(HEADERS_TIMEOUT_MS),
    commonHttpProtocolOptions: { idleTimeout: milliseconds(CONNECTION_IDLE_TIMEOUT_MS) },
    http2ProtocolOptions: {
      maxConcurrentStreams: STREAMS_MAX,
      initialStreamWindowSize: STREAM_WINDOW_BYTES,
      initialConnectionWindowSize: CONNECTION_WINDOW_BYTES,
    },
  });
}

function tcpProxy({ telemetry }: GatewayListenerInput, targets: readonly Target[]): TypedConfig {
  const [first, ...others] = targets;
  const statPrefix = first?.cluster ?? 'none';
  return extension('envoy.filters.network.tcp_proxy', TcpProxySchema, {
    statPrefix,
    clusterSpecifier:
      others.length === 0
        ? { case: 'cluster', value: statPrefix }
        : {
            case: 'weightedClusters',
            value: { clusters: targets.map(({ cluster: name, weight }) => ({ name, weight })) },
          },
    idleTimeout: NEVER_IDLE,
    accessLog: tcpAccessLogs(telemetry.logs, 'outbound'),
    accessLogOptions: ACCESS_LOG_OPTIONS,
  });
}
