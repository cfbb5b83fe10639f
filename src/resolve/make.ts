// From recipe to resource: reads of the mesh just what the resource is made of, and encodes it.
import { assertNever } from '#base/assert-never.ts';
import { spiffeIdOf } from '#base/workload-identity.ts';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { HostAddressesSchema, MeshAddressesSchema } from '#gen/isthmus/v1/agent_pb.js';
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
import { firstSpeaker } from './first-speaker.ts';
import { buildHostAddresses, UNKNOWN_HOST } from './host-addresses.ts';
import { makeGatewayListener, makeGatewayRoutes } from './gateway-make.ts';
import type { GatewayTables } from './gateway-table.ts';
import type { HostLookup } from './host-lookup.ts';
import type { ServiceMetadata } from './identity-metadata.ts';
import { buildInboundCluster, buildInboundPassthrough } from './inbound-cluster.ts';
import { buildVirtualInbound } from './inbound.ts';
import type { InboundListenerPort } from './inbound.ts';
import { buildMeshAddresses } from './mesh-addresses.ts';
import { takesMeshTls } from './mtls-mode.ts';
import {
  INBOUND_PASSTHROUGH,
  inboundName,
  MESH_ADDRESSES,
  outboundName,
  rbacName,
  VIRTUAL_INBOUND,
  VIRTUAL_OUTBOUND,
} from './names.ts';
import { buildVirtualOutbound, isReachedByIpv6 } from './outbound.ts';
import type { Recipe, SubsetRef } from './recipe.ts';
import { buildRbac } from './rbac.ts';
import { makeVirtualHost } from './virtual-host.ts';

type ServiceRecipe = Extract<
  Recipe,
  { kind: 'service-cluster' | 'endpoint-cluster' | 'table-cluster' }
>;

export class Maker {
  readonly #mesh: Mesh;
  readonly #serviceOf: HostLookup;
  readonly #tables: GatewayTables;
  /** Service → its endpoints' SPIFFE IDs: changes far more seldom than the endpoints. */
  readonly #identities: Collection<readonly string[]>;

  constructor(
    mesh: Mesh,
    { serviceOf, tables }: { readonly serviceOf: HostLookup; readonly tables: GatewayTables },
  ) {
    this.#mesh = mesh;
    this.#serviceOf = serviceOf;
    this.#tables = tables;
    this.#identities = mesh.graph.derive(
      'service identities',
      mesh.endpoints,
      ({ byPort }) => identitiesOf([...byPort.values()].flat(), this.#trustDomains()),
      isSameList,
    );
  }

