// What a gateway's port leads to: the routes of the VirtualServices that are bound to its servers,
// with the names of the clusters that they end at. Plain data, of which the listener, the route
// table and the list of clusters are made.
import type { GatewayServer } from '#istio/gateway/gateway.ts';
import type { TlsTermination } from '#istio/gateway/server-tls.ts';
import { commonHosts } from '#istio/virtualservice/host-match.ts';
import { isOfOrigin } from '#istio/virtualservice/virtual-service.ts';
import type { VirtualService } from '#istio/virtualservice/virtual-service.ts';
import type { Mesh, ServerRef } from '#model/mesh.ts';
import type { HostLookup } from './host-lookup.ts';
import { RouteTables, routePartsFor } from './http-table.ts';
import type { TableRoute, Target } from './http-table.ts';
import { httpsRoutesName } from './names.ts';

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
  /** `*` among them: any name. Empty: every connection. */
  readonly serverNames: readonly string[];
  /** TLS that ends here; undefined: none does. */
  readonly termination: TlsTermination | undefined;
  readonly content:
    | { readonly kind: 'tcp'; readonly targets: readonly Target[] }
    /** Requests, by a table of their own. */
    | { readonly kind: 'http'; readonly routes: string; readonly server: ServerRef }
    /** To the service and port that the name says, while it is this gateway's to hand on. */
    | { readonly kind: 'by-name' };
};

type BoundServer = {
  readonly gateway: string;
  readonly server: GatewayServer;
  readonly ref: ServerRef;
};

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
    for (const bound of this.#serversOf(input)) {
      const { gateway, server } = bound;
      for (const { virtualService, common } of this.#boundTo(input, bound)) {
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

  /** Of servers of TLS. A name that two claim is the first's, the older; no chain leads nowhere. */
  namedChains(input: TableInput): readonly TableChain[] {
    const chains: TableChain[] = [];
    const taken = new Set<string>();
    for (const bound of this.#serversOf(input)) {
      for (const chain of this.#chainsOf(bound, input)) {
        const isShared = bound.server.kind === 'passthrough';
        const free = chain.serverNames.filter((name) => !taken.has(name));
        // a server whose TLS ends here is there with all of its names, or not at all
        if (free.length === 0 || (!isShared && free.length < chain.serverNames.length)) continue;
        for (const name of free) taken.add(name);
        chains.push({ ...chain, serverNames: free.toSorted() });
      }
    }
    return chains;
  }

  *#chainsOf(bound: BoundServer, input: TableInput): Iterable<TableChain> {
    const { kind, hosts, termination, port, portName } = bound.server;
    const serverNames = [...new Set(hosts.map(({ host }) => host))].filter(isServerName);
    switch (kind) {
      case 'passthrough':
        yield* this.#passedThrough(bound, input);
        return;
      case 'https': {
        const routes = httpsRoutesName({ port, portName, gateway: bound.gateway });
        yield { serverNames, termination, content: { kind: 'http', routes, server: bound.ref } };
        return;
      }
      case 'tls': {
        const targets = this.#plainTargets(bound, input);
        if (targets) yield { serverNames, termination, content: { kind: 'tcp', targets } };
        return;
      }
      case 'auto-passthrough':
        yield { serverNames, termination: undefined, content: { kind: 'by-name' } };
        return;
      default:
        return;
    }
  }

  *#passedThrough(bound: BoundServer, input: TableInput): Iterable<TableChain> {
    for (const { virtualService, hosts } of this.#boundTo(input, bound)) {
      const place = { namespace: input.namespace, port: bound.server.port };
      for (const { match, route = [] } of virtualService.tls) {
        for (const one of match.filter((it) => isMeant(it, bound))) {
          const names = one.sniHosts.map((name) => name.toLowerCase());
          const serverNames = commonHosts(hosts, names).filter(isServerName);
          const targets = this.#routes.targets(route, virtualService, place);
          yield { serverNames, termination: undefined, content: { kind: 'tcp', targets } };
        }
      }
    }
  }

  /** Of a server that has nothing to tell connections apart by: the first route that is for it. */
  plainChain(input: TableInput): TableChain | undefined {
    for (const bound of this.#serversOf(input)) {
      const targets = this.#plainTargets(bound, input);
      if (targets === undefined) continue;
      return { serverNames: [], termination: undefined, content: { kind: 'tcp', targets } };
    }
    return undefined;
  }

  #plainTargets(bound: BoundServer, input: TableInput): readonly Target[] | undefined {
    for (const { virtualService } of this.#boundTo(input, bound)) {
      const found = virtualService.tcp.find(
        ({ match = [] }) => match.length === 0 || match.some((one) => isMeant(one, bound)),
      );
      if (found === undefined) continue;
      const place = { namespace: input.namespace, port: bound.server.port };
      return this.#routes.targets(found.route ?? [], virtualService, place);
    }
    return undefined;
  }

  *#serversOf({ servers }: TableInput): Iterable<BoundServer> {
    for (const ref of servers) {
      const server = this.#mesh.gateways.get(ref.gateway)?.servers[ref.index];
      if (server !== undefined) yield { gateway: ref.gateway, server, ref };
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
