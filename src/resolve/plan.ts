// What a name means to whoever asks for it. Planning decides (visibility, who owns an address,
// which port) and is done for each class of proxies; what comes out, a recipe, says nothing of the
// asker any more, so that the resource is made and encoded once for all whose plans agree.
//
// This file tells by type and form of a name whose it is; the planners beside it decide.
import { unknownClient } from '#model/clients.ts';
import type { Collection } from '#model/collection.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import { clientKey } from './client.ts';
import { CLIENT_CLASS, isInboundCluster } from './demand.ts';
import type { Demand, WildcardDemand } from './demand.ts';
import { GatewayPlanner } from './gateway-plan.ts';
import type { GatewayTables } from './gateway-table.ts';
import type { HostLookup } from './host-lookup.ts';
import { hostsCovering, isAnswerable, isCanonicalHost } from './host-addresses.ts';
import { parseHttpPolicyName, TCP_AUTHORIZER } from './inbound-names.ts';
import {
  MESH_ADDRESSES,
  METRIC_RULES,
  parseCollectorName,
  parseDestinationClusterName,
  parseServerNameCluster,
  parseRbacName,
  PASSTHROUGH_STAT_NAME,
  TYPE_URL,
  VIRTUAL_OUTBOUND,
} from './names.ts';
import type { ChainPort } from './names.ts';
import { ClusterPlanner } from './plan-clusters.ts';
import { InboundPlanner } from './plan-inbound.ts';
import { OutboundPlanner } from './plan-outbound.ts';
import { isProxylessName, ProxylessPlanner } from './proxyless.ts';
import type { AgentRecipe, Recipe } from './recipe.ts';
import { TelemetryPlanner } from './telemetry.ts';
import { workloadOfPeer } from './workload-facts.ts';

export type Plan = {
  readonly recipe: Recipe;
  readonly recipeKey: string;
};

export class Planner {
  readonly #mesh: Mesh;
  readonly #serviceOf: HostLookup;
  readonly #clusters: ClusterPlanner;
  readonly #inbound: InboundPlanner;
  readonly #outbound: OutboundPlanner;
  readonly #gateway: GatewayPlanner;
  readonly #proxyless: ProxylessPlanner;

  constructor(
    mesh: Mesh,
    options: {
      readonly serviceOf: HostLookup;
      readonly tables: GatewayTables;
      /** Whose proxies want all of their listeners, by name. */
      readonly namespaces: Collection<unknown>;
    },
  ) {
    const { serviceOf, tables, namespaces } = options;
    this.#mesh = mesh;
    this.#serviceOf = serviceOf;
    this.#clusters = new ClusterPlanner(mesh, serviceOf);
    this.#inbound = new InboundPlanner(mesh, serviceOf);
    this.#outbound = new OutboundPlanner({ mesh, serviceOf }, { namespaces });
    const telemetry = new TelemetryPlanner(mesh, serviceOf);
    this.#gateway = new GatewayPlanner(mesh, { tables, clusters: this.#clusters, telemetry });
    this.#proxyless = new ProxylessPlanner({ mesh, serviceOf }, this.#clusters);
  }

  /** undefined: there is no such resource, or not for this proxy. */
  plan(demand: Demand): Plan | undefined {
    const recipe = this.#recipeOf(demand);
    return recipe && { recipe, recipeKey: JSON.stringify(recipe) };
  }

