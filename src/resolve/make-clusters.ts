// From recipe to resource, for what stands behind destinations: clusters and their endpoints.
import { assertNever } from '#base/assert-never.ts';
import { spiffeIdOf } from '#base/workload-identity.ts';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { Protocol } from '#istio/core/protocol.ts';
import type { Collection } from '#model/collection.ts';
import type { Mesh } from '#model/mesh.ts';
import { isEndpointAt } from '#model/service.ts';
import type { Endpoint, MeshService, Resolution } from '#model/service.ts';
import type { Workload } from '#model/workload.ts';
import type { EncodedResource } from '#xds/catalog.ts';
import { topologyLabels } from '#model/topology.ts';
import type { ClientSecurity } from './client-policy.ts';
import { spokenBy } from './cluster-http.ts';
import {
  buildCollector,
  buildHttpPassthrough,
  buildPassthrough,
  buildServiceCluster,
  buildTombstone,
  OUT_OF_THE_MESH,
} from './cluster.ts';
import type { EndpointSource, ServiceClusterInput } from './cluster.ts';
import { encodeResource } from './encode.ts';
import { acrossNetworks } from './endpoint-networks.ts';
import { buildLoadAssignment, parseLocality } from './endpoints.ts';
import type { EndpointGroup } from './endpoints.ts';
import { serviceNames } from './identity-metadata.ts';
import { trustDomainsOf } from './tls.ts';
import { takesMeshTls } from './mtls-mode.ts';
import { collectorName, outboundName, PASSTHROUGH_STAT_NAME } from './names.ts';
import { groupEndpoints } from './locality.ts';
import type { PlacedEndpoint } from './locality.ts';
import type { ClusterRecipe, EndpointView, SubsetRef } from './recipe.ts';
import { buildSplitCluster } from './tcp-split-cluster.ts';
import type { SplitPart } from './tcp-split-cluster.ts';

type ServiceRecipe = Extract<
  ClusterRecipe,
  { kind: 'service-cluster' | 'endpoint-cluster' | 'table-cluster' }
>;

export class ClusterMaker {
  readonly #mesh: Mesh;
  /** Service → its endpoints' SPIFFE IDs: changes far more seldom than the endpoints. */
  readonly #identities: Collection<readonly string[]>;

