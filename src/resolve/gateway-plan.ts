// What names mean to a gateway: its listeners, the route tables of their HTTP ports, and the
// clusters that these lead to. All of it is listed; a gateway asks for nothing on demand.
import { unknownClient } from '#model/clients.ts';
import type { Mesh } from '#model/mesh.ts';
import type { GatewayPort } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import type { GatewayTables, TableChain } from './gateway-table.ts';
import {
  gatewayListenerName,
  gatewayRoutesName,
  parseGatewayRoutesName,
  TYPE_URL,
} from './names.ts';
import type { ChainPort } from './names.ts';
import type { ClusterPlanner } from './plan-clusters.ts';
import type { GatewayRecipe } from './recipe.ts';

export class GatewayPlanner {
  readonly #mesh: Mesh;
  readonly #tables: GatewayTables;
  readonly #clusters: ClusterPlanner;

  constructor(
    mesh: Mesh,
    { tables, clusters }: { readonly tables: GatewayTables; readonly clusters: ClusterPlanner },
  ) {
    this.#mesh = mesh;
    this.#tables = tables;
    this.#clusters = clusters;
  }

  /** The names that a wildcard subscription of a gateway stands for, sorted. */
  wildcardNames(typeUrl: string, workload: Workload): readonly string[] {
    const ports = this.#portsOf(workload);
    if (typeUrl === TYPE_URL.listener) return ports.map(gatewayListenerName).toSorted();
    if (typeUrl !== TYPE_URL.cluster) return [];
    const { namespace } = workload;
    const names = new Set(ports.flatMap((port) => this.#clustersOf(port, namespace)));
    // a destination that there is not has no cluster: its requests are answered 503
    const client = { ...unknownClient(namespace), labels: workload.labels };
    return [...names].filter((name) => this.#clusters.byName(name, client)).toSorted();
  }

  listener(name: string, workload: Workload): GatewayRecipe | undefined {
    const found = this.#portsOf(workload).find((port) => gatewayListenerName(port) === name);
    if (found === undefined) return undefined;
    const { namespace } = workload;
    const { bind, port, kind: content, servers } = found;
    const logs = this.#mesh.textLogs(workload, 'client');
    const address = { bind, port };
    return { kind: 'gateway-listener', logs, namespace, address, content, servers };
  }

  /** A table that is asked for while its listener drains is there still, and empty. */
  routes(name: string, workload: Workload): GatewayRecipe | undefined {
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
