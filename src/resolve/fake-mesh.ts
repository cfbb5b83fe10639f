// A mesh whose meaning is written down instead of derived, for tests of what is made of it. What is
// read is tracked as in the real one.
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { DEFAULT_MESH_CONFIG } from '#istio/meshconfig/mesh-config.ts';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import type { Gateway } from '#istio/gateway/gateway.ts';
import type { VirtualService } from '#istio/virtualservice/virtual-service.ts';
import type { MtlsMode } from '#istio/peerauthentication/peer-authentication.ts';
import type { ExplicitListeners } from '#model/explicit-listeners.ts';
import { Graph } from '#model/graph.ts';
import type {
  AddressOwner,
  Client,
  DestinationPolicy,
  GatewayPort,
  Mesh,
  MeshAddresses,
  Rejection,
  Remarks,
  AccessLog,
  WorkloadAuthorization,
} from '#model/mesh.ts';
import type { NetworkGateways } from '#model/networks.ts';
import type { Endpoint, MeshService, ServiceEndpoints } from '#model/service.ts';
import { createServicesWithin, deriveVirtualServices } from '#model/virtual-services.ts';
import type { InboundPort, Workload } from '#model/workload.ts';
import { workloadKey } from '#model/workload.ts';

const CONFIG = 'config';
const NO_POLICIES: WorkloadAuthorization = { allow: [], deny: [], audit: [], custom: [] };

export class FakeMesh implements Mesh {
  readonly graph = new Graph();
  readonly clusterId = 'Kubernetes';
  readonly services = this.graph.source<MeshService>('services');
  readonly endpoints = this.graph.source<ServiceEndpoints>('endpoints');
  readonly workloads = this.graph.source<Workload>('workloads');
  readonly rejections = this.graph.source<Rejection>('rejections');
  readonly remarks = this.graph.source<Remarks>('remarks');
  readonly configs = this.graph.source<MeshConfig>('config');
  /** By address, or `namespace address` for what only that namespace's clients see. */
  readonly owners = this.graph.source<AddressOwner>('owners');
  /** By workload key, or `key port`. */
  readonly modes = this.graph.source<MtlsMode>('modes');
  /** By workload key: ports that have a mode of their own. */
  readonly portModes = this.graph.source<readonly number[]>('port modes');
  /** By workload key. */
  readonly ports = this.graph.source<readonly InboundPort[]>('inbound ports');
  /** By workload key. */
  readonly policies = this.graph.source<WorkloadAuthorization>('policies');
  /** By host, for the clients of every namespace. */
  readonly rules = this.graph.source<DestinationPolicy>('destination rules');
  readonly gateways = this.graph.source<Gateway>('gateways');
  /** By workload key. */
  readonly listening = this.graph.source<readonly GatewayPort[]>('gateway ports');
  /** By key of the Gateway. */
  readonly routes = this.graph.source<readonly VirtualService[]>('virtual services');
  /** By `namespace/name`: those of sidecars. */
  readonly written = this.graph.source<VirtualService>('VirtualServices');
  readonly virtualServices = deriveVirtualServices(this.graph, this.written, {
    defaultExportTo: () => ['*'],
    fullHost: (host) => host,
  });
  readonly servicesWithin = createServicesWithin(this.graph, this.services);
  /** Under `config`. */
  readonly gatewaysOfNetworks = this.graph.source<NetworkGateways>('network gateways');
  /** By namespace. */
  readonly captured = this.graph.source<MeshAddresses>('mesh addresses');

  config(): MeshConfig {
    return this.configs.get(CONFIG) ?? DEFAULT_MESH_CONFIG;
  }

  setConfig(config: Partial<MeshConfig>): void {
    this.configs.set(CONFIG, {
      ...(this.configs.latest(CONFIG) ?? DEFAULT_MESH_CONFIG),
      ...config,
    });
  }

  ownerOf(clientNamespace: string, address: string): AddressOwner | undefined {
    return this.owners.get(`${clientNamespace} ${address}`) ?? this.owners.get(address);
  }

  workloadsAt(address: string): readonly Workload[] {
    const all = [...this.workloads.entries()].map(([, workload]) => workload);
    return all.filter(({ addresses }) => addresses.includes(address));
  }

  addresslessServices(): readonly MeshService[] {
    return [];
  }

  inboundPorts(key: string): readonly InboundPort[] {
    return this.ports.get(key) ?? [];
  }

  /** What every workload writes. */
  logs: readonly AccessLog[] = [
    {
      kind: 'file',
      path: '/dev/stdout',
      format: { kind: 'text', text: '' },
      omitsEmptyValues: false,
      filter: '',
    },
  ];
  readonly telemetry: Mesh['telemetry'] = {
    accessLogs: () => this.logs,
    tracing: () => undefined,
    metrics: () => [],
  };
  readonly requestAuthentications: Mesh['requestAuthentications'] = {
    jwtRules: () => [],
    jwksSources: this.graph.source('fake key sets'),
    jwksOf: () => undefined,
    setJwks: () => undefined,
  };

