// The mesh as data: Kubernetes objects in, and what they mean together out.
//
// Everything that is read here, through a collection or a function, is tracked inside of a
// derivation of the same graph: whatever is made of it is made again when it changes, not before.
import { certificateNameOf } from '#base/workload-identity.ts';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { DEFAULT_MESH_CONFIG } from '#istio/meshconfig/mesh-config.ts';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import type { MtlsMode } from '#istio/peerauthentication/peer-authentication.ts';
import type { Gateway } from '#istio/gateway/gateway.ts';
import type { KubeObject } from '#kube/objects.ts';
import type { ResourceType } from '#kube/resources.ts';
import { Addresses } from './addresses.ts';
import type { AddressOwner } from './addresses.ts';
import { membersOf } from './collection.ts';
import type { Collection } from './collection.ts';
import { deriveClientSide } from './client-side.ts';
import type { ClientSide } from './client-side.ts';
import type { Client } from './clients.ts';
import type { DestinationPolicy } from './destination-rules.ts';
import { deriveDefaultExport } from './default-export.ts';
import { deriveEndpoints } from './endpoints.ts';
import { deriveGateways } from './gateways.ts';
import type { GatewayPort, Gateways, ServerRef } from './gateways.ts';
import { forkOf } from './fork.ts';
import type { Fork } from './fork.ts';
import { Graph } from './graph.ts';
import { deriveInboundPorts } from './inbound.ts';
import { createIngest } from './ingest.ts';
import { createInputs, THE_MESH } from './inputs.ts';
import type { Inputs, Rejection, Remarks } from './inputs.ts';
import { deriveLegacyPolicies } from './legacy-policies.ts';
import { deriveMeshAddresses } from './mesh-addresses.ts';
import type { MeshAddresses } from './mesh-addresses.ts';
import { derivePolicies } from './policies.ts';
import type { MtlsOrigin, WorkloadAuthorization } from './policies.ts';
import type { RequestAuthentications } from './request-authentication.ts';
import type { AccessLog } from './access-logs.ts';
import type { ProxyTelemetry } from './telemetry.ts';
import type { Tracing } from './tracing.ts';
import { createSelect } from './selection.ts';
import type { MeshService, ServiceEndpoints } from './service.ts';
import { deriveServices } from './services.ts';
import type { Services } from './services.ts';
import { deriveSidecars } from './sidecars.ts';
import { Topology } from './topology.ts';
import { createServicesWithin, deriveVirtualServices } from './virtual-services.ts';
import type { VirtualServices } from './virtual-services.ts';
import { workloadKey } from './workload.ts';
import type { InboundPort, Workload } from './workload.ts';

export type {
  AddressOwner,
  Client,
  DestinationPolicy,
  GatewayPort,
  MeshAddresses,
  Rejection,
  Remarks,
  ServerRef,
  AccessLog,
  Tracing,
  WorkloadAuthorization,
};

