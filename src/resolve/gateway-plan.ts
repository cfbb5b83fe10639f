// What names mean to a gateway: its listeners, the route tables of their HTTP ports, and the
// clusters that these lead to. All of it is listed; a gateway asks for nothing on demand.
import type { Mesh } from '#model/mesh.ts';
import type { GatewayPort } from '#model/mesh.ts';
import type { MeshService } from '#model/service.ts';
import type { Workload } from '#model/workload.ts';
import { clientSecurity } from './client-policy.ts';
import type { GatewayTables, TableChain } from './gateway-table.ts';
import type { HostLookup } from './host-lookup.ts';
import {
  gatewayListenerName,
  gatewayRoutesName,
  parseGatewayRoutesName,
  parseOutboundName,
  TYPE_URL,
} from './names.ts';
import type { ChainPort } from './names.ts';
import type { Recipe, SubsetRef } from './recipe.ts';

export class GatewayPlanner {
  readonly #mesh: Mesh;
  readonly #serviceOf: HostLookup;
  readonly #tables: GatewayTables;

  constructor(
    mesh: Mesh,
    { serviceOf, tables }: { readonly serviceOf: HostLookup; readonly tables: GatewayTables },
  ) {
    this.#mesh = mesh;
    this.#serviceOf = serviceOf;
    this.#tables = tables;
  }

  /** The names that a wildcard subscription of a gateway stands for, sorted. */
  wildcardNames(typeUrl: string, workload: Workload): readonly string[] {
    const ports = this.#portsOf(workload);
    if (typeUrl === TYPE_URL.listener) return ports.map(gatewayListenerName).toSorted();
    if (typeUrl !== TYPE_URL.cluster) return [];
    const { namespace } = workload;
    const names = new Set(ports.flatMap((port) => this.#clustersOf(port, namespace)));
    // a destination that there is not has no cluster: its requests are answered 503
    return [...names].filter((name) => this.cluster(name, namespace) !== undefined).toSorted();
  }

  listener(name: string, workload: Workload): Recipe | undefined {
    const found = this.#portsOf(workload).find((port) => gatewayListenerName(port) === name);
    if (found === undefined) return undefined;
    const { namespace } = workload;
    const { bind, port, kind: content, servers } = found;
    return { kind: 'gateway-listener', namespace, address: { bind, port }, content, servers };
  }

  /** A table that is asked for while its listener drains is there still, and empty. */
  routes(name: string, workload: Workload): Recipe | undefined {
    const address = parseGatewayRoutesName(name);
    if (address === undefined || !workload.isGateway) return undefined;
    const { namespace } = workload;
    const found = this.#portsOf(workload).find(
      (port) => port.kind === 'http' && gatewayRoutesName(port) === name,
    );
    return { kind: 'gateway-routes', namespace, address, servers: found?.servers ?? [] };
  }

  listensOn(workload: Workload, port: ChainPort): boolean {
    return this.#portsOf(workload).some((one) => one.port === port);
  }

  /** `outbound|<port>|<subset>|<host>`; undefined when there is no such service, port or subset. */
  cluster(name: string, namespace: string): Recipe | undefined {
    const ref = parseOutboundName(name);
    if (ref === undefined) return undefined;
    const { host, port, subset: wanted } = ref;
    const service = this.#serviceOf(namespace, host);
    if (!service?.ports.some(({ number }) => number === port)) return undefined;
    const subset = this.subsetOf(namespace, service, wanted);
    if (subset === undefined) return undefined;
    const rule = this.#mesh.destinationRuleFor(namespace, service);
    const security = clientSecurity(rule, { port, subset: wanted });
    if (security.kind === 'refused') return { kind: 'refused', name };
    return { kind: 'table-cluster', name, service: service.key, port, subset, security };
  }

  /** null: the whole service; undefined: no DestinationRule knows the subset. */
  subsetOf(namespace: string, service: MeshService, name: string): SubsetRef | null | undefined {
    if (name === '') return null;
    const { subsets = [] } = this.#mesh.destinationRuleFor(namespace, service) ?? {};
    const found = subsets.find((subset) => subset.name === name);
    if (found === undefined) return undefined;
    const labels = Object.entries(found.labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return { name, labels };
  }

  /** Those that lead anywhere: Envoy refuses a listener that has nothing in it. */
  #portsOf({ key, namespace }: Workload): readonly GatewayPort[] {
    const ports = this.#mesh.gatewayPorts(key) ?? [];
    return ports.filter(
      (port) => port.kind === 'http' || this.#chainsOf(port, namespace).length > 0,
    );
  }

  #chainsOf({ kind, servers }: GatewayPort, namespace: string): readonly TableChain[] {
    const input = { namespace, servers };
    if (kind === 'passthrough') return this.#tables.namedChains(input);
    const chain = this.#tables.plainChain(input);
    return chain === undefined ? [] : [chain];
  }

  #clustersOf(port: GatewayPort, namespace: string): readonly string[] {
    if (port.kind !== 'http') {
      return this.#chainsOf(port, namespace).flatMap(({ targets }) =>
        targets.map(({ cluster }) => cluster),
      );
    }
    const hosts = this.#tables.hosts({ namespace, servers: port.servers });
    return hosts.flatMap(({ routes }) =>
      routes.flatMap(({ targets, mirrors }) =>
        [...targets, ...mirrors].map(({ cluster }) => cluster),
      ),
    );
  }
}
