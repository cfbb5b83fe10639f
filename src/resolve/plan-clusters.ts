// What the name of an outbound cluster means to a client: an address that it dialled, or a service
// port and subset by the name that Istio gives it; and what the name of its endpoints means.
import { assertNever } from '#base/assert-never.ts';
import { isAutomaticAddress } from '#istio/serviceentry/automatic-address.ts';
import type { Client, Mesh } from '#model/mesh.ts';
import { unknownClient } from '#model/clients.ts';
import { isEndpointAt, isVisibleIn } from '#model/service.ts';
import type { MeshService } from '#model/service.ts';
import { HOSTNAME, topologyLabels } from '#model/topology.ts';
import type { Workload } from '#model/workload.ts';
import { clientPolicy } from './client-policy.ts';
import type { ClientPolicy } from './client-policy.ts';
import { isProviderPort } from './collector.ts';
import type { HostLookup } from './host-lookup.ts';
import { RouteTables } from './http-table.ts';
import type { Target } from './http-table.ts';
import { planPreference } from './locality.ts';
import { parseOutboundName } from './names.ts';
import type { Destination, ServicePortRef } from './names.ts';
import type { ClusterRecipe, DestinationRecipe, EndpointView, SubsetRef } from './recipe.ts';
import { tcpTargets, tlsTargets } from './tcp-route.ts';

export class ClusterPlanner {
  readonly #mesh: Mesh;
  readonly #serviceOf: HostLookup;
  readonly #tables: RouteTables;

  constructor(mesh: Mesh, serviceOf: HostLookup) {
    this.#mesh = mesh;
    this.#serviceOf = serviceOf;
    this.#tables = new RouteTables({ mesh, serviceOf });
  }

  /** `dst|<address>:<port>`: always something, if only a tombstone. */
  byAddress(name: string, destination: Destination, client: Client): ClusterRecipe {
    const owner = this.#mesh.ownerOf(client.namespace, destination.address);
    switch (owner?.kind) {
      case undefined:
        return this.#nobodys({ name, destination, client });
      case 'service':
        return this.#service({ name, destination, client }, owner.service);
      case 'endpoint':
        return (
          this.#endpoint({ name, destination, client }, owner.service) ??
          this.#outside(name, { destination, client, hasOwner: true })
        );
      case 'workload':
        return (
          this.#workload({ name, destination, client }, owner.workload) ??
          this.#outside(name, { destination, client, hasOwner: true })
        );
      case 'node':
        return this.#outside(name, { destination, client, hasOwner: true });
      default:
        return assertNever(owner);
    }
  }

  /** `dst|<address>:<port>|<server name>`: as the routes of TLS say, else as `byAddress`. */
  byServerName(
    name: string,
    { destination, serverName }: { readonly destination: Destination; readonly serverName: string },
    client: Client,
  ): ClusterRecipe {
    const { namespace, labels } = client;
    const owner = this.#mesh.ownerOf(namespace, destination.address);
    const service = owner?.kind === 'service' ? owner.service : undefined;
    const port = service && declaredPort(service, destination.port);
    if (service && this.#mesh.isImported(namespace, labels, service, port)) {
      const parts = { mesh: this.#mesh, tables: this.#tables };
      const targets = tlsTargets(parts, { service, destination, client, serverName });
      if (targets) return this.#routed({ name, destination, client }, service, targets);
    }
    return this.byAddress(name, destination, client);
  }

  /** `outbound|<port>|<subset>|<host>`; undefined when there is no such service, port or subset. */
  byName(name: string, client: Client): ClusterRecipe | undefined {
    const found = this.#portByName(name, client);
    if (found === undefined) return undefined;
    const { service, port, subset } = found;
    const policy = this.#policy(client, service, { port, subset: subset?.name ?? '' });
    if (isRefused(policy, service)) return { kind: 'refused', name };
    const view = this.#view(client, service, { subset, policy });
    const isByClient = client.isSidecar && isDialledByEndpoint(service);
    const base = { name, service: service.key, port, isByClient, isTcp: false };
    return { kind: 'table-cluster', ...base, ...policy, view };
  }

  /**
   * A service's port for whoever comes with mesh TLS of its own: nothing is put around it, and
   * only the network's own endpoints count, or two networks would hand it back and forth.
   */
  handedOn(
    asked: {
      readonly name: string;
      readonly ref: Required<ServicePortRef>;
      readonly gateway: Pick<Workload, 'namespace' | 'network'>;
    },
    isHandedOn: (service: MeshService) => boolean,
  ): ClusterRecipe | undefined {
    const { name, ref, gateway } = asked;
    const { namespace, network } = gateway;
    const service = this.#serviceOf(namespace, ref.host);
    const port = service && declaredPort(service, ref.port);
    if (service === undefined || port === undefined) return undefined;
    if (service.isExternal || !isHandedOn(service)) return undefined;
    const client = unknownClient(namespace);
    const subset = this.#subsetOf(client, service, ref.subset);
    if (subset === undefined) return undefined;
    const { settings } = this.#policy(client, service, { port, subset: ref.subset });
    const view = {
      subset,
      preference: null,
      network: null,
      node: null,
      hidesUnready: false,
      only: network,
    };
    const security = { kind: 'plaintext' } as const;
    const { key } = service;
    const ownsHost = false;
    return {
      kind: 'service-cluster',
      name,
      service: key,
      port,
      ownsHost,
      security,
      settings,
      view,
    };
  }

  /** The endpoints of a cluster that finds them by EDS, by the name of `byName`. */
  endpoints(name: string, client: Client): ClusterRecipe | undefined {
    const found = this.#portByName(name, client);
    // of other resolutions the cluster itself says where to go
    if (found?.service.resolution !== 'static') return undefined;
    const { service, port, subset } = found;
    const policy = this.#policy(client, service, { port, subset: subset?.name ?? '' });
    const view = this.#view(client, service, { subset, policy });
    return { kind: 'endpoints', service: service.key, port, view };
  }

  #portByName(
    name: string,
    client: Client,
  ): { service: MeshService; port: number; subset: SubsetRef | null } | undefined {
    const ref = parseOutboundName(name);
    if (ref === undefined) return undefined;
    const service =
      this.#importedOf(client, ref) ?? this.#routedToOf(client, ref) ?? this.#toldOf(client, ref);
    const port = service && declaredPort(service, ref.port);
    if (service === undefined || port === undefined) return undefined;
    const subset = this.#subsetOf(client, service, ref.subset);
    return subset === undefined ? undefined : { service, port, subset };
  }

