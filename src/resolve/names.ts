// Every name that a resource, a cluster of the agent's bootstrap or an access log has on the wire,
// in one place: each is written and read back here, so that writing and reading cannot drift apart.
// The names are Istio's where Istio has one (`istio/pilot/pkg/model/service.go`).
import { NOBODYS } from '#base/access-log-tags.ts';
import { canonicalIp } from '#base/ip.ts';

const TYPE_PREFIX = 'type.googleapis.com/';

/** The resource types that the resolver answers. */
export const TYPE_URL = {
  cluster: `${TYPE_PREFIX}envoy.config.cluster.v3.Cluster`,
  endpoints: `${TYPE_PREFIX}envoy.config.endpoint.v3.ClusterLoadAssignment`,
  listener: `${TYPE_PREFIX}envoy.config.listener.v3.Listener`,
  routes: `${TYPE_PREFIX}envoy.config.route.v3.RouteConfiguration`,
  virtualHost: `${TYPE_PREFIX}envoy.config.route.v3.VirtualHost`,
  extension: `${TYPE_PREFIX}envoy.config.core.v3.TypedExtensionConfig`,
  networkRbac: `${TYPE_PREFIX}envoy.extensions.filters.network.rbac.v3.RBAC`,
  networkExtAuthz: `${TYPE_PREFIX}envoy.extensions.filters.network.ext_authz.v3.ExtAuthz`,
  httpFilterChain: `${TYPE_PREFIX}envoy.extensions.filters.http.filter_chain.v3.FilterChainConfig`,
  httpInspector: `${TYPE_PREFIX}envoy.extensions.filters.listener.http_inspector.v3.HttpInspector`,
  originalDst: `${TYPE_PREFIX}envoy.extensions.filters.listener.original_dst.v3.OriginalDst`,
  meshAddresses: `${TYPE_PREFIX}isthmus.v1.MeshAddresses`,
  /** By host name: what the agent's DNS proxy answers with. */
  hostAddresses: `${TYPE_PREFIX}isthmus.v1.HostAddresses`,
  /** By the name of a peer (`base/peer-name.ts`): what the agent's metrics say of it. */
  workloadFacts: `${TYPE_PREFIX}isthmus.v1.WorkloadFacts`,
  /** Which metrics the agent tells, and with which tags. */
  metricRules: `${TYPE_PREFIX}isthmus.v1.MetricRules`,
} as const;

export const VIRTUAL_OUTBOUND = 'virtualOutbound';
export const VIRTUAL_INBOUND = 'virtualInbound';
export const VIRTUAL_OUTBOUND_PORT = 15001;
export const VIRTUAL_INBOUND_PORT = 15006;

/** Connections to this port of any captured address are answered by Envoy itself. */
export const CAPTURE_PROBE_PORT = 15002;
/** What the agent reads back when capture works. */
export const CAPTURE_PROBE_ANSWER = 'isthmus capture ok\n';

/** Stat names (Istio's) of destinations that are no service of the mesh. */
export const PASSTHROUGH_STAT_NAME: string = NOBODYS.out;
export const BLACK_HOLE_STAT_NAME: string = NOBODYS.nowhere;
/** The cluster behind the inbound ports that no service declares. */
export const INBOUND_PASSTHROUGH = 'InboundPassthroughCluster';

/** Clusters that the agent's bootstrap defines, all on the agent's own Unix socket. */
export const XDS_CLUSTER = 'xds-grpc';
export const SDS_CLUSTER = 'sds-grpc';
export const ALS_CLUSTER = 'als-grpc';

/** The secrets that the agent serves: the workload's own certificate, and the mesh's roots. */
export const WORKLOAD_SECRET = 'default';
export const ROOT_SECRET = 'ROOTCA';

/** The one resource of type MeshAddresses. */
export const MESH_ADDRESSES = 'mesh';
/** The resource of that type that there is. */
export const METRIC_RULES = 'metrics';

/** ALPN by which both ends know mesh TLS (an application's own TLS never offers it). */
export const MESH_ALPN = 'istio';

const PORT = /^[1-9][0-9]{0,4}$/;

