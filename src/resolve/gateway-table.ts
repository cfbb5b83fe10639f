// What a gateway's port leads to: the routes of the VirtualServices that are bound to its servers,
// with the names of the clusters that they end at. Plain data, of which the listener, the route
// table and the list of clusters are made.
import type { GatewayServer } from '#istio/gateway/gateway.ts';
import { commonHosts } from '#istio/virtualservice/host-match.ts';
import { isOfOrigin } from '#istio/virtualservice/virtual-service.ts';
import type { VirtualService } from '#istio/virtualservice/virtual-service.ts';
import type { Mesh, ServerRef } from '#model/mesh.ts';
import type { HostLookup } from './host-lookup.ts';
import { RouteTables, routePartsFor } from './http-table.ts';
import type { TableRoute, Target } from './http-table.ts';

/** The servers of a port, seen from the gateway's namespace. */
export type TableInput = { readonly namespace: string; readonly servers: readonly ServerRef[] };

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

export class GatewayTables {
  readonly #mesh: Mesh;
  readonly #routes: RouteTables;

  constructor(mesh: Mesh, serviceOf: HostLookup) {
    this.#mesh = mesh;
    this.#routes = new RouteTables({ mesh, serviceOf });
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
        const place = { namespace: input.namespace, port: bound.server.port };
        for (const { match, route = [] } of virtualService.tls) {
          for (const one of match.filter((it) => isMeant(it, bound))) {
            const names = one.sniHosts.map((name) => name.toLowerCase());
            const serverNames = commonHosts(hosts, names)
              .filter(isServerName)
              .filter((name) => !taken.has(name));
            if (serverNames.length === 0) continue;
            for (const name of serverNames) taken.add(name);
            const targets = this.#routes.targets(route, virtualService, place);
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
        const place = { namespace: input.namespace, port: bound.server.port };
        const targets = this.#routes.targets(found.route ?? [], virtualService, place);
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

  #routesOf(
    virtualService: VirtualService,
    options: { readonly input: TableInput; readonly gateway: string; readonly port: number },
  ): readonly TableRoute[] {
    const { input, gateway, port } = options;
    const bound = { gateway, server: { port } };
    const parts = routePartsFor(virtualService, (match) => isMeant(match, bound));
    return this.#routes.routes(virtualService, parts, { namespace: input.namespace, port });
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
