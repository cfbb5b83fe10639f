// A sidecar's listener for one port number on which services speak HTTP: virtualOutbound hands the
// connections to that number over to it. Nothing of any service is in it: its route table is empty,
// and Envoy asks for the virtual host of each authority, and for the cluster of each route, when it
// first meets them.
//
// What does not begin like a request goes where TCP goes, by the address that was dialled.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { TrafficDirection } from '#gen/envoy/config/core/v3/base_pb.js';
import type { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { CorsSchema } from '#gen/envoy/extensions/filters/http/cors/v3/cors_pb.js';
import { HTTPFaultSchema } from '#gen/envoy/extensions/filters/http/fault/v3/fault_pb.js';
import { OnDemandSchema } from '#gen/envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js';
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import { HttpInspectorSchema } from '#gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js';
import {
  HttpConnectionManager_ServerHeaderTransformation,
  HttpConnectionManagerSchema,
} from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { httpAccessLogs } from './access-log.ts';
import { TCP_KEEPALIVE } from './cluster.ts';
import { ADS, extension, milliseconds, socketAddress, V3 } from './message.ts';
import type { TypedConfig } from './message.ts';
import { httpListenerName, sidecarRoutesName, tcpListenerName } from './names.ts';
import type { Destination } from './names.ts';
import { ANY_ADDRESS, everywhere, ON_DEMAND_TIMEOUT_MS, onDemandTcp } from './outbound.ts';
import type { AccessLogSettings, RequestTelemetry } from './telemetry.ts';
import { traced } from './tracing.ts';

type Listener = MessageInitShape<typeof ListenerSchema>;

/**
 * How long a connection on a port where requests are expected may stay silent until it is taken for
 * TCP: a server that speaks first is held up for so long where nobody has declared its port. (Istio
 * waits without end.)
 */
const DETECTION_TIMEOUT_MS = 5000;

/**
 * How long a request may wait for its virtual host when the control plane is away: Envoy itself
 * would hold it for ever. Routes set a limit of their own, or none, as soon as they are known.
 */
const ROUTE_WAIT_MS = 15_000;

/** A connection between two requests. Envoy's default, said. */
const CONNECTION_IDLE_TIMEOUT_MS = 3_600_000;

/**
 * Envoy begins with an empty subscription, to which there is no answer that counts, and holds the
 * listener back for so long.
 */
const EMPTY_FETCH_TIMEOUT_MS = 50;

/** What a VirtualService's directResponse may have (Istio's limit); Envoy's own is 4 KiB. */
export const DIRECT_RESPONSE_BYTES_MAX = 1 << 20;

/** How Envoy's inspector names what it has found. */
const HTTP_PROTOCOLS = ['http/1.0', 'http/1.1', 'h2c'];

/** Not bound: connections come from virtualOutbound, which hands over by address or number. */
export const handedOver = (destination: Destination) =>
  ({
    address: socketAddress(destination),
    bindToPort: false,
    trafficDirection: TrafficDirection.OUTBOUND,
    tcpKeepalive: TCP_KEEPALIVE,
  }) satisfies Listener;

export function buildHttpListener(
  { port, hasIpv6 }: { readonly port: number; readonly hasIpv6: boolean },
  telemetry: RequestTelemetry,
): Listener {
  return {
    name: httpListenerName(port),
    ...handedOver({ address: ANY_ADDRESS, port }),
    ...everywhere(port, hasIpv6),
    listenerFilters: [extension('envoy.filters.listener.http_inspector', HttpInspectorSchema, {})],
    listenerFiltersTimeout: milliseconds(DETECTION_TIMEOUT_MS),
    continueOnListenerFiltersTimeout: true,
    filterChains: [
      {
        name: 'http',
        filterChainMatch: { applicationProtocols: HTTP_PROTOCOLS },
        filters: [connectionManager(port, telemetry)],
      },
    ],
    defaultFilterChain: { name: 'tcp', filters: onDemandTcp(telemetry.logs) },
  };
}

/** A destination whose bytes are not to be looked at, on a port number where requests are. */
export function buildTcpListener(destination: Destination, settings: AccessLogSettings): Listener {
  return {
    name: tcpListenerName(destination),
    ...handedOver(destination),
    filterChains: [{ name: 'tcp', filters: onDemandTcp(settings) }],
  };
}

export function connectionManager(port: number, { logs, trace }: RequestTelemetry): TypedConfig {
  return extension('envoy.filters.network.http_connection_manager', HttpConnectionManagerSchema, {
    statPrefix: `outbound_${httpListenerName(port)}`,
    routeSpecifier: {
      case: 'rds',
      value: { configSource: ADS, routeConfigName: sidecarRoutesName(port) },
    },
    httpFilters: [
      // first: what it waits for makes the request begin anew, with a route that the others read
      extension('envoy.filters.http.on_demand', OnDemandSchema, {
        odcds: { source: ADS, timeout: milliseconds(ON_DEMAND_TIMEOUT_MS) },
      }),
      // idle until a route has something for them
      extension('envoy.filters.http.fault', HTTPFaultSchema, {}),
      extension('envoy.filters.http.cors', CorsSchema, {}),
      extension('envoy.filters.http.router', RouterSchema, {}),
    ],
    accessLog: httpAccessLogs(logs, 'outbound'),
    ...traced(trace),
    // the client is the application itself: what its request says is its own
    useRemoteAddress: false,
    normalizePath: true,
    serverHeaderTransformation: HttpConnectionManager_ServerHeaderTransformation.PASS_THROUGH,
    upgradeConfigs: [{ upgradeType: 'websocket' }],
    streamIdleTimeout: milliseconds(ROUTE_WAIT_MS),
    commonHttpProtocolOptions: { idleTimeout: milliseconds(CONNECTION_IDLE_TIMEOUT_MS) },
  });
}

/** Never any virtual host in it, a `*` least of all: that would end the asking. */
export function buildSidecarRoutes(
  port: number,
): MessageInitShape<typeof RouteConfigurationSchema> {
  return {
    name: sidecarRoutesName(port),
    vhds: {
      configSource: {
        configSourceSpecifier: { case: 'ads', value: {} },
        resourceApiVersion: V3,
        initialFetchTimeout: milliseconds(EMPTY_FETCH_TIMEOUT_MS),
      },
    },
    // a route's cluster is fetched when the first request takes the route
    validateClusters: false,
    maxDirectResponseBodySizeBytes: DIRECT_RESPONSE_BYTES_MAX,
  };
}