  #importedOf(client: Client, ref: Required<ServicePortRef>): MeshService | undefined {
    const { namespace } = client;
    // what a gateway sees no Sidecar says
    const labels = client.isSidecar ? client.labels : undefined;
    const service = this.#serviceOf(namespace, ref.host, labels);
    const port = service && declaredPort(service, ref.port);
    if (service === undefined || port === undefined || !labels) return service;
    return this.#mesh.isImported(namespace, labels, service, port) ? service : undefined;
  }

  /** Who imports a route imports what it leads to, whether or not a Sidecar says so too. */
  #routedToOf(client: Client, { host }: Required<ServicePortRef>): MeshService | undefined {
    const { namespace, labels, isSidecar } = client;
    if (!isSidecar) return undefined;
    const isLedTo = this.#mesh.virtualServices
      .leadingTo(host, namespace)
      .some((it) => this.#mesh.areRoutesImported(namespace, labels, it));
    return isLedTo ? this.#serviceOf(namespace, host) : undefined;
  }

  /** Whom the proxy itself asks or tells: a Sidecar is about what its workload calls. */
  #toldOf({ namespace }: Client, ref: Required<ServicePortRef>): MeshService | undefined {
    const fullHost = (host: string): string => this.#mesh.fullHost(host, namespace);
    const isTold = isProviderPort(this.#mesh.config(), ref, fullHost);
    return isTold ? this.#serviceOf(namespace, ref.host) : undefined;
  }

  /** null: the whole service; undefined: no DestinationRule knows the subset. */
  #subsetOf(client: Client, service: MeshService, name: string): SubsetRef | null | undefined {
    if (name === '') return null;
    const { subsets = [] } =
      this.#mesh.destinationRuleFor(client.namespace, service, client.labels) ?? {};
    const found = subsets.find((subset) => subset.name === name);
    if (found === undefined) return undefined;
    const labels = Object.entries(found.labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return { name, labels };
  }

  #policy(
    { namespace, labels }: Client,
    service: MeshService,
    options: { readonly port: number; readonly subset: string },
  ): ClientPolicy {
    return clientPolicy(this.#mesh.destinationRuleFor(namespace, service, labels), options);
  }

  #view(
    client: Client,
    service: MeshService,
    { subset, policy }: { readonly subset: SubsetRef | null; readonly policy: ClientPolicy },
  ): EndpointView {
    const { loadBalancer, outlierDetection } = policy.settings;
    const { locality, network } = client;
    const nodeName = client.labels[HOSTNAME] ?? '';
    const labels = { ...client.labels, ...topologyLabels({ locality, network, nodeName }) };
    const preference = planPreference(
      { locality, labels },
      {
        ofRule: loadBalancer?.locality,
        ofService: service.trafficDistribution,
        ofMesh: this.#mesh.config().localityLbSetting,
        detectsOutliers: outlierDetection !== undefined,
      },
    );
    return {
      subset,
      preference,
      network: this.#mesh.networkGateways().size > 0 ? network : null,
      node: service.isNodeLocal ? nodeName : null,
      hidesUnready: (outlierDetection?.minHealthPercent ?? 0) > 0,
      only: null,
    };
  }

  #service({ name, destination, client }: Asked, service: MeshService): ClusterRecipe {
    const port = declaredPort(service, destination.port);
    if (port === undefined) return { kind: 'tombstone', name };
    const { namespace, labels } = client;
    if (!this.#mesh.isImported(namespace, labels, service, port)) {
      return this.#outside(name, { destination, client, hasOwner: true });
    }
    const targets = tcpTargets(
      { mesh: this.#mesh, tables: this.#tables },
      { service, destination, client },
    );
    if (targets) return this.#routed({ name, destination, client }, service, targets);
    const policy = this.#policy(client, service, { port, subset: '' });
    if (isRefused(policy, service)) return { kind: 'refused', name };
    const { key, host } = service;
    const ownsHost = this.#serviceOf(namespace, host, labels)?.key === key;
    const view = this.#view(client, service, { subset: null, policy });
    return { kind: 'service-cluster', name, service: key, port, ownsHost, ...policy, view };
  }

  /** Destinations that there are not have no share; without any other, nobody answers. */
  #routed(
    { name, destination, client }: Asked,
    service: MeshService,
    targets: readonly Target[],
  ): ClusterRecipe {
    const parts = targets.flatMap(({ cluster, weight }) => {
      const of = this.byName(cluster, client);
      return of?.kind === 'table-cluster' ? [{ weight: Math.max(weight, 1), of }] : [];
    });
    const [first, ...others] = parts;
    if (first === undefined) return { kind: 'tombstone', name };
    if (others.length === 0) return { ...carrying(first.of), name };
    const { port } = destination;
    return {
      kind: 'split-cluster',
      name,
      service: service.key,
      port,
      parts: parts.map(({ weight, of }) => ({ weight, of: carrying(of) })),
    };
  }

  /** A service without an address has the port of every address but of automatic ones. */
  #nobodys({ name, destination, client }: Asked): ClusterRecipe {
    const { namespace, labels } = client;
    const { address, port } = destination;
    const service = isAutomaticAddress(address)
      ? undefined
      : this.#mesh
          .addresslessServices(namespace, port)
          .find((one) => this.#mesh.isImported(namespace, labels, one, port));
    return service
      ? this.#service({ name, destination, client }, service)
      : this.#outside(name, { destination, client, hasOwner: false });
  }

  /**
   * An address of nobody's, or a port that nobody declares, as outboundTrafficPolicy says; behind an
   * automatic address that means nothing there is nobody.
   */
  #outside(
    name: string,
    asked: {
      readonly destination: Destination;
      readonly client: Client;
      readonly hasOwner: boolean;
    },
  ): ClusterRecipe {
    const { destination, client, hasOwner } = asked;
    const { namespace, labels } = client;
    const isAllowed = this.#mesh.outboundTrafficPolicy(namespace, labels) === 'ALLOW_ANY';
    return isAllowed && !isAutomaticAddress(destination.address)
      ? { kind: 'passthrough', name, hasOwner }
      : { kind: 'tombstone', name };
  }

  /** Clients of a headless service dial the endpoint's own port. */
  #endpoint({ name, destination, client }: Asked, service: MeshService): ClusterRecipe | undefined {
    const { namespace, labels } = client;
    for (const { number: port } of service.ports) {
      if (!this.#mesh.isImported(namespace, labels, service, port)) continue;
      const endpoints = this.#mesh.endpoints.get(service.key)?.byPort.get(port) ?? [];
      if (!endpoints.some((endpoint) => isEndpointAt(endpoint, destination))) continue;
      const policy = this.#policy(client, service, { port, subset: '' });
      if (isRefused(policy, service)) return { kind: 'refused', name };
      const { key } = service;
      const endpoint = destination;
      return { kind: 'endpoint-cluster', name, service: key, port, endpoint, ...policy };
    }
    return undefined;
  }

  /** Of a port that a visible service declares we know that the sidecar takes it. */
  #workload(asked: Asked, workload: Workload): ClusterRecipe | undefined {
    const { destination, client } = asked;
    const served = this.#mesh
      .inboundPorts(workload.key)
      .find(({ port }) => port === destination.port);
    const service = served && this.#mesh.services.get(served.service.key);
    if (service === undefined || !isVisibleIn(service, client.namespace)) return undefined;
    return this.#endpoint(asked, service);
  }
}

type Asked = {
  readonly name: string;
  readonly destination: Destination;
  readonly client: Client;
};

/** As connections that were dialled elsewhere go there. */
const carrying = (recipe: DestinationRecipe): DestinationRecipe => ({
  ...recipe,
  isByClient: false,
  isTcp: true,
});

/** Nothing here looks a name up that only the client knows. */
const isRefused = ({ security }: ClientPolicy, { resolution }: MeshService): boolean =>
  security.kind === 'refused' || resolution === 'dynamic-dns';

/** Of a Service without an address a client dials one endpoint, and means that one. */
const isDialledByEndpoint = ({ isHeadless, kubeService, resolution }: MeshService): boolean =>
  isHeadless && kubeService !== undefined && resolution === 'static';

function declaredPort({ ports }: MeshService, port: number): number | undefined {
  return ports.find(({ number }) => number === port)?.number;
}
