// Where a call ends, worked out from nothing but the resources that the catalog answers, for tests:
// listener → filter chain → virtual host → route → cluster, as Envoy would go. After Istio's own
// pilot/pkg/simulation, so that its verdicts can be compared with.
import assert from 'node:assert/strict';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import type { Message } from '@bufbuild/protobuf';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { FilterChain } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import {
  VirtualHost_TlsRequirementType,
  VirtualHostSchema,
} from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { VirtualHost } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { HttpConnectionManager } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { ConfigSchema as SetFilterStateSchema } from '#gen/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb.js';
import { DownstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import type { ResourceCatalog } from '#xds/catalog.ts';
import {
  BLACK_HOLE_STAT_NAME,
  hostPort,
  TYPE_URL,
  VIRTUAL_INBOUND,
  VIRTUAL_OUTBOUND,
} from '../names.ts';
import { ask, decode } from '../simulate-call.ts';
import { outcomeOf, simulateRoutes } from '../simulate-http.ts';
import { chainFor, listenerFor } from './listener-match.ts';
import type { Connection } from './listener-match.ts';

type Catalog = ResourceCatalog<WorkloadIdentity>;
type Proxy = { readonly catalog: Catalog; readonly identity: WorkloadIdentity };

export type Call = Connection & {
  readonly isInbound: boolean;
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The certificate that a client of mesh TLS expects to meet. */
  readonly certificate: string;
};

export type Outcome = {
  /** `closed`: no connection; `not found`: 404; `to https`: 301. */
  readonly refusal?: 'closed' | 'not found' | 'to https';
  /** As logs show it, or what the route does instead. */
  readonly cluster?: string;
  readonly virtualHost?: string;
  readonly route?: string;
};

const CLOSED: Outcome = { refusal: 'closed' };

export function simulate(proxy: Proxy, call: Call): Outcome {
  const listeners = listenersOf(proxy);
  const listener = call.isInbound
    ? listeners.find(({ name }) => name === VIRTUAL_INBOUND)
    : listenerFor(listeners, call, VIRTUAL_OUTBOUND);
  const chain = listener && chainFor(listener, call);
  if (chain === undefined || !acceptsTls(chain, call)) return CLOSED;
  const manager = filterOf(chain, HttpConnectionManagerSchema);
  if (manager === undefined) return { cluster: tcpClusterOf(proxy, chain, call) };
  const isDecrypted = call.tls === 'plaintext' || chain.transportSocket !== undefined;
  if (!isDecrypted || call.protocol === 'tcp') return CLOSED;
  return route(virtualHostOf(proxy, manager, call), call);
}

function listenersOf({ catalog, identity: proxy }: Proxy): readonly Listener[] {
  const key = catalog.acquireWildcard(proxy, TYPE_URL.listener);
  catalog.settle();
  const names = catalog.wildcardNames(key);
  catalog.release(key);
  return names.flatMap((name) => {
    const found = ask(catalog, { proxy, typeUrl: TYPE_URL.listener, name });
    return found ? [decode(ListenerSchema, found)] : [];
  });
}

/** Mesh TLS is what asks for a certificate and shows the one that the client expects. */
function acceptsTls({ transportSocket }: FilterChain, { tls, certificate }: Call): boolean {
  if (transportSocket?.configType.case !== 'typedConfig') return true;
  const context = anyUnpack(transportSocket.configType.value, DownstreamTlsContextSchema);
  const [shown] = context?.commonTlsContext?.tlsCertificateSdsSecretConfigs ?? [];
  const isMutual = context?.requireClientCertificate === true && shown?.name === certificate;
  return tls !== 'plaintext' && isMutual === (tls === 'mtls');
}

function filterOf<T extends Message>(chain: FilterChain, schema: GenMessage<T>): T | undefined {
  for (const { configType } of chain.filters) {
    if (configType.case !== 'typedConfig') continue;
    const found = anyUnpack(configType.value, schema);
    if (found) return found;
  }
  return undefined;
}

/** A chain that proxies nowhere ends the connection. */
function tcpClusterOf({ catalog, identity: proxy }: Proxy, chain: FilterChain, call: Call): string {
  const tcp = filterOf(chain, TcpProxySchema);
  if (tcp === undefined) return BLACK_HOLE_STAT_NAME;
  const named = filterOf(chain, SetFilterStateSchema)?.onNewConnection[0]?.value;
  if (named?.case === 'formatString') {
    const { format } = named.value;
    assert(format.case === 'textFormatSource' && format.value.specifier.case === 'inlineString');
    const name = format.value.specifier.value
      .replace('%DOWNSTREAM_LOCAL_ADDRESS%', hostPort(call))
      .replace('%REQUESTED_SERVER_NAME%', call.sni);
    const found = ask(catalog, { proxy, typeUrl: TYPE_URL.cluster, name });
    return found ? decode(ClusterSchema, found).altStatName : name;
  }
  const { clusterSpecifier } = tcp;
  if (clusterSpecifier.case === 'cluster') return clusterSpecifier.value;
  const { clusters = [] } = clusterSpecifier.value ?? {};
  return clusters.map(({ name, weight }) => `${weight} ${name}`).join(', ');
}

function virtualHostOf(
  { catalog, identity: proxy }: Proxy,
  { routeSpecifier }: HttpConnectionManager,
  { host }: Call,
): VirtualHost | undefined {
  if (routeSpecifier.case === 'routeConfig')
    return hostFor(routeSpecifier.value.virtualHosts, host);
  if (routeSpecifier.case !== 'rds') return undefined;
  const name = routeSpecifier.value.routeConfigName;
  const table = ask(catalog, { proxy, typeUrl: TYPE_URL.routes, name });
  if (table === undefined) return undefined;
  const { virtualHosts, vhds } = decode(RouteConfigurationSchema, table);
  if (vhds === undefined) return hostFor(virtualHosts, host);
  const asked = { proxy, typeUrl: TYPE_URL.virtualHost, name: `${name}/${host}` };
  const found = ask(catalog, asked);
  return found && decode(VirtualHostSchema, found);
}

/** A whole name, then the longest wildcard. */
function hostFor(hosts: readonly VirtualHost[], name: string): VirtualHost | undefined {
  const rank = (domain: string): number => {
    if (domain === name) return 1000;
    return domain.startsWith('*') && name.endsWith(domain.slice(1)) ? domain.length : 0;
  };
  return hosts
    .flatMap((host) => host.domains.map((domain) => ({ host, rank: rank(domain) })))
    .filter((one) => one.rank > 0)
    .toSorted((a, b) => b.rank - a.rank)[0]?.host;
}

function route(host: VirtualHost | undefined, call: Call): Outcome {
  if (host === undefined) return { refusal: 'not found' };
  const { name: virtualHost, requireTls, routes } = host;
  if (requireTls === VirtualHost_TlsRequirementType.ALL && call.tls === 'plaintext') {
    return { refusal: 'to https', virtualHost };
  }
  const { host: name, path, headers } = call;
  const found = simulateRoutes(routes, { url: `http://${name || 'nobody'}${path}`, headers });
  if (found === undefined) return { refusal: 'not found', virtualHost };
  return { virtualHost, route: found.name, cluster: outcomeOf(found) };
}