/** A port number in its one spelling, or undefined. */
export function parsePort(text: string): number | undefined {
  return PORT.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

export type Destination = { readonly address: string; readonly port: number };

const DESTINATION_PREFIX = 'dst|';

/** `10.0.0.5:5432` or `[::1]:5432`: how Envoy prints an address, `%DOWNSTREAM_LOCAL_ADDRESS%`. */
export function hostPort({ address, port }: Destination): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The cluster that a captured connection asks for: `dst|10.0.0.5:5432`. */
export const destinationClusterName = (destination: Destination): string =>
  `${DESTINATION_PREFIX}${hostPort(destination)}`;

/** The format that makes Envoy ask for `destinationClusterName` of where the connection was going. */
export const DESTINATION_CLUSTER_FORMAT = `${DESTINATION_PREFIX}%DOWNSTREAM_LOCAL_ADDRESS%`;

/**
 * Reads `dst|<address>:<port>`. The address comes back in its one spelling; an address that is
 * spelled otherwise than Envoy would is no name at all, so that no destination has two of them.
 */
export function parseDestinationClusterName(name: string): Destination | undefined {
  const [, v6, v4, portText = ''] = /^dst\|(?:\[([^\]]*)\]|([^:]*)):([0-9]+)$/.exec(name) ?? [];
  const port = parsePort(portText);
  const address = canonicalIp(v6 ?? v4 ?? '');
  if (port === undefined || address === undefined) return undefined;
  const destination = { address, port };
  return destinationClusterName(destination) === name ? destination : undefined;
}

/** After the name of an address's cluster: for those who ask for this server name (SNI) there. */
export const serverNameSuffix = (serverName: string): string => `|${serverName}`;

/** Reads `dst|<address>:<port>|<server name>`. */
export function parseServerNameCluster(
  name: string,
): { readonly destination: Destination; readonly serverName: string } | undefined {
  const [, dialled = '', serverName = ''] = /^(dst\|[^|]*)\|([^|]{1,253})$/.exec(name) ?? [];
  const destination = parseDestinationClusterName(dialled);
  return destination && { destination, serverName };
}

export type ServicePortRef = {
  readonly host: string;
  readonly port: number;
  /** Of a DestinationRule; empty or absent for all endpoints. */
  readonly subset?: string;
};

/** A service's port as a cluster: `outbound|5432||postgresql-1-vm.default.svc.cluster.local`. */
export const outboundName = ({ host, port, subset = '' }: ServicePortRef): string =>
  `outbound|${port}|${subset}|${host}`;

/** Reads `outbound|<port>|<subset>|<host>`. */
export function parseOutboundName(name: string): Required<ServicePortRef> | undefined {
  const [, portText = '', subset = '', host = ''] =
    /^outbound\|([0-9]+)\|([a-zA-Z0-9-]{0,63})\|([^|]{1,253})$/.exec(name) ?? [];
  const port = parsePort(portText);
  return port === undefined ? undefined : { host, port, subset };
}

/** Reads what `outboundSni` writes. */
export function parseOutboundSni(sni: string): Required<ServicePortRef> | undefined {
  const [, portText = '', subset = '', host = ''] =
    /^outbound_\.([0-9]+)_\.([a-zA-Z0-9-]{0,63})_\.([^|]{1,253})$/.exec(sni) ?? [];
  const port = parsePort(portText);
  return port === undefined ? undefined : { host, port, subset };
}

/** What a client says in its TLS hello: `outbound_.5432_._.<host>`. */
export const outboundSni = ({ host, port, subset = '' }: ServicePortRef): string =>
  `outbound_.${port}_.${subset}_.${host}`;

/** Who takes what proxies tell, by its address: `collector|grpc|10.0.0.9:4317`. */
export type CollectorAddress = Destination & { readonly protocol: 'grpc' | 'http' };

export const collectorName = (collector: CollectorAddress): string =>
  `collector|${collector.protocol}|${hostPort(collector)}`;

export function parseCollectorName(name: string): CollectorAddress | undefined {
  const [, protocol, address = ''] = /^collector\|(grpc|http)\|(.*)$/.exec(name) ?? [];
  const destination = parseDestinationClusterName(`${DESTINATION_PREFIX}${address}`);
  if (protocol !== 'grpc' && protocol !== 'http') return undefined;
  return destination && { ...destination, protocol };
}

/** Where a gateway listens. `bind`: an IP address, empty for every one of them. */
export type GatewayAddress = { readonly bind: string; readonly port: number };

/** `0.0.0.0_8080`. */
export const gatewayListenerName = ({ bind, port }: GatewayAddress): string =>
  `${bind === '' ? '0.0.0.0' : bind}_${port}`;

/** The route table of a gateway's HTTP port: `http.8080`, `http.8080.10.0.0.1`. */
export const gatewayRoutesName = ({ bind, port }: GatewayAddress): string =>
  bind === '' ? `http.${port}` : `http.${port}.${bind}`;

