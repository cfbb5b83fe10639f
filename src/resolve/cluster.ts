// The cluster behind a destination address. A proxy asks for it by name when it first meets the
// address, and is always answered: with the service, with a way past the mesh, or with a tombstone.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { assertNever } from '#base/assert-never.ts';
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
} from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type {
  Cluster_TransportSocketMatchSchema,
  ClusterSchema,
} from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { ClientSecurity } from './client-policy.ts';
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import { buildLoadAssignment, TLS_MODE_ISTIO } from './endpoints.ts';
import type { ClusterEndpoint } from './endpoints.ts';
import { ISTIO_METADATA, serviceMetadata } from './identity-metadata.ts';
import type { ServiceMetadata } from './identity-metadata.ts';
import { ADS, metadata, milliseconds, packed } from './message.ts';
import type { TypedConfig } from './message.ts';
import { BLACK_HOLE_STAT_NAME, outboundName, outboundSni, PASSTHROUGH_STAT_NAME } from './names.ts';
import { clientTls, plaintext } from './tls.ts';

type Cluster = MessageInitShape<typeof ClusterSchema>;

/** MeshConfig.connectTimeout's default in Istio. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Envoy's default is 1024 connections for a whole destination: too few for a database, unasked. */
const UNLIMITED = 0xffff_ffff;

/** What every cluster has, whatever it leads to. */
export const CLUSTER_BASICS = {
  connectTimeout: milliseconds(CONNECT_TIMEOUT_MS),
  circuitBreakers: {
    thresholds: [
      {
        maxConnections: UNLIMITED,
        maxPendingRequests: UNLIMITED,
        maxRequests: UNLIMITED,
        maxRetries: UNLIMITED,
      },
    ],
  },
} satisfies Cluster;

/**
 * Finds dead peers, since no idle timeout does: first probe after 5 minutes (half of a common
 * firewall's memory), dead after three unanswered ones. Linux would wait for two hours.
 */
export const TCP_KEEPALIVE = {
  keepaliveTime: 300,
  keepaliveInterval: 30,
  keepaliveProbes: 3,
} as const;

/** Whether the endpoints come as a resource of their own, or stand in the cluster. */
export type EndpointSource =
  | { readonly kind: 'eds' }
  /** One workload, dialled by its own address. */
  | { readonly kind: 'static'; readonly endpoints: readonly ClusterEndpoint[] }
  /** Names that the proxy itself resolves. */
  | { readonly kind: 'dns'; readonly endpoints: readonly ClusterEndpoint[] }
  /** Wherever the connection was going (ServiceEntry resolution NONE). */
  | { readonly kind: 'original-dst' };

export type ServiceClusterInput = {
  /** As the proxy asked for it. */
  readonly name: string;
  readonly service: ServiceMetadata & { readonly port: number; readonly subset?: string };
  readonly source: EndpointSource;
  /** Who may answer: the endpoints' SPIFFE IDs and ServiceEntry.subjectAltNames. */
  readonly subjectAltNames: readonly string[];
  /** The mesh's own, then its aliases. */
  readonly trustDomains: readonly string[];
  readonly security: ClientSecurity;
  /** Requests are made in HTTP/2. For clusters that requests are routed to. */
  readonly isHttp2?: boolean;
};

/** Logs and statistics show it by Istio's name, `outbound|<port>||<host>`, not by the asked one. */
export function buildServiceCluster(input: ServiceClusterInput): Cluster {
  const { name, service, source } = input;
  return {
    name,
    altStatName: outboundName(service),
    ...CLUSTER_BASICS,
    ...discovery(source, { name, service }),
    ...transport(input),
    ...(input.isHttp2 === true && { typedExtensionProtocolOptions: HTTP2 }),
    upstreamConnectionOptions: { tcpKeepalive: TCP_KEEPALIVE },
    metadata: metadata({ [ISTIO_METADATA]: serviceMetadata(service) }),
  };
}

const HTTP2 = {
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': packed(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: {
      case: 'explicitHttpConfig',
      value: { protocolConfig: { case: 'http2ProtocolOptions', value: {} } },
    },
  }),
};