export type Mesh = ClientSide & {
  readonly graph: Graph;
  /** The cluster that the Kubernetes API is of, as metrics call it. */
  readonly clusterId: string;
  /** By `namespace/host`. */
  readonly services: Collection<MeshService>;
  /** By `namespace/host`: what stands behind each service. */
  readonly endpoints: Collection<ServiceEndpoints>;
  /** By `Pod/namespace/name` and `WorkloadEntry/namespace/name`. */
  readonly workloads: Collection<Workload>;
  /** By `<resource>/namespace/name`: objects that were refused as they are now. */
  readonly rejections: Collection<Rejection>;
  /** By `<resource>/namespace/name`: what of the objects in force nothing acts on yet. */
  readonly remarks: Collection<Remarks>;

  /** The mesh's settings; the defaults where there are none. */
  config(): MeshConfig;
  /** What a canonical IP address means to clients in a namespace; undefined: nothing. */
  ownerOf(clientNamespace: string, address: string): AddressOwner | undefined;
  /** Who has a canonical IP address: Pods before WorkloadEntries, older before newer. */
  workloadsAt(address: string): readonly Workload[];
  /** The ports that a workload serves, ordered by port. `key` as in `workloads`. */
  inboundPorts(key: string): readonly InboundPort[];
  /** Which TLS the workload demands on a port of its own. */
  mtlsMode(workload: Workload, port: number): MtlsMode;
  /** The same, with the policy that says so. */
  mtlsOrigin(workload: Workload, port: number): MtlsOrigin;
  /** The ports for which the workload's own policy sets a mode, served or not; sorted. */
  mtlsPorts(workload: Workload): readonly number[];
  authorization(workload: Workload): WorkloadAuthorization;
  readonly requestAuthentications: RequestAuthentications;
  /** The access logs that a workload writes, and the traces that it reports. */
  readonly telemetry: ProxyTelemetry;
  /** By `namespace/name`. */
  readonly gateways: Collection<Gateway>;
  /** What a workload (`key` as in `workloads`) listens on; undefined when it is no gateway. */
  readonly gatewayPorts: Gateways['portsOf'];
  /** The VirtualServices of a Gateway (`namespace/name`) for a namespace, the oldest first. */
  readonly virtualServicesOf: Gateways['virtualServicesOf'];
  readonly virtualServices: VirtualServices;
  /** The services whose hosts a wildcard (`*.example.com`) covers, seen by anybody; in no order. */
  servicesWithin(wildcard: string): readonly MeshService[];
  /** A host as an object of a namespace writes it, in full: short names are Services of its own. */
  fullHost(host: string, namespace: string): string;
  /** What proxies in a namespace capture. */
  meshAddresses(clientNamespace: string): MeshAddresses;
  /** The workload that a certificate names, if it is still there and still has that identity. */
  workloadOf(identity: WorkloadIdentity): Workload | undefined;

  /** Takes in one object. Nothing shows before `commit()`; kinds of no use here are ignored. */
  ingest(type: ResourceType, object: KubeObject, change: 'applied' | 'deleted'): void;
  commit(): void;
  /** Another mesh, empty until it has caught up, in which a change can be tried. */
  fork(): Fork<Mesh>;
};

export type MeshOptions = {
  readonly graph?: Graph;
  /** Sources of that graph, where somebody else writes them too. */
  readonly inputs?: Inputs;
  /** What Kubernetes puts after `svc` in the names of Services (default `cluster.local`). */
  readonly clusterDomain?: string;
  /** Istio's CLUSTER_ID (default `Kubernetes`). */
  readonly clusterId?: string;
  /** Settings where the ConfigMap says nothing. */
  readonly defaults?: Partial<MeshConfig>;
};

const ROUTES_EXPORT = 'defaultVirtualServiceExportTo';

