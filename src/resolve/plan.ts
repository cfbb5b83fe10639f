// What a name means to whoever asks for it. Planning decides (visibility, who owns an address,
// which port) and is done for each class of proxies; what comes out, a recipe, says nothing of the
// asker any more, so that the resource is made and encoded once for all whose plans agree.
import { assertNever } from '#base/assert-never.ts';
import { isAutomaticAddress } from '#istio/serviceentry/automatic-address.ts';
import type { Mesh } from '#model/mesh.ts';
import { isVisibleIn } from '#model/service.ts';
import type { MeshService } from '#model/service.ts';
import type { Workload } from '#model/workload.ts';
import { clientSecurity } from './client-policy.ts';
import type { ClientSecurity } from './client-policy.ts';
import type { Demand } from './demand.ts';
import { GatewayPlanner } from './gateway-plan.ts';
import type { GatewayTables } from './gateway-table.ts';
import type { HostLookup } from './host-lookup.ts';
import type { Recipe } from './recipe.ts';
import { hostsCovering, isAnswerable, isCanonicalHost } from './host-addresses.ts';
import {
  INBOUND_PASSTHROUGH,
  MESH_ADDRESSES,
  parseDestinationClusterName,
  parseInboundName,
  parseOutboundName,
  parseRbacName,
  TYPE_URL,
  VIRTUAL_INBOUND,
  VIRTUAL_OUTBOUND,
} from './names.ts';
import type { ChainPort, Destination } from './names.ts';
import { isReachedByIpv6 } from './outbound.ts';

export type Plan = {
  readonly recipe: Recipe;
  readonly recipeKey: string;
};

export class Planner {
  readonly #mesh: Mesh;
  readonly #serviceOf: HostLookup;
  readonly #gateway: GatewayPlanner;

  constructor(
    mesh: Mesh,
    options: { readonly serviceOf: HostLookup; readonly tables: GatewayTables },
  ) {
    this.#mesh = mesh;
    this.#serviceOf = options.serviceOf;
    this.#gateway = new GatewayPlanner(mesh, options);
  }

  /** undefined: there is no such resource, or not for this proxy. */
  plan(demand: Demand): Plan | undefined {
    const recipe = this.#recipeOf(demand);
    return recipe && { recipe, recipeKey: JSON.stringify(recipe) };
  }

  /** The names that a wildcard subscription stands for, sorted. */
  wildcardNames({ typeUrl, proxy }: Demand): readonly string[] {
    const workload = this.#mesh.workloadOf(proxy);
    if (workload?.isGateway) return this.#gateway.wildcardNames(typeUrl, workload);
    switch (typeUrl) {
      case TYPE_URL.listener:
        return workload ? [VIRTUAL_INBOUND, VIRTUAL_OUTBOUND] : [VIRTUAL_OUTBOUND];
      case TYPE_URL.cluster: {
        if (!workload) return [];
        const ports = this.#mesh.inboundPorts(workload.key);
        return [INBOUND_PASSTHROUGH, ...ports.map(({ port }) => `inbound|${port}||`)].toSorted();
      }
      default:
        return [];
    }
  }

  #recipeOf({ typeUrl, name = '', proxy }: Demand): Recipe | undefined {
    switch (typeUrl) {
      case TYPE_URL.cluster:
        return this.#clusterRecipe(name, proxy);
      case TYPE_URL.endpoints:
        return this.#endpointsRecipe(name, proxy.namespace);
      case TYPE_URL.listener:
        if (name === VIRTUAL_OUTBOUND) {
          const hasIpv6 = isReachedByIpv6(this.#mesh.workloadOf(proxy));
          return { kind: 'virtual-outbound', hasIpv6 };
        }
        return this.#own(proxy, (workload) => {
          if (workload.isGateway) return this.#gateway.listener(name, workload);
          const { key } = workload;
          return name === VIRTUAL_INBOUND ? { kind: 'virtual-inbound', workload: key } : undefined;
        });
      case TYPE_URL.routes:
        return this.#own(proxy, (workload) => this.#gateway.routes(name, workload));
      case TYPE_URL.extension:
        return this.#rbacRecipe(name, proxy);
      case TYPE_URL.meshAddresses:
        if (name !== MESH_ADDRESSES) return undefined;
        return { kind: 'mesh-addresses', namespace: proxy.namespace };
      case TYPE_URL.hostAddresses:
        return this.#hostRecipe(name, proxy.namespace);
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

  /** Has the port filter chains of its own? */
  #hasChains(workload: Workload, port: ChainPort): boolean {
    if (workload.isGateway) return this.#gateway.listensOn(workload, port);
    if (port === 'passthrough' || this.#serves(workload, port)) return true;
    return this.#mesh.mtlsPorts(workload).includes(port);
  }