  /** undefined: what the recipe is about is not there. */
  make(recipe: Recipe): EncodedResource | undefined {
    switch (recipe.kind) {
      case 'virtual-outbound': {
        const listener = buildVirtualOutbound(this.#mesh.config(), recipe);
        return encodeResource(VIRTUAL_OUTBOUND, ListenerSchema, listener);
      }
      case 'virtual-inbound':
        return this.#virtualInbound(recipe.workload);
      case 'inbound-cluster':
        return this.#inboundCluster(recipe.workload, recipe.port);
      case 'inbound-passthrough':
        return encodeResource(INBOUND_PASSTHROUGH, ClusterSchema, buildInboundPassthrough());
      case 'rbac':
        return this.#rbac(recipe);
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
      case 'gateway-listener':
        return makeGatewayListener(recipe, { mesh: this.#mesh, tables: this.#tables });
      case 'gateway-routes':
        return makeGatewayRoutes(recipe, this.#tables);
      case 'mesh-addresses': {
        const addresses = this.#mesh.meshAddresses(recipe.namespace);
        return encodeResource(MESH_ADDRESSES, MeshAddressesSchema, buildMeshAddresses(addresses));
      }
      case 'host-addresses':
        return this.#hostAddresses(recipe.name, recipe.service);
      case 'unknown-host':
        return encodeResource(recipe.name, HostAddressesSchema, UNKNOWN_HOST);
      case 'virtual-host':
        return makeVirtualHost({ mesh: this.#mesh, serviceOf: this.#serviceOf }, recipe);
      default:
        return assertNever(recipe);
    }
  }

  #hostAddresses(name: string, key: string): EncodedResource {
    const service = this.#mesh.services.get(key);
    const answer = service
      ? buildHostAddresses(service, this.#mesh.endpoints.get(key))
      : UNKNOWN_HOST;
    return encodeResource(name, HostAddressesSchema, answer);
  }

  #trustDomains(): readonly string[] {
    const { trustDomain, trustDomainAliases } = this.#mesh.config();
    return [trustDomain, ...trustDomainAliases];
  }

  #virtualInbound(workloadKey: string): EncodedResource | undefined {
    const workload = this.#mesh.workloads.get(workloadKey);
    if (workload === undefined) return undefined;
    const listener = buildVirtualInbound({
      hasIpv6: isReachedByIpv6(workload),
      ports: this.#listenerPorts(workload),
      passthroughMode: this.#mesh.mtlsMode(workload, NO_PORT),
      trustDomains: this.#trustDomains(),
      accessLog: this.#mesh.config(),
    });
    return encodeResource(VIRTUAL_INBOUND, ListenerSchema, listener);
  }

  /** The ports that services declare, and those that only the workload's own policy names. */
  #listenerPorts(workload: Workload): readonly InboundListenerPort[] {
    const served = this.#mesh.inboundPorts(workload.key);
    const others = this.#mesh
      .mtlsPorts(workload)
      .filter((port) => !served.some((entry) => entry.port === port));
    return [
      ...served.map(({ port, protocol, service }) => ({
        port,
        isServed: true,
        mode: this.#mesh.mtlsMode(workload, port),
        speaker: firstSpeaker({ port, protocol, name: service.portName }),
      })),
      ...others.map((port) => ({
        port,
        isServed: false,
        mode: this.#mesh.mtlsMode(workload, port),
        speaker: firstSpeaker({ port, protocol: 'auto', name: '' }),
      })),
    ];
  }

  #inboundCluster(workloadKey: string, port: number): EncodedResource | undefined {
    const served = this.#mesh.inboundPorts(workloadKey).find((entry) => entry.port === port);
    if (served === undefined) return undefined;
    const { deliverAddress: deliverTo, service: ref } = served;
    const service = this.#mesh.services.get(ref.key);
    const cluster = buildInboundCluster({
      port,
      deliverTo,
      service: service && {
        ...serviceNames(service),
        port: ref.port,
        portName: ref.portName,
      },
    });
    return encodeResource(inboundName(port), ClusterSchema, cluster);
  }

  #rbac(recipe: Extract<Recipe, { kind: 'rbac' }>): EncodedResource | undefined {
    const workload = this.#mesh.workloads.get(recipe.workload);
    if (workload === undefined) return undefined;
    const { half: kind, port } = recipe;
    const authorization = this.#mesh.authorization(workload);
    const extension = buildRbac({ kind, port, authorization, trustDomains: this.#trustDomains() });
    return encodeResource(rbacName(kind, port), TypedExtensionConfigSchema, extension);
  }

  #serviceCluster(recipe: ServiceRecipe): EncodedResource {
    const { name, port } = recipe;
    const service = this.#mesh.services.get(recipe.service);
    if (service === undefined) return encodeTombstone(name);
    const trustDomains = this.#trustDomains();
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

  #endpoints(recipe: Extract<Recipe, { kind: 'endpoints' }>): EncodedResource | undefined {
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

/** No port has this number: asks for the mode of the workload as a whole. */
const NO_PORT = 0;

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

/** As Istio names a service in telemetry: the Service's name, or a ServiceEntry's host. */
function serviceNames({ host, namespace, kubeService }: MeshService): ServiceMetadata {
  return { host, namespace, name: kubeService?.split('/')[1] ?? host };
}
