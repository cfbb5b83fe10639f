// From recipe to resource, for what stands behind destinations: clusters and their endpoints.
import { assertNever } from '#base/assert-never.ts';
import { spiffeIdOf } from '#base/workload-identity.ts';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import type { Collection } from '#model/collection.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Endpoint, MeshService, Resolution } from '#model/service.ts';
import type { Workload } from '#model/workload.ts';
import type { EncodedResource } from '#xds/catalog.ts';
import type { ClientSecurity } from './client-policy.ts';
import { buildPassthrough, buildServiceCluster, buildTombstone } from './cluster.ts';
import type { EndpointSource } from './cluster.ts';
import { encodeResource } from './encode.ts';
import { buildLoadAssignment } from './endpoints.ts';
import type { ClusterEndpoint } from './endpoints.ts';
import { serviceNames } from './identity-metadata.ts';
import { trustDomainsOf } from './tls.ts';
import { takesMeshTls } from './mtls-mode.ts';
import { outboundName } from './names.ts';
import type { ClusterRecipe, SubsetRef } from './recipe.ts';

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
      case 'passthrough':
        return encodeResource(recipe.name, ClusterSchema, buildPassthrough(recipe.name));
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
    const { name, port } = recipe;
    const service = this.#mesh.services.get(recipe.service);
    if (service === undefined) return encodeTombstone(name);
    const trustDomains = trustDomainsOf(this.#mesh.config());
    const identities = this.#identities.get(service.key) ?? [];
    const source = this.#endpointSource(recipe, service.resolution);
    const subset = subsetOf(recipe);
    const names = { ...serviceNames(service), port, subset: subset?.name ?? '' };
    const cluster = buildServiceCluster({
      name,
      service: names,
      source,
      subjectAltNames: [...identities, ...service.subjectAltNames],
      trustDomains,
      security: this.#securityOf(recipe.security, service),
      // whoever dials for itself speaks for itself
      isHttp2: recipe.kind === 'table-cluster' && isHttp2(service, port),
    });
    return encodeResource(
      name,
      ClusterSchema,
      cluster,
      source.kind === 'eds' ? { endpoints: outboundName(names) } : {},
    );
  }

  /** Nobody outside of the mesh is thought to speak its TLS, unless a rule says so. */
  #securityOf(security: ClientSecurity, { isExternal }: MeshService): ClientSecurity {
    if (security.kind !== 'automatic') return security;
    const isAutomatic = this.#mesh.config().enableAutoMtls && !isExternal;
    return isAutomatic ? security : { kind: 'plaintext' };
  }

  #endpointSource(recipe: ServiceRecipe, resolution: Resolution): EndpointSource {
    if (recipe.kind === 'endpoint-cluster') {
      const { address, port } = recipe.endpoint;
      const endpoints = this.#endpointsOf(recipe.service, recipe.port)
        .filter((endpoint) => endpoint.address === address && endpoint.port === port)
        .map((endpoint) => ({ ...this.#clusterEndpoint(endpoint), isHealthy: true }));
      return { kind: 'static', endpoints };
    }
    const endpoints = (): readonly ClusterEndpoint[] =>
      this.#balanced(recipe.service, recipe.port, subsetOf(recipe));
    switch (resolution) {
      case 'static':
        return recipe.kind === 'table-cluster' || recipe.ownsHost
          ? { kind: 'eds' }
          : { kind: 'static', endpoints: endpoints() };
      case 'dns':
      case 'dns-round-robin':
        return { kind: 'dns', endpoints: endpoints() };
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
    const { port, subset } = recipe;
    const name = outboundName({ host: service.host, port, subset: subset?.name ?? '' });
    const assignment = buildLoadAssignment(name, this.#balanced(service.key, port, subset));
    return encodeResource(name, ClusterLoadAssignmentSchema, assignment);
  }

  #endpointsOf(service: string, port: number): readonly Endpoint[] {
    return this.#mesh.endpoints.get(service)?.byPort.get(port) ?? [];
  }

  /** Who takes new connections: whoever is going away does not, and is left out. */
  #balanced(service: string, port: number, subset: SubsetRef | null): readonly ClusterEndpoint[] {
    return this.#endpointsOf(service, port)
      .filter(({ health }) => health !== 'terminating')
      .filter((endpoint) => subset === null || this.#isIn(endpoint, subset))
      .map((endpoint) => this.#clusterEndpoint(endpoint));
  }

  #isIn(endpoint: Endpoint, { labels: wanted }: SubsetRef): boolean {
    const key = endpoint.workload;
    const workload = key === undefined ? undefined : this.#mesh.workloads.get(key);
    const labels = workload?.labels ?? endpoint.labels;
    return wanted.every(([name, value]) => labels[name] === value);
  }

  #clusterEndpoint(endpoint: Endpoint): ClusterEndpoint {
    const { address, port, weight, health, tlsMode } = endpoint;
    const workload =
      endpoint.workload === undefined ? undefined : this.#mesh.workloads.get(endpoint.workload);
    const [region = '', zone = '', subZone = ''] = endpoint.locality.split('/');
    return {
      address,
      port,
      weight,
      isHealthy: health === 'ready',
      locality: { region, zone, subZone },
      takesMeshTls: tlsMode === 'istio' && this.#serverTakesTls(workload, port),
      workload,
    };
  }

  /** Of an endpoint that is no object of its own no policy can be told: what it says counts. */
  #serverTakesTls(workload: Workload | undefined, port: number): boolean {
    return takesMeshTls(workload ? this.#mesh.mtlsMode(workload, port) : 'PERMISSIVE', port);
  }
}

const subsetOf = (recipe: ServiceRecipe): SubsetRef | null =>
  recipe.kind === 'table-cluster' ? recipe.subset : null;

function isHttp2({ ports }: MeshService, port: number): boolean {
  const protocol = ports.find(({ number }) => number === port)?.protocol;
  return protocol === 'http2' || protocol === 'grpc' || protocol === 'grpc-web';
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
