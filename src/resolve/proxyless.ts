// What clients of gRPC without a proxy are told (gRFC A27, A28): a listener by the name that they
// dial, `host:port`, a route table of one virtual host, and clusters by Istio's names. They dial
// endpoints themselves, in clear text: a server that takes nothing but mesh TLS refuses them.
import { assertNever } from '#base/assert-never.ts';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
} from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { RouterSchema } from '#gen/envoy/extensions/filters/http/router/v3/router_pb.js';
import type { EncodedResource } from '#xds/catalog.ts';
import { PROXYLESS_PREFIX } from '#xds/sotw-codec.ts';
import type { Client } from './client.ts';
import { encodeResource } from './encode.ts';
import { ADS, extension, packed } from './message.ts';
import { outboundName, parseOutboundName, parsePort, TYPE_URL } from './names.ts';
import type { ClusterPlanner } from './plan-clusters.ts';
import type { ProxylessRecipe } from './recipe.ts';
import { buildRoutes, type VirtualHostContext } from './virtual-host.ts';
import { findVirtualHost } from './virtual-host-plan.ts';

export const isProxylessName = (name: string): boolean => name.startsWith(PROXYLESS_PREFIX);

export class ProxylessPlanner {
  readonly #context: VirtualHostContext;
  readonly #clusters: ClusterPlanner;

  constructor(context: VirtualHostContext, clusters: ClusterPlanner) {
    this.#context = context;
    this.#clusters = clusters;
  }

  /** @param name with its prefix; undefined: no such resource, as far as the client may see */
  plan(typeUrl: string, name: string, client: Client): ProxylessRecipe | undefined {
    const plain = name.slice(PROXYLESS_PREFIX.length);
    switch (typeUrl) {
      case TYPE_URL.listener:
        return this.#listener(plain, client);
      case TYPE_URL.routes:
        return this.#routes(plain, client);
      case TYPE_URL.cluster:
        return this.#cluster(plain, client);
      default:
        return undefined;
    }
  }

  #listener(name: string, client: Client): ProxylessRecipe | undefined {
    const [, host = '', portText = ''] = /^([^:]+):([0-9]+)$/.exec(name) ?? [];
    const port = parsePort(portText);
    if (port === undefined || !this.#isKnown({ host, port }, client)) return undefined;
    return { kind: 'proxyless-listener', host, port };
  }

  #routes(name: string, client: Client): ProxylessRecipe | undefined {
    const ref = parseOutboundName(name);
    if (ref === undefined || ref.subset !== '') return undefined;
    const { host, port } = ref;
    const content = findVirtualHost(this.#context, ask(ref, client));
    return content && { kind: 'proxyless-routes', host, port, content };
  }

  #cluster(name: string, client: Client): ProxylessRecipe | undefined {
    const recipe = this.#clusters.byName(name, client);
    if (recipe?.kind !== 'table-cluster') return undefined;
    const service = this.#context.mesh.services.get(recipe.service);
    return service?.resolution === 'static' ? { kind: 'proxyless-cluster', name } : undefined;
  }

  #isKnown(place: Place, client: Client): boolean {
    return findVirtualHost(this.#context, ask(place, client)) !== undefined;
  }
}

type Place = { readonly host: string; readonly port: number };

const ask = ({ host, port }: Place, client: Client) => ({
  ...client,
  port,
  authority: `${host.toLowerCase()}:${port}`,
});

export function makeProxyless(
  context: VirtualHostContext,
  recipe: ProxylessRecipe,
): EncodedResource {
  switch (recipe.kind) {
    case 'proxyless-listener': {
      const { host, port } = recipe;
      const name = `${host}:${port}`;
      const routeConfigName = outboundName({ host, port });
      return encodeResource(`${PROXYLESS_PREFIX}${name}`, ListenerSchema, {
        name,
        apiListener: {
          apiListener: packed(HttpConnectionManagerSchema, {
            routeSpecifier: { case: 'rds', value: { configSource: ADS, routeConfigName } },
            httpFilters: [extension('envoy.filters.http.router', RouterSchema, {})],
          }),
        },
      });
    }
    case 'proxyless-routes': {
      const { host, port, content } = recipe;
      const name = outboundName({ host, port });
      const routes = buildRoutes(context, { content, port });
      const domains = [`${host}:${port}`, host];
      return encodeResource(`${PROXYLESS_PREFIX}${name}`, RouteConfigurationSchema, {
        name,
        virtualHosts: [{ name: `${host}:${port}`, domains, routes }],
      });
    }
    case 'proxyless-cluster': {
      const { name } = recipe;
      return encodeResource(`${PROXYLESS_PREFIX}${name}`, ClusterSchema, {
        name,
        clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
        edsClusterConfig: { edsConfig: ADS, serviceName: name },
        lbPolicy: Cluster_LbPolicy.ROUND_ROBIN,
      });
    }
    default:
      return assertNever(recipe);
  }
}
