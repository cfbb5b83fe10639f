// What names mean to a gateway: its listeners, the route tables of their HTTP ports, and the
// clusters that these lead to. All of it is listed; a gateway asks for nothing on demand.
import { assertNever } from '#base/assert-never.ts';
import { isHostWithin } from '#istio/virtualservice/host-match.ts';
import { unknownClient } from '#model/clients.ts';
import type { Mesh } from '#model/mesh.ts';
import type { GatewayPort, ServerRef } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import type { GatewayTables, TableChain } from './gateway-table.ts';
import {
  gatewayListenerName,
  gatewayRoutesName,
  isHttpsRoutesName,
  parseGatewayRoutesName,
  parseOutboundSni,
  TYPE_URL,
} from './names.ts';
import type { ChainPort } from './names.ts';
import type { ClusterPlanner } from './plan-clusters.ts';
import type { ClusterRecipe, GatewayRecipe } from './recipe.ts';
import type { TelemetryPlanner } from './telemetry.ts';

export class GatewayPlanner {
  readonly #mesh: Mesh;
  readonly #tables: GatewayTables;
  readonly #clusters: ClusterPlanner;
  readonly #telemetry: TelemetryPlanner;

  constructor(
    mesh: Mesh,
    options: {
      readonly tables: GatewayTables;
      readonly clusters: ClusterPlanner;
      readonly telemetry: TelemetryPlanner;
    },
  ) {
    const { tables, clusters, telemetry } = options;
    this.#mesh = mesh;
    this.#telemetry = telemetry;
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
    const telemetry = this.#telemetry.requests(workload, 'client');
    const address = { bind, port };
    return { kind: 'gateway-listener', ...telemetry, namespace, address, content, servers };
  }

  /** A table that is asked for while its listener drains is there still, and empty. */
  routes(name: string, workload: Workload): GatewayRecipe | undefined {
    if (!workload.isGateway) return undefined;
    const { namespace } = workload;
    const kind = 'gateway-routes';
    if (isHttpsRoutesName(name)) {
      const found = this.#httpsTables(workload).find(({ routes }) => routes === name);
      const servers = found ? [found.server] : [];
      return { kind, name, namespace, port: found?.port ?? 0, servers };
    }
    const address = parseGatewayRoutesName(name);
    if (address === undefined) return undefined;
    const found = this.#portsOf(workload).find(
      (port) => port.kind === 'http' && gatewayRoutesName(port) === name,
    );
    return { kind, name, namespace, port: address.port, servers: found?.servers ?? [] };
  }

  #httpsTables(workload: Workload) {
    const { namespace } = workload;
    return this.#portsOf(workload).flatMap((port) =>
      this.#chainsOf(port, namespace).flatMap(({ content }) =>
        content.kind === 'http' ? [{ ...content, port: port.port }] : [],
      ),
    );
  }

  /**
   * What a client of another network means by the name that it says (SNI): a service and port of
   * this network, if a server that hands on by name covers the host.
   */
  byServerName(name: string, workload: Workload): ClusterRecipe | undefined {
    const ref = parseOutboundSni(name);
    if (ref === undefined || !workload.isGateway) return undefined;
    const servers = this.#portsOf(workload)
      .flatMap(({ servers }) => servers)
      .flatMap(({ gateway, index }) => this.#mesh.gateways.get(gateway)?.servers[index] ?? [])
      .filter(({ kind }) => kind === 'auto-passthrough');
    return this.#clusters.handedOn({ name, ref, gateway: workload }, (service) =>
      servers.some(({ hosts }) =>
        hosts.some(
          ({ namespace, host }) =>
            (namespace === '*' || namespace === service.namespace) &&
            isHostWithin(service.host, host),
        ),
      ),
    );
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
    if (kind === 'tls') return this.#tables.namedChains(input);
    const chain = this.#tables.plainChain(input);
    return chain === undefined ? [] : [chain];
  }

  #clustersOf(port: GatewayPort, namespace: string): readonly string[] {
    if (port.kind === 'http') return this.#routedTo(port.servers, namespace);
    return this.#chainsOf(port, namespace).flatMap(({ content }) => {
      switch (content.kind) {
        case 'tcp':
          return content.targets.map(({ cluster }) => cluster);
        case 'http':
          return this.#routedTo([content.server], namespace);
        case 'by-name': // asked for by name when somebody first says it
          return [];
        default:
          return assertNever(content);
      }
    });
  }

  #routedTo(servers: readonly ServerRef[], namespace: string): readonly string[] {
    return this.#tables
      .hosts({ namespace, servers })
      .flatMap(({ routes }) =>
        routes.flatMap(({ targets, mirrors }) =>
          [...targets, ...mirrors].map(({ cluster }) => cluster),
        ),
      );
  }
}
