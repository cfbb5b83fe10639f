// virtualOutbound: the one listener that takes every captured connection, finds out where it was
// going, and sends it to the cluster named after that address, which Envoy fetches when it first
// meets it. Nothing in here depends on any service, so no service ever changes it. On port numbers
// where requests are expected it hands over to listeners of their own (`outbound-http.ts`).
import type { MessageInitShape } from '@bufbuild/protobuf';
import { TrafficDirection } from '#gen/envoy/config/core/v3/base_pb.js';
import type { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { FilterChainSchema } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { ConfigSchema as DirectResponseSchema } from '#gen/envoy/extensions/filters/network/direct_response/v3/config_pb.js';
import { OriginalDstSchema } from '#gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb.js';
import { ConfigSchema as SetFilterStateSchema } from '#gen/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.js';
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { ACCESS_LOG_OPTIONS, tcpAccessLogs } from './access-log.ts';
import type { Workload } from '#model/workload.ts';
import { TCP_KEEPALIVE } from './cluster.ts';
import { ADS, extension, milliseconds, socketAddress } from './message.ts';
import type { TypedConfig } from './message.ts';
import {
  CAPTURE_PROBE_ANSWER,
  CAPTURE_PROBE_PORT,
  DESTINATION_CLUSTER_FORMAT,
  VIRTUAL_OUTBOUND,
  VIRTUAL_OUTBOUND_PORT,
} from './names.ts';
import type { AccessLogSettings } from './telemetry.ts';

type FilterChain = MessageInitShape<typeof FilterChainSchema>;
type Address = ReturnType<typeof socketAddress>;

/** All IPv4 interfaces: redirected connections arrive at the address that they came in by. */
export const ANY_ADDRESS = '0.0.0.0';
export const ANY_IPV6_ADDRESS = '::';

/** Does a workload have an address of IPv6, and so its machine IPv6? */
export const isReachedByIpv6 = (workload: Pick<Workload, 'addresses'> | undefined): boolean =>
  workload?.addresses.some((address) => address.includes(':')) === true;

/**
 * Where a listener listens. A socket for each family, for the kernel tells where a redirected
 * connection was going in the family's own way; and only for a family that the machine has, since
 * Envoy refuses a listener of which it cannot bind every address.
 */
export function everywhere(
  port: number,
  hasIpv6: boolean,
): {
  readonly address: Address;
  readonly additionalAddresses?: { readonly address: Address }[];
} {
  const address = socketAddress({ address: ANY_ADDRESS, port });
  const second = { address: socketAddress({ address: ANY_IPV6_ADDRESS, port }) };
  return { address, ...(hasIpv6 && { additionalAddresses: [second] }) };
}

/**
 * How long a first connection waits for its cluster. Longer than a restart of the control plane
 * (or of the agent) takes, shorter than any client's patience.
 */
export const ON_DEMAND_TIMEOUT_MS = 5000;

/** The cluster that tcp_proxy falls back on; the filter state always names another. */
const NO_CLUSTER = 'none';

/** `idle_timeout: 0` is "never": Envoy's own default cuts idle database sessions after an hour. */
export const NEVER_IDLE = milliseconds(0);

/** Where a redirected connection was going (SO_ORIGINAL_DST) becomes its local address. */
export const ORIGINAL_DST = extension('envoy.filters.listener.original_dst', OriginalDstSchema, {});

export function buildVirtualOutbound(
  settings: AccessLogSettings,
  { hasIpv6 }: { readonly hasIpv6: boolean },
): MessageInitShape<typeof ListenerSchema> {
  return {
    name: VIRTUAL_OUTBOUND,
    ...everywhere(VIRTUAL_OUTBOUND_PORT, hasIpv6),
    trafficDirection: TrafficDirection.OUTBOUND,
    listenerFilters: [ORIGINAL_DST],
    // hands over what a listener of the destination, or else of its port, is there for
    useOriginalDst: true,
    filterChains: [
      trapChain(VIRTUAL_OUTBOUND_PORT),
      answeringChain('capture-probe', CAPTURE_PROBE_PORT, CAPTURE_PROBE_ANSWER),
      { name: 'on-demand', filters: onDemandTcp(settings) },
    ],
    tcpKeepalive: TCP_KEEPALIVE,
  };
}

/** Takes a connection, untouched, to the cluster that `format` names: of the address dialled. */
export const onDemandTcp = (
  settings: AccessLogSettings,
  format = DESTINATION_CLUSTER_FORMAT,
): TypedConfig[] => [nameCluster(format), onDemandProxy(settings)];

/** Names the cluster that tcp_proxy is to use, such as `dst|<address>:<port>`. */
function nameCluster(format: string): TypedConfig {
  return extension('envoy.filters.network.set_filter_state', SetFilterStateSchema, {
    onNewConnection: [
      {
        key: { case: 'objectKey', value: 'envoy.tcp_proxy.cluster' },
        value: {
          case: 'formatString',
          value: {
            format: {
              case: 'textFormatSource',
              value: { specifier: { case: 'inlineString', value: format } },
            },
          },
        },
      },
    ],
  });
}

function onDemandProxy(settings: AccessLogSettings): TypedConfig {
  return extension('envoy.filters.network.tcp_proxy', TcpProxySchema, {
    statPrefix: 'outbound',
    clusterSpecifier: { case: 'cluster', value: NO_CLUSTER },
    onDemand: { odcdsConfig: ADS, timeout: milliseconds(ON_DEMAND_TIMEOUT_MS) },
    idleTimeout: NEVER_IDLE,
    // for clusters that balance by it; all others take no notice
    hashPolicy: [{ policySpecifier: { case: 'sourceIp', value: {} } }],
    accessLog: tcpAccessLogs(settings, 'outbound'),
    accessLogOptions: ACCESS_LOG_OPTIONS,
  });
}

/**
 * Ends connections to the listener's own port: nobody was redirected there, and to pass one on
 * would connect the listener to itself, for ever.
 */
export function trapChain(port: number): FilterChain {
  return answeringChain('trap', port, '');
}

/** Says `text` and closes. */
function answeringChain(name: string, destinationPort: number, text: string): FilterChain {
  const response = { specifier: { case: 'inlineString', value: text } } as const;
  return {
    name,
    filterChainMatch: { destinationPort },
    filters: [
      extension('envoy.filters.network.direct_response', DirectResponseSchema, { response }),
    ],
  };
}