  /** Adds a collection to the mesh's graph. */
  constructor(mesh: Mesh) {
    this.#mesh = mesh;
    this.#identities = mesh.graph.derive(
      'service identities',
      mesh.endpoints,
      ({ byPort }) => identitiesOf([...byPort.values()].flat(), trustDomainsOf(mesh.config())),
      isSameList,
    );
  }

  /** undefined: what the recipe is about is not there. */
  make(recipe: ClusterRecipe): EncodedResource | undefined {
    switch (recipe.kind) {
      case 'service-cluster':
      case 'endpoint-cluster':
      case 'table-cluster':
        return this.#serviceCluster(recipe);
      case 'split-cluster':
        return this.#splitCluster(recipe);
      case 'passthrough':
        return encodeResource(recipe.name, ClusterSchema, passthroughOf(recipe));
      case 'collector': {
        const { collector } = recipe;
        return encodeResource(collectorName(collector), ClusterSchema, buildCollector(collector));
      }
      case 'refused':
      case 'tombstone':
        return encodeTombstone(recipe.name);
      case 'endpoints':
        return this.#endpoints(recipe);
      default:
        return assertNever(recipe);
    }
  }

  #serviceCluster(recipe: ServiceRecipe): EncodedResource {
    const input = this.#inputOf(recipe);
    if (input === undefined) return encodeTombstone(recipe.name);
    const cluster = buildServiceCluster(input);
    return encodeResource(
      recipe.name,
      ClusterSchema,
      cluster,
      cluster.edsClusterConfig ? { endpoints: outboundName(input.service) } : {},
    );
  }

  /** undefined: the service is not there. */
  #inputOf(recipe: ServiceRecipe): ServiceClusterInput | undefined {
    const { name, port, settings } = recipe;
    const service = this.#mesh.services.get(recipe.service);
    if (service === undefined) return undefined;
    const config = this.#mesh.config();
    const source = this.#endpointSource(recipe, service.resolution);
    const subset = recipe.kind === 'table-cluster' ? (recipe.view.subset?.name ?? '') : '';
    const speaksForClient = recipe.kind === 'table-cluster' && !recipe.isTcp;
    return {
      name,
      service: { ...serviceNames(service), port, subset },
      source,
      identities: this.#identities.get(service.key) ?? [],
      writtenNames: service.subjectAltNames,
      trustDomains: trustDomainsOf(config),
      security: this.#securityOf(recipe, service, source),
      settings,
      // whoever dials for itself speaks for itself
      spoken: speaksForClient ? spokenBy(protocolAt(service, port)) : 'tcp',
      defaults: config,
    };
  }

  /** Of destinations that are wherever the client dialled there is nobody to share with. */
  #splitCluster(recipe: Extract<ClusterRecipe, { kind: 'split-cluster' }>): EncodedResource {
    const { name, port } = recipe;
    const dialled = this.#mesh.services.get(recipe.service);
    const parts = recipe.parts.flatMap(({ weight, of }): SplitPart[] => {
      const cluster = this.#inputOf(of);
      if (cluster === undefined || cluster.source.kind === 'original-dst') return [];
      const looksUp = cluster.source.kind === 'dns' || cluster.source.kind === 'logical-dns';
      return [{ weight, cluster, groups: this.#seen(of.service, of.port, of.view), looksUp }];
    });
    if (dialled === undefined || parts.length === 0) return encodeTombstone(name);
    const cluster = buildSplitCluster(name, { host: dialled.host, port }, parts);
    return encodeResource(name, ClusterSchema, cluster);
  }

  /**
   * Nobody outside of the mesh is thought to speak its TLS, unless a rule says so. Where the client
   * chose the address there is one way for all of the service's endpoints, if it is known of any.
   */
  #securityOf(
    { security, port }: ServiceRecipe,
    { key, isExternal }: MeshService,
    source: EndpointSource,
  ): ClientSecurity {
    if (security.kind !== 'automatic') return security;
    if (!this.#mesh.config().enableAutoMtls || isExternal) return { kind: 'plaintext' };
    if (source.kind !== 'original-dst') return security;
    const endpoints = this.#endpointsOf(key, port).filter(isTaking);
    const isTaken = endpoints.every((endpoint) => this.#takesMeshTls(endpoint));
    return endpoints.length > 0 && isTaken
      ? { kind: 'mesh', sni: '', subjectAltNames: [] }
      : { kind: 'plaintext' };
  }

  #endpointSource(recipe: ServiceRecipe, resolution: Resolution): EndpointSource {
    if (recipe.kind === 'endpoint-cluster') {
      const { address } = recipe.endpoint;
      const endpoints = this.#endpointsOf(recipe.service, recipe.port)
        .filter((endpoint) => isEndpointAt(endpoint, recipe.endpoint))
        .map((endpoint) => ({
          ...this.#placed(endpoint),
          address,
          secondAddress: undefined,
          isHealthy: true,
        }));
      return { kind: 'static', groups: groupEndpoints(endpoints, null), isByLocality: false };
    }
    const { view } = recipe;
    const isByLocality = view.preference !== null;
    const groups = (): readonly EndpointGroup[] => this.#seen(recipe.service, recipe.port, view);
    switch (resolution) {
      case 'static':
        if (recipe.kind === 'table-cluster' && recipe.isByClient) return { kind: 'original-dst' };
        return recipe.kind === 'table-cluster' || recipe.ownsHost
          ? { kind: 'eds', isByLocality }
          : { kind: 'static', groups: groups(), isByLocality };
      case 'dns':
        return { kind: 'dns', groups: groups(), isByLocality };
      case 'dns-round-robin': {
        const found = groups();
        // Envoy refuses one that has nothing to look up
        return found.length === 0
          ? { kind: 'static', groups: [], isByLocality }
          : { kind: 'logical-dns', groups: found, isByLocality };
      }
      case 'none':
      case 'dynamic-dns':
        return { kind: 'original-dst' };
      default:
        return assertNever(resolution);
    }
  }

  #endpoints(recipe: Extract<ClusterRecipe, { kind: 'endpoints' }>): EncodedResource | undefined {
    const service = this.#mesh.services.get(recipe.service);
    if (service === undefined) return undefined;
    const { port, view } = recipe;
    const name = outboundName({ host: service.host, port, subset: view.subset?.name ?? '' });
    const assignment = buildLoadAssignment(name, this.#seen(service.key, port, view));
    return encodeResource(name, ClusterLoadAssignmentSchema, assignment);
  }

  #endpointsOf(service: string, port: number): readonly Endpoint[] {
    return this.#mesh.endpoints.get(service)?.byPort.get(port) ?? [];
  }

  /** What a client gets to see of the endpoints of a service's port. */
  #seen(service: string, port: number, view: EndpointView): readonly EndpointGroup[] {
    const { subset, preference, network, node, hidesUnready, only } = view;
    const chosen = this.#endpointsOf(service, port)
      .filter((endpoint) => only === null || endpoint.network === only)
      .filter(isTaking)
      .filter(({ health }) => health === 'ready' || !hidesUnready)
      .filter(({ nodeName }) => node === null || nodeName === node)
      .filter((endpoint) => subset === null || this.#isIn(endpoint, subset));
    const isByLabel = preference?.kind === 'labels';
    const placed =
      network === null
        ? chosen.filter(({ address }) => address !== '').map((it) => this.#placed(it, isByLabel))
        : acrossNetworks(
            chosen.map((it) => ({ ...this.#placed(it, isByLabel), network: it.network })),
            { network, gateways: this.#mesh.networkGateways() },
          );
    return groupEndpoints(placed, preference);
  }

  #isIn(endpoint: Endpoint, { labels: wanted }: SubsetRef): boolean {
    const labels = this.#workloadOf(endpoint)?.labels ?? endpoint.labels;
    return wanted.every(([name, value]) => labels[name] === value);
  }

  #workloadOf({ workload: key }: Endpoint): Workload | undefined {
    return key === undefined ? undefined : this.#mesh.workloads.get(key);
  }

  #placed(endpoint: Endpoint, isByLabel = false): PlacedEndpoint {
    const { address, secondAddress, port, weight, health } = endpoint;
    const workload = this.#workloadOf(endpoint);
    const own = workload?.labels ?? endpoint.labels;
    return {
      address,
      secondAddress,
      port,
      weight,
      isHealthy: health === 'ready',
      locality: parseLocality(endpoint.locality),
      takesMeshTls: this.#takesMeshTls(endpoint),
      workload,
      labels: isByLabel ? { ...own, ...topologyLabels(endpoint) } : own,
    };
  }

  /** Of an endpoint that is no object of its own no policy can be told: what it says counts. */
  #takesMeshTls(endpoint: Endpoint): boolean {
    const { tlsMode, port } = endpoint;
    const workload = this.#workloadOf(endpoint);
    const mode = workload ? this.#mesh.mtlsMode(workload, port) : 'PERMISSIVE';
    return tlsMode === 'istio' && takesMeshTls(mode, port);
  }
}

