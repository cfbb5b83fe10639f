// A stranger's request at a gateway as Envoy would route it, worked out from what the catalog
// answers, for tests.
import assert from 'node:assert/strict';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { FilterChain } from '#gen/envoy/config/listener/v3/listener_components_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { VirtualHost_TlsRequirementType } from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { VirtualHost } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { TcpProxySchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import type { EncodedResource, ResourceCatalog } from '#xds/catalog.ts';
import { TYPE_URL } from './names.ts';
import { ask, decode } from './simulate-call.ts';
import { outcomeOf, simulateRoutes } from './simulate-http.ts';
import type { Request } from './simulate-http.ts';

type Catalog = ResourceCatalog<WorkloadIdentity>;

export type { Request };

/** Clusters with weights, `301 to …`, a status of its own, or why there is no answer. */
export function simulateRequest(
  catalog: Catalog,
  proxy: WorkloadIdentity,
  request: Request,
): string {
  const url = new URL(request.url);
  const port = url.port === '' ? '80' : url.port;
  const chain = listenerOf(catalog, proxy, port)?.filterChains[0];
  const manager = chain && unpackLast(chain, HttpConnectionManagerSchema);
  if (manager?.routeSpecifier.case !== 'rds') return 'nobody listens';
  const name = manager.routeSpecifier.value.routeConfigName;
  const table = ask(catalog, { proxy, typeUrl: TYPE_URL.routes, name });
  assert(table, 'a listener has its table');
  const { virtualHosts } = decode(RouteConfigurationSchema, table);
  const host = virtualHostFor(virtualHosts, url.hostname);
  if (host === undefined) return '404 no such host';
  if (host.requireTls === VirtualHost_TlsRequirementType.ALL) return '301 to https';
  const route = simulateRoutes(host.routes, request);
  return route === undefined ? '404 no route' : outcomeOf(route);
}

/** The cluster that a connection of TLS is handed to, by the name that it asks for. */
export function simulateServerName(
  catalog: Catalog,
  proxy: WorkloadIdentity,
  { port, name }: { readonly port: number; readonly name: string },
): string {
  const chains = listenerOf(catalog, proxy, String(port))?.filterChains ?? [];
  const wanted = chains
    .flatMap((chain) => {
      const names = chain.filterChainMatch?.serverNames ?? [];
      return (names.length === 0 ? ['*'] : names).map((domain) => ({ domain, chain }));
    })
    .filter(({ domain }) => isDomainOf(domain, name))
    .toSorted((a, b) => specificity(b.domain) - specificity(a.domain))[0];
  if (wanted === undefined) return 'closed';
  const { clusterSpecifier } = unpackLast(wanted.chain, TcpProxySchema) ?? assert.fail();
  if (clusterSpecifier.case === 'cluster') return clusterSpecifier.value;
  assert(clusterSpecifier.case === 'weightedClusters');
  return clusterSpecifier.value.clusters.map(({ name, weight }) => `${weight} ${name}`).join(', ');
}

function listenerOf(catalog: Catalog, proxy: WorkloadIdentity, port: string) {
  const name = `0.0.0.0_${port}`;
  const found = ask(catalog, { proxy, typeUrl: TYPE_URL.listener, name });
  return found && decode(ListenerSchema, found);
}

function unpackLast<Desc extends typeof HttpConnectionManagerSchema | typeof TcpProxySchema>(
  { filters }: FilterChain,
  schema: Desc,
) {
  const last = filters.at(-1);
  assert(last?.configType.case === 'typedConfig');
  return anyUnpack(last.configType.value, schema);
}

/** The most specific domain counts: a whole name, then the longest wildcard, then `*`. */
function virtualHostFor(hosts: readonly VirtualHost[], name: string): VirtualHost | undefined {
  return hosts
    .flatMap((host) => host.domains.map((domain) => ({ domain, host })))
    .filter(({ domain }) => isDomainOf(domain, name))
    .toSorted((a, b) => specificity(b.domain) - specificity(a.domain))[0]?.host;
}

const isDomainOf = (domain: string, name: string): boolean =>
  domain.startsWith('*') ? name.endsWith(domain.slice(1)) : domain === name;

const specificity = (domain: string): number =>
  domain.startsWith('*') ? domain.length : 1000 + domain.length;

/** All that a gateway holds: what its wildcard subscriptions stand for, and what these need. */
export function tablesOf(
  catalog: Catalog,
  proxy: WorkloadIdentity,
): readonly (readonly [typeUrl: string, resource: EncodedResource])[] {
  const found: (readonly [string, EncodedResource])[] = [];
  for (const typeUrl of [TYPE_URL.listener, TYPE_URL.cluster]) {
    const key = catalog.acquireWildcard(proxy, typeUrl);
    catalog.settle();
    for (const name of catalog.wildcardNames(key)) {
      const resource = ask(catalog, { proxy, typeUrl, name });
      assert(resource, `${name} is listed, so it is there`);
      found.push([typeUrl, resource]);
    }
    catalog.release(key);
  }
  return found;
}
