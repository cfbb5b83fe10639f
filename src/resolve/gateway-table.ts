// What a gateway's port leads to: the routes of the VirtualServices that are bound to its servers,
// with the names of the clusters that they end at. Plain data, of which the listener, the route
// table and the list of clusters are made.
import type { GatewayServer } from '#istio/gateway/gateway.ts';
import { commonHosts } from '#istio/virtualservice/host-match.ts';
import type {
  Destination,
  Headers,
  HttpMatch,
  HttpRoute,
} from '#istio/virtualservice/http-schema.ts';
import type { RouteDestination } from '#istio/virtualservice/schema.ts';
import { isOfOrigin } from '#istio/virtualservice/virtual-service.ts';
import type { VirtualService } from '#istio/virtualservice/virtual-service.ts';
import type { Mesh, ServerRef } from '#model/mesh.ts';
import type { HostLookup } from './host-lookup.ts';
import { outboundName } from './names.ts';

/** The servers of a port, seen from the gateway's namespace. */
export type TableInput = { readonly namespace: string; readonly servers: readonly ServerRef[] };

export type Target = {
  /** `outbound|<port>|<subset>|<host>`, whether there is such a service or not. */
  readonly cluster: string;
  readonly weight: number;
  readonly headers: Headers | undefined;
};

export type TableRoute = {
  readonly virtualService: { readonly namespace: string; readonly name: string };
  /** Of the server, as clients know it. */
  readonly port: number;
  readonly route: HttpRoute;
  /** undefined: every request. */
  readonly match: HttpMatch | undefined;
  readonly targets: readonly Target[];
  readonly mirrors: readonly { readonly cluster: string; readonly percent: number }[];
};

export type TableHost = {
  /** In lower case; the first label may be `*`. */
  readonly host: string;
  readonly port: number;
  readonly redirectsToHttps: boolean;
  /** The first that fits counts. */
  readonly routes: readonly TableRoute[];
};

/** Connections that are told apart by the name that the client asks for, or by nothing. */
export type TableChain = {
  /** Empty: every connection. */
  readonly serverNames: readonly string[];
  readonly targets: readonly Target[];
};

type BoundServer = { readonly gateway: string; readonly server: GatewayServer };
type Place = { readonly virtualService: VirtualService; readonly namespace: string };

export class GatewayTables {
  readonly #mesh: Mesh;
  readonly #serviceOf: HostLookup;

  constructor(mesh: Mesh, serviceOf: HostLookup) {
    this.#mesh = mesh;
    this.#serviceOf = serviceOf;
  }

  /** Of HTTP servers, by host. Routes of several VirtualServices for one host are merged. */
  hosts(input: TableInput): readonly TableHost[] {
    const hosts = new Map<string, TableHost>();
    const hostAt = (host: string, port: number): TableHost =>
      hosts.get(host) ?? { host, port, redirectsToHttps: false, routes: [] };
    const seen = new Set<string>();
    for (const { gateway, server } of this.#serversOf(input)) {
      for (const { virtualService, common } of this.#boundTo(input, { gateway, server })) {
        const routes = this.#routesOf(virtualService, { input, gateway, port: server.port });
        if (routes.length === 0) continue;
        for (const host of common) {
          const key = `${host} ${gateway} ${virtualService.namespace}/${virtualService.name}`;
          if (seen.has(key)) continue;
          seen.add(key);
          const before = hostAt(host, server.port);
          hosts.set(host, { ...before, routes: [...before.routes, ...routes] });
        }
      }
      if (!server.redirectsToHttps) continue;
      for (const { host } of server.hosts) {
        hosts.set(host, { ...hostAt(host, server.port), redirectsToHttps: true });
      }
    }
    return [...hosts.values()].toSorted((a, b) => (a.host < b.host ? -1 : 1));
  }

  /** Of passthrough servers. A name that two routes claim is the first's, the older. */
  namedChains(input: TableInput): readonly TableChain[] {
    const chains: TableChain[] = [];
    const taken = new Set<string>();
    for (const bound of this.#serversOf(input)) {
      for (const { virtualService, hosts } of this.#boundTo(input, bound)) {
        const place = { virtualService, namespace: input.namespace };
        for (const { match, route = [] } of virtualService.tls) {
          for (const one of match.filter((it) => isMeant(it, bound))) {
            const names = one.sniHosts.map((name) => name.toLowerCase());
            const serverNames = commonHosts(hosts, names)
              .filter(isServerName)
              .filter((name) => !taken.has(name));
            if (serverNames.length === 0) continue;
            for (const name of serverNames) taken.add(name);
            const targets = this.#targets(route, place, bound.server.port);
            chains.push({ serverNames: serverNames.toSorted(), targets });
          }
        }
      }
    }
    return chains;
  }

  /** Of a server that has nothing to tell connections apart by: the first route that is for it. */
  plainChain(input: TableInput): TableChain | undefined {
    for (const bound of this.#serversOf(input)) {
      for (const { virtualService } of this.#boundTo(input, bound)) {
        const found = virtualService.tcp.find(
          ({ match = [] }) => match.length === 0 || match.some((one) => isMeant(one, bound)),
        );
        if (found === undefined) continue;
        const place = { virtualService, namespace: input.namespace };
        const targets = this.#targets(found.route ?? [], place, bound.server.port);
        return { serverNames: [], targets };
      }
    }
    return undefined;
  }