/** Whoever is going away takes no new connections. */
const isTaking = ({ health }: Endpoint): boolean => health !== 'terminating';

const protocolAt = ({ ports }: MeshService, port: number): Protocol | undefined =>
  ports.find(({ number }) => number === port)?.protocol;

/**
 * Of what is nobody's of the mesh only the client reports, and as Istio does, under this name. What
 * has an owner its proxy reports, too: both do best to say the same, that no service was called.
 */
function passthroughOf({ name, hasOwner }: Extract<ClusterRecipe, { kind: 'passthrough' }>) {
  if (name === PASSTHROUGH_STAT_NAME) return buildHttpPassthrough();
  return hasOwner ? buildPassthrough(name) : { ...buildPassthrough(name), ...OUT_OF_THE_MESH };
}

export function encodeTombstone(name: string): EncodedResource {
  return encodeResource(name, ClusterSchema, buildTombstone(name));
}

/** An account of one trust domain is that account in each of its aliases. Sorted. */
function identitiesOf(
  endpoints: readonly Endpoint[],
  trustDomains: readonly string[],
): readonly string[] {
  const ids = endpoints
    .filter(({ serviceAccount }) => serviceAccount !== '')
    .flatMap(({ namespace, serviceAccount }) =>
      trustDomains.map((trustDomain) => spiffeIdOf({ trustDomain, namespace, serviceAccount })),
    );
  return [...new Set(ids)].toSorted();
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