  #serves({ key }: Workload, port: number): boolean {
    return this.#mesh.inboundPorts(key).some((served) => served.port === port);
  }

  #rbacRecipe(name: string, proxy: Demand['proxy']): Recipe | undefined {
    const parsed = parseRbacName(name);
    if (parsed === undefined) return undefined;
    const { kind: half, port } = parsed;
    return this.#own(proxy, (workload) =>
      this.#hasChains(workload, port)
        ? { kind: 'rbac', workload: workload.key, half, port }
        : undefined,
    );
  }

  /** Every name but those of inbound clusters is answered, if only with a tombstone. */
  #clusterRecipe(name: string, proxy: Demand['proxy']): Recipe | undefined {
    const inboundPort = parseInboundName(name);
    if (inboundPort !== undefined) {
      return this.#own(proxy, (workload) =>
        this.#serves(workload, inboundPort)
          ? { kind: 'inbound-cluster', workload: workload.key, port: inboundPort }
          : undefined,
      );
    }
    if (name === INBOUND_PASSTHROUGH) {
      return this.#own(proxy, () => ({ kind: 'inbound-passthrough' }));
    }
    const destination = parseDestinationClusterName(name);
    if (destination === undefined) {
      return this.#gateway.cluster(name, proxy.namespace) ?? { kind: 'tombstone', name };
    }
    return this.#destinationRecipe(name, destination, proxy.namespace);
  }

  #destinationRecipe(name: string, destination: Destination, namespace: string): Recipe {
    const owner = this.#mesh.ownerOf(namespace, destination.address);
    switch (owner?.kind) {
      case undefined:
        // behind an automatic address that means nothing there is nobody
        return isAutomaticAddress(destination.address)
          ? { kind: 'tombstone', name }
          : this.#outsideRecipe(name, { hasOwner: false });
      case 'service': {
        const port = declaredPort(owner.service, destination.port);
        if (port === undefined) return { kind: 'tombstone', name };
        const { key: service, host } = owner.service;
        const ownsHost = this.#serviceOf(namespace, host)?.key === service;
        const security = this.#security(namespace, owner.service, port);
        if (security.kind === 'refused') return { kind: 'refused', name };
        return { kind: 'service-cluster', name, service, port, ownsHost, security };
      }
      case 'endpoint':
        return (
          this.#endpointRecipe({ name, endpoint: destination, namespace }, owner.service) ??
          this.#outsideRecipe(name, { hasOwner: true })
        );
      case 'workload':
        return (
          this.#workloadRecipe(name, { workload: owner.workload, destination, namespace }) ??
          this.#outsideRecipe(name, { hasOwner: true })
        );
      case 'node':
        return this.#outsideRecipe(name, { hasOwner: true });
      default:
        return assertNever(owner);
    }
  }

  #security(namespace: string, service: MeshService, port: number): ClientSecurity {
    const rule = this.#mesh.destinationRuleFor(namespace, service);
    return clientSecurity(rule, { port, subset: '' });
  }

  /** An address of nobody's, or a port that nobody declares, as outboundTrafficPolicy says. */
  #outsideRecipe(name: string, { hasOwner }: { readonly hasOwner: boolean }): Recipe {
    const isAllowed = this.#mesh.config().outboundTrafficPolicy === 'ALLOW_ANY';
    return isAllowed ? { kind: 'passthrough', name, hasOwner } : { kind: 'tombstone', name };
  }

  /** Clients of a headless service dial the endpoint's own port. */
  #endpointRecipe(
    asked: { readonly name: string; readonly endpoint: Destination; readonly namespace: string },
    service: MeshService,
  ): Recipe | undefined {
    const { name, endpoint, namespace } = asked;
    for (const { number: port } of service.ports) {
      const endpoints = this.#mesh.endpoints.get(service.key)?.byPort.get(port) ?? [];
      const isOne = endpoints.some(
        ({ address, port }) => address === endpoint.address && port === endpoint.port,
      );
      if (!isOne) continue;
      const security = this.#security(namespace, service, port);
      if (security.kind === 'refused') return { kind: 'refused', name };
      return { kind: 'endpoint-cluster', name, service: service.key, port, endpoint, security };
    }
    return undefined;
  }

  /** Of a port that a visible service declares we know that the sidecar takes it. */
  #workloadRecipe(
    name: string,
    options: {
      readonly workload: Workload;
      readonly destination: Destination;
      readonly namespace: string;
    },
  ): Recipe | undefined {
    const { workload, destination, namespace } = options;
    const served = this.#mesh
      .inboundPorts(workload.key)
      .find(({ port }) => port === destination.port);
    const service = served && this.#mesh.services.get(served.service.key);
    if (service === undefined || !isVisibleIn(service, namespace)) return undefined;
    return this.#endpointRecipe({ name, endpoint: destination, namespace }, service);
  }

  #endpointsRecipe(name: string, namespace: string): Recipe | undefined {
    const ref = parseOutboundName(name);
    if (ref === undefined) return undefined;
    const service = this.#serviceOf(namespace, ref.host);
    const port = service && declaredPort(service, ref.port);
    // of other resolutions the cluster itself says where to go
    if (service?.resolution !== 'static' || port === undefined) return undefined;
    const subset = this.#gateway.subsetOf(namespace, service, ref.subset);
    return subset === undefined
      ? undefined
      : { kind: 'endpoints', service: service.key, port, subset };
  }

  /** Every name is answered, if only with the word that the mesh does not know it. */
  #hostRecipe(name: string, namespace: string): Recipe {
    const hosts = isCanonicalHost(name) ? hostsCovering(name) : [];
    for (const host of hosts) {
      const service = this.#serviceOf(namespace, host);
      if (service && isAnswerable(service)) {
        return { kind: 'host-addresses', name, service: service.key };
      }
    }
    return { kind: 'unknown-host', name };
  }
}

export function declaredPort({ ports }: MeshService, port: number): number | undefined {
  return ports.find(({ number }) => number === port)?.number;
}
