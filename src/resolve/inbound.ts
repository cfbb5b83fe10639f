// virtualInbound: the one listener that takes every connection to a workload's own ports, with
// filter chains of their own for each port, so that nothing that happens to one port touches the
// sessions of another. What a chain needs is in it from birth; certificates come by SDS and
// authorization by extension config discovery, and change without touching the chain.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { assertNever } from '#base/assert-never.ts';
import { TrafficDirection } from '#gen/envoy/config/core/v3/base_pb.js';
import type { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import type { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type {
  FilterChainMatchSchema,
  FilterChainSchema,
  FilterSchema,
  ListenerFilterSchema,
} from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { HttpInspectorSchema } from '#gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb.js';
import { OriginalDstSchema } from '#gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js';
import { TlsInspectorSchema } from '#gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import {
  TcpProxySchema,
  UpstreamConnectMode,
} from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import type { TlsTermination } from '#istio/gateway/server-tls.ts';
import type { MtlsMode } from '#istio/peerauthentication/peer-authentication.ts';
import { ACCESS_LOG_OPTIONS, tcpAccessLogs } from './access-log.ts';
import { TCP_KEEPALIVE } from './cluster.ts';
import { NEVER_HTTP_PORTS, UNINSPECTED_PORTS } from './first-speaker.ts';
import type { FirstSpeaker, PortContent } from './first-speaker.ts';
import { inboundRequests } from './inbound-http.ts';
import { HTTP_INSPECTION, TCP_AUTHORIZER } from './inbound-names.ts';
import { ADS, extension, milliseconds, packed, socketAddress } from './message.ts';
import type { TypedConfig } from './message.ts';
import { chainKinds } from './mtls-mode.ts';
import {
  explicitListenerName,
  filterChainName,
  INBOUND_PASSTHROUGH,
  inboundName,
  rbacName,
  TYPE_URL,
  VIRTUAL_INBOUND,
  VIRTUAL_INBOUND_PORT,
} from './names.ts';
import type { ChainKind, ChainPort, Destination, RbacKind } from './names.ts';
import { everywhere, NEVER_IDLE, ORIGINAL_DST, trapChain } from './outbound.ts';
import type { RequestTelemetry } from './telemetry.ts';
import { terminate } from './tls-server.ts';
import { HTTP_SERVER_ALPNS, serverTls } from './tls.ts';

type Filter = MessageInitShape<typeof FilterSchema>;
type FilterChain = MessageInitShape<typeof FilterChainSchema>;
type FilterChainMatch = MessageInitShape<typeof FilterChainMatchSchema>;
type ListenerFilter = MessageInitShape<typeof ListenerFilterSchema>;

export type InboundListenerPort = {
  /** The workload's own port, not the service's. */
  readonly port: number;
  /** Of a service? Else policy alone names it, and it is delivered like any undeclared port. */
  readonly isServed: boolean;
  readonly mode: MtlsMode;
  readonly speaker: FirstSpeaker;
  readonly content: PortContent;
  /** TLS of the workload's own instead of the mesh's. */
  readonly termination?: TlsTermination;
};

/** What every inbound listener is made of. */
export type ListenerInput = {
  /** The ports that services declare, and those that PeerAuthentication names. */
  readonly ports: readonly InboundListenerPort[];
  /** The mesh's own, then its aliases. */
  readonly trustDomains: readonly string[];
  readonly telemetry: RequestTelemetry;
};

export type VirtualInboundInput = ListenerInput & {
  /** Of every other port. */
  readonly passthroughMode: MtlsMode;
  /** Does the workload have an address of IPv6? */
  readonly hasIpv6: boolean;
};

/**
 * How long the TLS inspector waits for a client's first bytes before the connection counts as
 * plaintext: long enough for one lost packet to be sent again, and all that a server-first
 * protocol in plaintext loses on a port where Envoy looks for TLS.
 */
const INSPECTION_TIMEOUT_MS = 3000;
const INSPECTION_LIMITS = {
  listenerFiltersTimeout: milliseconds(INSPECTION_TIMEOUT_MS),
  continueOnListenerFiltersTimeout: true,
} satisfies MessageInitShape<typeof ListenerSchema>;

/** What a client may send before the upstream is dialled; Envoy demands a bound. */
const EARLY_DATA_BYTES_MAX = 8192;

/** How mesh clients of any Istio announce themselves. An application's own TLS never does. */
const TCP_ALPNS = ['istio', 'istio-peer-exchange'];
const HTTP_ALPNS = ['istio-http/1.0', 'istio-http/1.1', 'istio-h2'];
/** What Envoy calls the requests that it finds in plaintext. */
const PLAIN_HTTP = ['http/1.0', 'http/1.1', 'h2c'];

export function buildVirtualInbound(
  input: VirtualInboundInput,
): MessageInitShape<typeof ListenerSchema> {
  const ports = input.ports.toSorted((a, b) => a.port - b.port);
  return {
    name: VIRTUAL_INBOUND,
    ...everywhere(VIRTUAL_INBOUND_PORT, input.hasIpv6),
    trafficDirection: TrafficDirection.INBOUND,
    listenerFilters: [ORIGINAL_DST, tlsInspector(), httpInspector()],
    ...INSPECTION_LIMITS,
    filterChains: [
      trapChain(VIRTUAL_INBOUND_PORT),
      ...ports.flatMap((port) => portChains(port, input)),
      ...portChains(
        {
          port: 'passthrough',
          mode: input.passthroughMode,
          speaker: 'unknown',
          isServed: false,
          content: 'tcp',
        },
        input,
      ),
    ],
    tcpKeepalive: TCP_KEEPALIVE,
  };
}

/**
 * One port of the workload's, dialled at an address of the machine instead of captured: the same
 * chains as `buildVirtualInbound` has for it, and nothing else. undefined: it is not served.
 */
export function buildExplicitInbound(
  address: Destination,
  input: ListenerInput,
): MessageInitShape<typeof ListenerSchema> | undefined {
  const port = input.ports.find((one) => one.port === address.port);
  return (
    port && {
      name: explicitListenerName('inbound', address),
      address: socketAddress(address),
      trafficDirection: TrafficDirection.INBOUND,
      listenerFilters: [tlsInspector(), httpInspector()],
      ...INSPECTION_LIMITS,
      filterChains: portChains(port, input),
      tcpKeepalive: TCP_KEEPALIVE,
    }
  );
}

function tlsInspector(): ListenerFilter {
  return {
    ...extension('envoy.filters.listener.tls_inspector', TlsInspectorSchema, {}),
    filterDisabled: anyOf(UNINSPECTED_PORTS),
  };
}

/**
 * Looks for requests in plaintext. Which ports want that changes, and the listener must not (it
 * would cut all of its sessions); so the filter stands in it from birth and comes by name, to look
 * or not to (`looksForRequests`).
 */
function httpInspector(): ListenerFilter {
  return {
    name: HTTP_INSPECTION,
    configType: {
      case: 'configDiscovery',
      value: { configSource: ADS, typeUrls: [TYPE_URL.httpInspector, TYPE_URL.originalDst] },
    },
    filterDisabled: anyOf(NEVER_HTTP_PORTS),
  };
}

/** What comes under the name: to look, or what Envoy has done anyway (`ORIGINAL_DST`). */
export const buildHttpInspection = (
  isOn: boolean,
): MessageInitShape<typeof TypedExtensionConfigSchema> => ({
  name: HTTP_INSPECTION,
  typedConfig: isOn ? packed(HttpInspectorSchema, {}) : packed(OriginalDstSchema, {}),
});

function anyOf(ports: readonly number[]): ListenerFilter['filterDisabled'] {
  // ranges are half open: [start, end)
  const rules = ports.map((start) => ({
    rule: { case: 'destinationPortRange', value: { start, end: start + 1 } } as const,
  }));
  return { rule: { case: 'orMatch', value: { rules } } };
}

type ChainInput = Omit<InboundListenerPort, 'port'> & { readonly port: ChainPort };

function portChains(port: ChainInput, input: ListenerInput): FilterChain[] {
  const { termination } = port;
  if (termination && port.port !== 'passthrough') {
    return [ownTlsChain({ ...port, port: port.port, termination }, input)];
  }
  const isOnlyKind = chainKinds('PERMISSIVE', port.port, port.content).length === 1;
  return chainKinds(port.mode, port.port, port.content).map((kind) => ({
    name: filterChainName(port.port, kind),
    filterChainMatch: {
      ...(port.port !== 'passthrough' && { destinationPort: port.port }),
      // without inspection every connection looks like plaintext
      ...(!isOnlyKind && matchOf(kind, port.content)),
    },
    filters: takesRequests(port, kind)
      ? [inboundRequests(port.port, input.telemetry)]
      : [...connectionPolicies(port.port), proxyTo(port, input)],
    ...(kind.startsWith('mtls') && {
      transportSocket: serverTls({
        ...input,
        ...(takesRequests(port, kind) && { alpnProtocols: HTTP_SERVER_ALPNS }),
      }),
    }),
  }));
}

/** Nothing but the workload's own TLS gets through. */
function ownTlsChain(
  port: InboundListenerPort & { readonly termination: TlsTermination },
  input: ListenerInput,
): FilterChain {
  const isHttp = port.content === 'http';
  const { trustDomains, telemetry } = input;
  const alpnProtocols = isHttp ? HTTP_SERVER_ALPNS : [];
  return {
    name: filterChainName(port.port, 'tls'),
    filterChainMatch: { destinationPort: port.port, transportProtocol: 'tls' },
    filters: isHttp
      ? [inboundRequests(port.port, telemetry)]
      : [...connectionPolicies(port.port), proxyTo(port, input)],
    transportSocket: terminate(port.termination, { alpnProtocols, trustDomains }),
  };
}

const takesRequests = (
  port: ChainInput,
  kind: ChainKind,
): port is ChainInput & { readonly port: number } =>
  port.port !== 'passthrough' && (port.content === 'http' || kind.endsWith('_http'));

/** The same in every mode, or a change of mode would cut the sessions of chains that stay. */
function matchOf(kind: ChainKind, content: PortContent): FilterChainMatch {
  switch (kind) {
    case 'mtls': {
      const ofRequests = content === 'auto' ? [] : HTTP_ALPNS;
      return { transportProtocol: 'tls', applicationProtocols: [...TCP_ALPNS, ...ofRequests] };
    }
    case 'mtls_http':
      return { transportProtocol: 'tls', applicationProtocols: HTTP_ALPNS };
    case 'plain':
      return { transportProtocol: 'raw_buffer' };
    case 'plain_http':
      return { transportProtocol: 'raw_buffer', applicationProtocols: PLAIN_HTTP };
    case 'tls':
      return { transportProtocol: 'tls' };
    default:
      return assertNever(kind);
  }
}

/** Authorization, before anything else looks at a connection. */
export const connectionPolicies = (port: ChainPort): Filter[] => [
  rbacFilter('custom', port),
  discovered(TCP_AUTHORIZER, [TYPE_URL.networkRbac, TYPE_URL.networkExtAuthz]),
  rbacFilter('deny', port),
  rbacFilter('allow', port),
];

/** Fetched by name, so that a policy changes without the chain; missing, it refuses everybody. */
const rbacFilter = (kind: RbacKind, port: ChainPort): Filter =>
  discovered(rbacName(kind, port), [TYPE_URL.networkRbac]);

const discovered = (name: string, typeUrls: string[]): Filter => ({
  name,
  configType: { case: 'configDiscovery', value: { configSource: ADS, typeUrls } },
});

function proxyTo(
  { port, isServed, speaker }: ChainInput,
  { telemetry }: ListenerInput,
): TypedConfig {
  const cluster = isServed && port !== 'passthrough' ? inboundName(port) : INBOUND_PASSTHROUGH;
  return extension('envoy.filters.network.tcp_proxy', TcpProxySchema, {
    statPrefix: cluster,
    clusterSpecifier: { case: 'cluster', value: cluster },
    idleTimeout: NEVER_IDLE,
    accessLog: tcpAccessLogs(telemetry.logs, 'inbound'),
    accessLogOptions: ACCESS_LOG_OPTIONS,
    upstreamConnectMode: connectMode(speaker),
    maxEarlyDataBytes: EARLY_DATA_BYTES_MAX,
  });
}

/**
 * When the workload is dialled. Authorization decides on the client's first byte; where the client
 * speaks first the workload is dialled after that, so a silent intruder never reaches it. Otherwise
 * after the TLS handshake: a greeting may then reach a member of the mesh whom policy refuses, but
 * nobody without a certificate, and a server that speaks first is not waited for in vain.
 */
function connectMode(speaker: FirstSpeaker): UpstreamConnectMode {
  return speaker === 'client'
    ? UpstreamConnectMode.ON_DOWNSTREAM_DATA
    : UpstreamConnectMode.ON_DOWNSTREAM_TLS_HANDSHAKE;
}
