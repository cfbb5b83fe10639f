// What the name of an outbound cluster means to a client: an address that it dialled, or a service
// port and subset by the name that Istio gives it; and what the name of its endpoints means.
import { assertNever } from '#base/assert-never.ts';
import { isAutomaticAddress } from '#istio/serviceentry/automatic-address.ts';
import type { Mesh } from '#model/mesh.ts';
import { isVisibleIn } from '#model/service.ts';
import type { MeshService } from '#model/service.ts';
import type { Workload } from '#model/workload.ts';
import type { Client } from './client.ts';
import { clientSecurity } from './client-policy.ts';
import type { ClientSecurity } from './client-policy.ts';
import type { HostLookup } from './host-lookup.ts';
import { parseOutboundName } from './names.ts';
import type { Destination } from './names.ts';
import type { ClusterRecipe, SubsetRef } from './recipe.ts';

export class ClusterPlanner {
  readonly #mesh: Mesh;
  readonly #serviceOf: HostLookup;

  constructor(mesh: Mesh, serviceOf: HostLookup) {
    this.#mesh = mesh;
    this.#serviceOf = serviceOf;
  }

  /** `dst|<address>:<port>`: always something, if only a tombstone. */
  byAddress(name: string, destination: Destination, client: Client): ClusterRecipe {
    const owner = this.#mesh.ownerOf(client.namespace, destination.address);
    switch (owner?.kind) {
      case undefined:
        // behind an automatic address that means nothing there is nobody
        return isAutomaticAddress(destination.address)
          ? { kind: 'tombstone', name }
          : this.#outside(name, { hasOwner: false });
      case 'service': {
        const port = declaredPort(owner.service, destination.port);
        if (port === undefined) return { kind: 'tombstone', name };
        const { key: service, host } = owner.service;
        const ownsHost = this.#serviceOf(client.namespace, host)?.key === service;
        const security = this.#security(client, owner.service, port);
        if (security.kind === 'refused') return { kind: 'refused', name };
        return { kind: 'service-cluster', name, service, port, ownsHost, security };
      }
      case 'endpoint':
        return (
          this.#endpoint({ name, endpoint: destination, client }, owner.service) ??
          this.#outside(name, { hasOwner: true })
        );
      case 'workload':
        return (
          this.#workload(name, { workload: owner.workload, destination, client }) ??
          this.#outside(name, { hasOwner: true })
        );
      case 'node':
        return this.#outside(name, { hasOwner: true });
      default:
        return assertNever(owner);
    }
  }

  /** `outbound|<port>|<subset>|<host>`; undefined when there is no such service, port or subset. */
  byName(name: string, client: Client): ClusterRecipe | undefined {
    const ref = parseOutboundName(name);
    if (ref === undefined) return undefined;
    const { host, port, subset: wanted } = ref;
    const service = this.#serviceOf(client.namespace, host);
    if (!service?.ports.some(({ number }) => number === port)) return undefined;
    const subset = this.#subsetOf(client, service, wanted);
    if (subset === undefined) return undefined;
    const rule = this.#mesh.destinationRuleFor(client.namespace, service);
    const security = clientSecurity(rule, { port, subset: wanted });
    if (security.kind === 'refused') return { kind: 'refused', name };
    return { kind: 'table-cluster', name, service: service.key, port, subset, security };
  }

  /** The endpoints of a cluster that finds them by EDS, by the name of `byName`. */
  endpoints(name: string, client: Client): ClusterRecipe | undefined {
    const ref = parseOutboundName(name);
    if (ref === undefined) return undefined;
    const service = this.#serviceOf(client.namespace, ref.host);
    const port = service && declaredPort(service, ref.port);
    // of other resolutions the cluster itself says where to go
    if (service?.resolution !== 'static' || port === undefined) return undefined;
    const subset = this.#subsetOf(client, service, ref.subset);
    return subset === undefined
      ? undefined
      : { kind: 'endpoints', service: service.key, port, subset };
  }

  /** null: the whole service; undefined: no DestinationRule knows the subset. */
  #subsetOf(client: Client, service: MeshService, name: string): SubsetRef | null | undefined {
    if (name === '') return null;
    const { subsets = [] } = this.#mesh.destinationRuleFor(client.namespace, service) ?? {};
    const found = subsets.find((subset) => subset.name === name);
    if (found === undefined) return undefined;
    const labels = Object.entries(found.labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return { name, labels };
  }

  #security({ namespace }: Client, service: MeshService, port: number): ClientSecurity {
    const rule = this.#mesh.destinationRuleFor(namespace, service);
    return clientSecurity(rule, { port, subset: '' });
  }

  /** An address of nobody's, or a port that nobody declares, as outboundTrafficPolicy says. */
  #outside(name: string, { hasOwner }: { readonly hasOwner: boolean }): ClusterRecipe {
    const isAllowed = this.#mesh.config().outboundTrafficPolicy === 'ALLOW_ANY';
    return isAllowed ? { kind: 'passthrough', name, hasOwner } : { kind: 'tombstone', name };
  }

  /** Clients of a headless service dial the endpoint's own port. */
  #endpoint(
    asked: { readonly name: string; readonly endpoint: Destination; readonly client: Client },
    service: MeshService,
  ): ClusterRecipe | undefined {
    const { name, endpoint, client } = asked;
    for (const { number: port } of service.ports) {
      const endpoints = this.#mesh.endpoints.get(service.key)?.byPort.get(port) ?? [];
      const isOne = endpoints.some(
        ({ address, port }) => address === endpoint.address && port === endpoint.port,
      );
      if (!isOne) continue;
      const security = this.#security(client, service, port);
      if (security.kind === 'refused') return { kind: 'refused', name };
      return { kind: 'endpoint-cluster', name, service: service.key, port, endpoint, security };
    }
    return undefined;
  }

  /** Of a port that a visible service declares we know that the sidecar takes it. */
  #workload(
    name: string,
    options: {
      readonly workload: Workload;
      readonly destination: Destination;
      readonly client: Client;
    },
  ): ClusterRecipe | undefined {
    const { workload, destination, client } = options;
    const served = this.#mesh
      .inboundPorts(workload.key)
      .find(({ port }) => port === destination.port);
    const service = served && this.#mesh.services.get(served.service.key);
    if (service === undefined || !isVisibleIn(service, client.namespace)) return undefined;
    return this.#endpoint({ name, endpoint: destination, client }, service);
  }
}

function declaredPort({ ports }: MeshService, port: number): number | undefined {
  return ports.find(({ number }) => number === port)?.number;
}