  *#serversOf({ servers }: TableInput): Iterable<BoundServer> {
    for (const { gateway, index } of servers) {
      const server = this.#mesh.gateways.get(gateway)?.servers[index];
      if (server !== undefined) yield { gateway, server };
    }
  }

  /** The VirtualServices of a server, and which of its hosts each may and does speak for. */
  *#boundTo({ namespace }: TableInput, { gateway, server }: BoundServer) {
    for (const virtualService of this.#mesh.virtualServicesOf(gateway, namespace)) {
      const { namespace: own } = virtualService;
      const hosts = server.hosts
        .filter((host) => host.namespace === '*' || host.namespace === own)
        .map(({ host }) => host);
      const wanted = virtualService.hosts.map((host) => this.#mesh.fullHost(host, own));
      const common = commonHosts(hosts, wanted);
      if (common.length > 0) yield { virtualService, hosts, common };
    }
  }

  /** Nothing after a route that takes every request is ever reached. */
  #routesOf(
    virtualService: VirtualService,
    options: { readonly input: TableInput; readonly gateway: string; readonly port: number },
  ): readonly TableRoute[] {
    const { input, gateway, port } = options;
    const routes: TableRoute[] = [];
    const bound = { gateway, server: { port } };
    for (const route of virtualService.http) {
      if (route.delegate !== undefined) continue;
      const matches = route.match ?? [];
      const meant = matches.filter((match) => isMeant(match, bound));
      const parts = this.#partsOf(route, { virtualService, namespace: input.namespace }, port);
      if (matches.length === 0) {
        routes.push({ ...parts, match: undefined });
        break;
      }
      routes.push(...meant.map((match) => ({ ...parts, match })));
    }
    return routes;
  }

  #partsOf(route: HttpRoute, place: Place, port: number): Omit<TableRoute, 'match'> {
    const { namespace, name } = place.virtualService;
    const percentOfMirror =
      route.mirrorPercentage?.value ?? route.mirrorPercent ?? route.mirror_percent ?? 100;
    const mirrors = [
      ...(route.mirror ? [{ destination: route.mirror, percent: percentOfMirror }] : []),
      ...(route.mirrors ?? []).map(({ destination, percentage }) => ({
        destination,
        percent: percentage?.value ?? 100,
      })),
    ];
    return {
      virtualService: { namespace, name },
      port,
      route,
      targets: this.#targets(route.route ?? [], place, port),
      mirrors: mirrors
        .filter(({ percent }) => percent > 0)
        .map(({ destination, percent }) => ({
          cluster: this.#clusterOf(destination, place, port),
          percent,
        })),
    };
  }

  /** Of several destinations, those with a share; a single one has it all. */
  #targets(
    routes: readonly (RouteDestination & { readonly headers?: Headers })[],
    place: Place,
    port: number,
  ): readonly Target[] {
    const targets = routes.map(({ destination, weight = 0, headers }) => ({
      cluster: this.#clusterOf(destination, place, port),
      weight,
      headers,
    }));
    return targets.length > 1 ? targets.filter(({ weight }) => weight > 0) : targets;
  }

  /** A port that is not said is the service's only one, or else the server's. */
  #clusterOf(destination: Destination, place: Place, serverPort: number): string {
    const { virtualService, namespace } = place;
    const host = this.#mesh.fullHost(destination.host.toLowerCase(), virtualService.namespace);
    const only = this.#onlyPortOf(namespace, host);
    const port = destination.port?.number ?? only ?? serverPort;
    return outboundName({ host, port, subset: destination.subset ?? '' });
  }

  #onlyPortOf(namespace: string, host: string): number | undefined {
    const { ports = [] } = this.#serviceOf(namespace, host) ?? {};
    return ports.length === 1 ? ports[0]?.number : undefined;
  }
}

/** Envoy knows wildcards for whole labels only, and refuses a listener with any other. */
const isServerName = (name: string): boolean => !/^\*[^.]/.test(name);

/**
 * Is the match for this server? What asks for more of where a connection comes from or goes to
 * than a gateway can tell matches nothing.
 */
function isMeant(
  match: {
    readonly port?: number;
    readonly gateways?: readonly string[];
    readonly sourceLabels?: Readonly<Record<string, string>>;
    readonly sourceNamespace?: string;
    readonly destinationSubnets?: readonly string[];
    readonly sourceSubnet?: string;
  },
  { gateway, server }: { readonly gateway: string; readonly server: Pick<GatewayServer, 'port'> },
): boolean {
  const { port = 0, gateways = [], destinationSubnets = [], sourceSubnet = '' } = match;
  if (port !== 0 && port !== server.port) return false;
  if (gateways.length > 0 && !gateways.includes(gateway)) return false;
  return !isOfOrigin(match) && destinationSubnets.length === 0 && sourceSubnet === '';
}