export function createMesh(options: MeshOptions = {}): Mesh {
  const {
    graph = new Graph(),
    clusterDomain = 'cluster.local',
    clusterId = 'Kubernetes',
  } = options;
  const defaults = { ...DEFAULT_MESH_CONFIG, ...options.defaults };
  const { inputs = createInputs(graph) } = options;
  const { workloads, meshConfig, nodes, rejections, remarks } = inputs;

  const derived = deriveServices(graph, inputs, { clusterDomain, defaults });
  const { services, kubeServiceOf } = derived;
  const root = graph.derive('root namespace', meshConfig, ({ rootNamespace }) => rootNamespace);
  const rootNamespace = (): string => root.get(THE_MESH) ?? defaults.rootNamespace;
  const topology = new Topology(graph, inputs, { clusterId });
  const select = createSelect(graph, inputs);
  const endpoints = deriveEndpoints(graph, inputs, derived, { select, topology });
  const sidecars = deriveSidecars(graph, inputs.sidecars, { rootNamespace });
  const { sidecarFor } = sidecars;
  const inbound = deriveInboundPorts(graph, { services, endpoints, workloads, sidecarFor });
  const workloadOf = createWorkloadOf(graph, workloads);
  const addresses = new Addresses(graph, { services, endpoints, workloads, nodes, kubeServiceOf });
  const meshAddresses = deriveMeshAddresses(graph, { services, endpoints, meshConfig, defaults });
  const serviceOf = (namespace: string, name: string): string =>
    `${namespace}/${name}.${namespace}.svc.${clusterDomain}`;
  const config = (): MeshConfig => meshConfig.get(THE_MESH) ?? defaults;
  const policies = derivePolicies(graph, inputs, {
    rootNamespace,
    config,
    clusterId,
    legacy: deriveLegacyPolicies(graph, inputs, { services, inbound, serviceOf }),
  });
  const fullHost = (host: string, namespace: string): string =>
    isFullHost(host) ? host : `${host}.${namespace}.svc.${clusterDomain}`;
  const defaultExportTo = deriveDefaultExport(graph, inputs, { field: ROUTES_EXPORT, defaults });
  const named = { fullHost, defaultExportTo };
  const virtualServices = deriveVirtualServices(graph, inputs.virtualServices, named);
  const gateways = deriveGateways(
    graph,
    { gateways: inputs.gateways, virtualServices: virtualServices.inForce },
    { workloads, services, inbound, isTranslated: (service) => isTranslated(derived, service) },
  );
  const known = { services: derived, fullHost, clusterDomain, rootNamespace, config, defaults };
  return {
    graph,
    clusterId,
    services,
    endpoints,
    workloads,
    rejections,
    remarks,
    config,
    ownerOf: (clientNamespace, address) => addresses.ownerOf(clientNamespace, address),
    workloadsAt: (address) => addresses.workloadsAt(address),
    inboundPorts: (key) => inbound.ports.get(key) ?? [],
    ...policies,
    gateways: inputs.gateways,
    gatewayPorts: gateways.portsOf,
    virtualServicesOf: gateways.virtualServicesOf,
    virtualServices,
    servicesWithin: createServicesWithin(graph, services),
    fullHost,
    meshAddresses,
    workloadOf,
    ...deriveClientSide(graph, inputs, { ...known, sidecars, topology, workloadOf }),
    ingest: createIngest(inputs, { defaults, fullHost }),
    commit: () => graph.commit(),
    fork: () => fork(inputs, options),
  };
}

const fork = (inputs: Inputs, options: MeshOptions): Fork<Mesh> =>
  forkOf(inputs, (graph, own) => createMesh({ ...options, graph, inputs: own }));

/** Istio's way out for whoever has several Services for one port (Knative). */
const NOT_TRANSLATED = 'experimental.istio.io/disable-gateway-port-translation';

const isTranslated = ({ kubeServiceOf, entriesOf }: Services, service: MeshService): boolean =>
  [kubeServiceOf(service), ...entriesOf(service)].every(
    (object) => object?.labels[NOT_TRANSLATED] === undefined,
  );

/** Istio's rule: what has a dot, or a wildcard, is a full name. */
const isFullHost = (host: string): boolean => host.startsWith('*') || host.includes('.');

function createWorkloadOf(
  graph: Graph,
  workloads: Collection<Workload>,
): (identity: WorkloadIdentity) => Workload | undefined {
  // Only those whose names do not fit into a certificate as they are.
  const byCutName = graph.index('workloads by cut name', workloads, (workload) => {
    const { kind, namespace, name } = workload;
    const cut = certificateNameOf(name);
    return cut === name ? [] : [workloadKey(kind, namespace, cut)];
  });
  return ({ namespace, serviceAccount, workload: named }) => {
    if (named === undefined) return undefined;
    const key = workloadKey(named.kind, namespace, named.name);
    const found = [key, ...membersOf(byCutName, key)].flatMap((key) => workloads.get(key) ?? []);
    return found.find((workload) => workload.serviceAccount === serviceAccount);
  };
}