/** The route table of one HTTPS server: `https.443.https.front.apps` (port, its name, Gateway). */
export function httpsRoutesName(server: {
  readonly port: number;
  readonly portName: string;
  /** `namespace/name`. */
  readonly gateway: string;
}): string {
  const [namespace = '', name = ''] = server.gateway.split('/');
  return `https.${server.port}.${server.portName}.${name}.${namespace}`;
}

export const isHttpsRoutesName = (name: string): boolean => name.startsWith('https.');

export function parseGatewayRoutesName(name: string): GatewayAddress | undefined {
  const [, portText = '', bind = ''] = /^http\.([0-9]+)(?:\.(.+))?$/.exec(name) ?? [];
  const port = parsePort(portText);
  return port === undefined ? undefined : { bind, port };
}

/** A sidecar's listener for requests to a port of whatever address: `0.0.0.0_80`. */
export const httpListenerName = (port: number): string => `0.0.0.0_${port}`;

/** A sidecar's listener for TCP to one destination: `10.96.0.7_80`. */
export const tcpListenerName = ({ address, port }: Destination): string => `${address}_${port}`;

/** Reads either; of an HTTP listener the address is 0.0.0.0. */
export function parseOutboundListenerName(name: string): Destination | undefined {
  const [, address = '', portText = ''] = /^([^_]+)_([0-9]+)$/.exec(name) ?? [];
  const port = parsePort(portText);
  return port === undefined || canonicalIp(address) !== address ? undefined : { address, port };
}

export type Direction = 'outbound' | 'inbound';

/**
 * A listener that is dialled at its own address, and takes nothing that was captured:
 * `outbound|127.0.0.1_5432`. (Istio's name is without the direction, as its captured ones are.)
 */
export const explicitListenerName = (direction: Direction, destination: Destination): string =>
  `${direction}|${tcpListenerName(destination)}`;

/** The route table of a sidecar's HTTP listener of a port (Istio's name). */
export const sidecarRoutesName = (port: number): string => String(port);

export const parseSidecarRoutesName = parsePort;

/** One authority of such a table, as Envoy asks for it: `8000/httpbin.default:8000`. */
export type VirtualHostRef = { readonly port: number; readonly authority: string };

export const virtualHostName = ({ port, authority }: VirtualHostRef): string =>
  `${sidecarRoutesName(port)}/${authority}`;

export function parseVirtualHostName(name: string): VirtualHostRef | undefined {
  const slash = name.indexOf('/');
  const port = parsePort(name.slice(0, Math.max(slash, 0)));
  const authority = name.slice(slash + 1);
  return port === undefined || authority === '' ? undefined : { port, authority };
}

/** The cluster that delivers to the workload's own port, without the service's name. */
export const inboundName = (port: number): string => `inbound|${port}||`;

export function parseInboundName(name: string): number | undefined {
  return parsePort(/^inbound\|([0-9]+)\|\|$/.exec(name)?.[1] ?? '');
}

/** As access logs and statistics show it: `inbound|5432|tcp|postgresql-1-vm.default.svc.…`. */
export const inboundStatName = (options: ServicePortRef & { readonly portName: string }): string =>
  `inbound|${options.port}|${options.portName}|${options.host}`;

/** A port with filter chains of its own, or all those that have none. */
export type ChainPort = number | 'passthrough';
/**
 * Mesh TLS; plaintext; TLS of the application, handed through untouched. On ports that do not say
 * what they speak, requests have chains of their own.
 */
export type ChainKind = 'mtls' | 'mtls_http' | 'plain' | 'plain_http' | 'tls';

/** `5432_mtls`. */
export const filterChainName = (port: ChainPort, kind: ChainKind): string => `${port}_${kind}`;

/** Which part of authorization: whom to ask (CUSTOM), what refuses (DENY), what must agree. */
export type RbacKind = 'custom' | 'deny' | 'allow';

/** `rbac-deny|5432`: one extension-config resource for each port and half. */
export const rbacName = (kind: RbacKind, port: ChainPort): string => `rbac-${kind}|${port}`;

export function parseRbacName(
  name: string,
): { readonly kind: RbacKind; readonly port: ChainPort } | undefined {
  const [, kind, portText = ''] = /^rbac-(custom|deny|allow)\|([a-z0-9]+)$/.exec(name) ?? [];
  if (kind !== 'custom' && kind !== 'deny' && kind !== 'allow') return undefined;
  if (portText === 'passthrough') return { kind, port: portText };
  const port = parsePort(portText);
  return port === undefined ? undefined : { kind, port };
}