  /** The names that a wildcard subscription stands for, sorted. */
  wildcardNames({ typeUrl, proxy }: WildcardDemand): readonly string[] {
    if (typeUrl === CLIENT_CLASS) return [clientKey(this.#mesh.clientOf(proxy))];
    const workload = this.#mesh.workloadOf(proxy);
    if (workload?.isGateway) {
      const names = this.#gateway.wildcardNames(typeUrl, workload);
      if (typeUrl !== TYPE_URL.cluster) return names;
      return [...new Set([...names, ...this.#inbound.ownClusterNames(workload)])].toSorted();
    }
    switch (typeUrl) {
      case TYPE_URL.listener: {
        const inbound = workload ? this.#inbound.listenerNames(workload) : [];
        return [...inbound, ...this.#outbound.listenerNames(proxy, workload)].toSorted();
      }
      case TYPE_URL.cluster:
        return workload ? this.#inbound.clusterNames(workload).toSorted() : [];
      default:
        return [];
    }
  }

  #recipeOf(demand: Demand): Recipe | undefined {
    const { typeUrl, name, proxy, client } = demand;
    if (isProxylessName(name)) return this.#proxyless.plan(typeUrl, name, client);
    switch (typeUrl) {
      case TYPE_URL.cluster:
        return this.#cluster(demand);
      case TYPE_URL.endpoints:
        return this.#clusters.endpoints(name, client);
      case TYPE_URL.listener:
        return this.#listener(demand);
      case TYPE_URL.routes:
        return (
          this.#outbound.routes(name) ??
          this.#own(proxy, (workload) => this.#gateway.routes(name, workload))
        );
      case TYPE_URL.virtualHost:
        return this.#outbound.virtualHost(name, client);
      case TYPE_URL.extension:
        return this.#own(proxy, (workload) => this.#extension(name, workload));
      case TYPE_URL.meshAddresses:
        if (name !== MESH_ADDRESSES) return undefined;
        return { kind: 'mesh-addresses', namespace: proxy.namespace };
      case TYPE_URL.hostAddresses:
        return this.#host(name, proxy.namespace);
      case TYPE_URL.workloadFacts:
        return this.#peer(name);
      case TYPE_URL.metricRules:
        if (name !== METRIC_RULES) return undefined;
        return this.#own(proxy, (workload) => ({
          kind: 'metric-rules',
          rules: this.#mesh.telemetry.metrics(workload),
        }));
      default:
        return undefined;
    }
  }

  #own(
    proxy: Demand['proxy'],
    recipeFor: (workload: Workload) => Recipe | undefined,
  ): Recipe | undefined {
    const workload = this.#mesh.workloadOf(proxy);
    return workload && recipeFor(workload);
  }

  #listener({ name, proxy, client }: Demand): Recipe | undefined {
    // a namespace's sidecars share these, so nothing of one workload is read for them
    const shared = client.isSidecar ? this.#outbound.listener(name, client) : undefined;
    if (shared) return shared;
    const workload = this.#mesh.workloadOf(proxy);
    if (name === VIRTUAL_OUTBOUND) return this.#outbound.virtualOutbound(workload);
    if (workload?.isGateway) return this.#gateway.listener(name, workload);
    if (workload === undefined) {
      // the labels of a gateway that has gone are nobody's any more
      return this.#outbound.listener(name, unknownClient(proxy.namespace));
    }
    return (
      this.#inbound.listener(name, workload) ??
      this.#outbound.explicitListener(name, workload) ??
      this.#outbound.listener(name, client)
    );
  }

  /** The filters of a workload's own chains that come by name: its policies, mostly. */
  #extension(name: string, workload: Workload): Recipe | undefined {
    const { key } = workload;
    if (name === TCP_AUTHORIZER) return { kind: 'tcp-authorizer', workload: key };
    const ofTcp = parseRbacName(name);
    if (ofTcp !== undefined) {
      const { kind: half, port } = ofTcp;
      if (!this.#hasChains(workload, port)) return undefined;
      return { kind: 'rbac', workload: key, half, port };
    }
    const port = parseHttpPolicyName(name);
    if (port === undefined) return this.#inbound.inspection(name, workload);
    return this.#hasChains(workload, port)
      ? { kind: 'http-policy', workload: key, port }
      : undefined;
  }

  /** Has the port filter chains of its own? */
  #hasChains(workload: Workload, port: ChainPort): boolean {
    if (workload.isGateway) return this.#gateway.listensOn(workload, port);
    return port === 'passthrough' || this.#inbound.hasChains(workload, port);
  }

  /** Every name but those of inbound clusters is answered, if only with a tombstone. */
  #cluster({ name, proxy, client }: Demand): Recipe | undefined {
    if (isInboundCluster(name)) {
      return this.#own(proxy, (workload) => this.#inbound.cluster(name, workload));
    }
    // where requests go that are for nobody in the mesh; routes say whether they may
    if (name === PASSTHROUGH_STAT_NAME) return { kind: 'passthrough', name, hasOwner: true };
    const destination = parseDestinationClusterName(name);
    if (destination !== undefined) return this.#clusters.byAddress(name, destination, client);
    const named = parseServerNameCluster(name);
    if (named) return this.#clusters.byServerName(name, named, client);
    const collector = parseCollectorName(name);
    if (collector) return { kind: 'collector', collector };
    const handedOn = (): Recipe | undefined =>
      this.#own(proxy, (workload) => this.#gateway.byServerName(name, workload));
    return this.#clusters.byName(name, client) ?? handedOn() ?? { kind: 'tombstone', name };
  }

  /** Every name is answered, if only with the word that the mesh does not know it. */
  #host(name: string, namespace: string): AgentRecipe {
    const hosts = isCanonicalHost(name) ? hostsCovering(name) : [];
    for (const host of hosts) {
      const service = this.#serviceOf(namespace, host);
      if (service && isAnswerable(service)) {
        return { kind: 'host-addresses', name, service: service.key };
      }
    }
    return { kind: 'unknown-host', name };
  }

  /** Whoever was met may be asked for: it is said what every connection's metrics say. */
  #peer(name: string): AgentRecipe {
    const workload = workloadOfPeer(this.#mesh, name);
    return workload
      ? { kind: 'workload-facts', name, workload: workload.key }
      : { kind: 'unknown-peer', name };
  }
}