/** Only a list of addresses can have unhealthy members; panic would route to them regardless. */
const BALANCED = {
  lbPolicy: Cluster_LbPolicy.LEAST_REQUEST,
  commonLbConfig: { healthyPanicThreshold: { value: 0 } },
} satisfies Partial<Cluster>;

const ORIGINAL_DESTINATION = {
  clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
  lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
} satisfies Partial<Cluster>;

function discovery(
  source: EndpointSource,
  { name, service }: Pick<ServiceClusterInput, 'name' | 'service'>,
) {
  switch (source.kind) {
    case 'eds':
      return {
        ...BALANCED,
        clusterDiscoveryType: discoveryType(Cluster_DiscoveryType.EDS),
        edsClusterConfig: { edsConfig: ADS, serviceName: outboundName(service) },
      };
    case 'static':
      return {
        ...BALANCED,
        clusterDiscoveryType: discoveryType(Cluster_DiscoveryType.STATIC),
        loadAssignment: buildLoadAssignment(name, source.endpoints),
      };
    case 'dns':
      return {
        ...BALANCED,
        clusterDiscoveryType: discoveryType(Cluster_DiscoveryType.STRICT_DNS),
        loadAssignment: buildLoadAssignment(name, source.endpoints),
      };
    case 'original-dst':
      return ORIGINAL_DESTINATION;
    default:
      return assertNever(source);
  }
}

const discoveryType = (value: Cluster_DiscoveryType) => ({ case: 'type', value }) as const;

/** How endpoints are spoken to; nothing of it is plaintext. */
function transport(
  input: ServiceClusterInput,
): Pick<Cluster, 'transportSocket' | 'transportSocketMatches'> {
  const { security, source } = input;
  switch (security.kind) {
    case 'automatic':
      // An address that the client chose has no metadata to match.
      return source.kind === 'original-dst' ? {} : { transportSocketMatches: autoMtls(input) };
    case 'mesh':
      return { transportSocket: meshTls(input, security) };
    case 'plaintext':
      return {};
    case 'refused':
      throw new Error(`${input.name} is refused, and so has no cluster`);
    default:
      return assertNever(security);
  }
}

/** Each endpoint is spoken to as its own metadata says; the first match counts. */
function autoMtls(
  input: ServiceClusterInput,
): MessageInitShape<typeof Cluster_TransportSocketMatchSchema>[] {
  const transportSocket = meshTls(input, { sni: '', subjectAltNames: [] });
  return [
    { name: 'tlsMode-istio', match: TLS_MODE_ISTIO, transportSocket },
    { name: 'tlsMode-disabled', match: {}, transportSocket: plaintext() },
  ];
}

/** @param rule what a DestinationRule says instead of what is known; empty where it does not */
function meshTls(
  { service, subjectAltNames, trustDomains }: ServiceClusterInput,
  rule: { readonly sni: string; readonly subjectAltNames: readonly string[] },
): TypedConfig {
  return clientTls({
    sni: rule.sni === '' ? outboundSni(service) : rule.sni,
    subjectAltNames: rule.subjectAltNames.length > 0 ? rule.subjectAltNames : subjectAltNames,
    trustDomains,
  });
}

/**
 * The answer for a destination that is refused or gone: connections close at once, and an update
 * heals it. Never a removal, after which Envoy would wait out its timeout and not ask again.
 */
export function buildTombstone(name: string): Cluster {
  return {
    name,
    altStatName: BLACK_HOLE_STAT_NAME,
    connectTimeout: CLUSTER_BASICS.connectTimeout,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
  };
}

/** The way past the mesh: to wherever the connection was going, untouched. */
export function buildPassthrough(name: string, altStatName = PASSTHROUGH_STAT_NAME): Cluster {
  return {
    name,
    altStatName,
    ...CLUSTER_BASICS,
    ...ORIGINAL_DESTINATION,
    upstreamConnectionOptions: { tcpKeepalive: TCP_KEEPALIVE },
  };
}