  mtlsMode({ key }: Workload, port: number): MtlsMode {
    return this.modes.get(`${key} ${port}`) ?? this.modes.get(key) ?? 'PERMISSIVE';
  }

  mtlsOrigin(workload: Workload, port: number): ReturnType<Mesh['mtlsOrigin']> {
    return { mode: this.mtlsMode(workload, port), by: undefined };
  }

  mtlsPorts({ key }: Workload): readonly number[] {
    return this.portModes.get(key) ?? [];
  }

  authorization({ key }: Workload): WorkloadAuthorization {
    return this.policies.get(key) ?? NO_POLICIES;
  }

  destinationRuleFor(
    _: string,
    { host }: { readonly host: string },
  ): DestinationPolicy | undefined {
    return this.rules.get(host);
  }

  gatewayPorts(key: string): readonly GatewayPort[] | undefined {
    return this.listening.get(key);
  }

  virtualServicesOf(gateway: string): readonly VirtualService[] {
    return this.routes.get(gateway) ?? [];
  }

  fork(): never {
    throw new Error('nothing is tried on a fake');
  }

  fullHost(host: string, namespace: string): string {
    return host.includes('.') ? host : `${host}.${namespace}.svc.cluster.local`;
  }

  meshAddresses(clientNamespace: string): MeshAddresses {
    const none = { ranges: [], addresses: [] };
    return this.captured.get(clientNamespace) ?? none;
  }

  workloadOf({ namespace, serviceAccount, workload }: WorkloadIdentity): Workload | undefined {
    if (workload === undefined) return undefined;
    const found = this.workloads.get(workloadKey(workload.kind, namespace, workload.name));
    return found?.serviceAccount === serviceAccount ? found : undefined;
  }

  clientOf(identity: WorkloadIdentity): Client {
    const workload = this.workloadOf(identity);
    const { locality = '', network = '', isGateway = true, addresses = [] } = workload ?? {};
    const isSidecar = !isGateway;
    const hasIpv6 = addresses.some((address) => address.includes(':'));
    return { namespace: identity.namespace, labels: {}, locality, network, isSidecar, hasIpv6 };
  }

  isImported(): boolean {
    return true;
  }

  explicitListeners(): ExplicitListeners {
    return { capturesOutbound: true, capturesInbound: true, outbound: [], inbound: [] };
  }

  areRoutesImported(): boolean {
    return true;
  }

  outboundTrafficPolicy(): MeshConfig['outboundTrafficPolicy'] {
    return this.config().outboundTrafficPolicy;
  }

  proxySettings(): { readonly proxyMetadata: Readonly<Record<string, unknown>> } {
    return { proxyMetadata: {} };
  }

  networkGateways(): NetworkGateways {
    return this.gatewaysOfNetworks.get(CONFIG) ?? new Map();
  }

  ingest(): void {
    throw new Error('a fake mesh is written to directly');
  }

  commit(): void {
    this.graph.commit();
  }
}

/** A workload on a VM, with defaults for what a test does not care about. */
export function fakeWorkload(options: Partial<Workload> & { readonly name: string }): Workload {
  const { kind = 'WorkloadEntry', namespace = 'default', name } = options;
  return {
    key: workloadKey(kind, namespace, name),
    kind,
    namespace,
    createdAtMs: 0,
    labels: {},
    serviceAccount: name,
    addresses: [],
    hostname: '',
    socket: '',
    ports: new Map(),
    weight: 1,
    locality: '',
    network: '',
    health: 'ready',
    tlsMode: 'istio',
    nodeName: '',
    isGateway: false,
    ...options,
  };
}

export function fakeService(
  options: Partial<MeshService> & { readonly host: string; readonly port: number },
): MeshService {
  const { namespace = 'default', host, port, ...rest } = options;
  return {
    key: `${namespace}/${host}`,
    namespace,
    host,
    createdAtMs: 0,
    addresses: [],
    isHeadless: false,
    aliasOf: '',
    ports: [{ number: port, name: 'tcp', protocol: 'tcp' }],
    resolution: 'static',
    isExternal: false,
    exportTo: 'all',
    subjectAltNames: [],
    trafficDistribution: 'any',
    isNodeLocal: false,
    kubeService: undefined,
    serviceEntries: [],
    ...rest,
  };
}

export function fakeEndpoint(
  workload: Workload,
  options: Partial<Endpoint> & { readonly port: number },
): Endpoint {
  return {
    address: workload.addresses[0] ?? '',
    weight: workload.weight,
    locality: workload.locality,
    network: '',
    nodeName: '',
    health: workload.health,
    tlsMode: workload.tlsMode,
    workload: workload.key,
    namespace: workload.namespace,
    serviceAccount: workload.serviceAccount,
    labels: {},
    ...options,
  };
}

export function fakeIdentity({
  kind,
  namespace,
  name,
  serviceAccount,
}: Workload): WorkloadIdentity {
  return { trustDomain: 'cluster.local', namespace, serviceAccount, workload: { kind, name } };
}
