// What stands behind each service, port by port.
import { canonicalIp } from '#base/ip.ts';
import type { EndpointSlice, SliceEndpoint } from '#istio/core/endpoint-slice.ts';
import type { KubeService } from '#istio/core/service.ts';
import type { ServiceEntry } from '#istio/serviceentry/service-entry.ts';
import type { WorkloadAddress } from '#istio/workloadentry/workload-entry.ts';
import { membersOf } from './collection.ts';
import type { Collection } from './collection.ts';
import { equalData } from './equal.ts';
import type { Graph } from './graph.ts';
import type { Inputs } from './inputs.ts';
import type { Select } from './selection.ts';
import { UNIX } from '#istio/workloadentry/schema.ts';
import type { Topology } from './topology.ts';
import type { Endpoint, MeshService, ServiceEndpoints } from './service.ts';
import { compareText } from './services.ts';
import type { Services } from './services.ts';
import { workloadKey } from './workload.ts';
import type { Workload } from './workload.ts';

/** An endpoint before it is known at which port it serves a port of the service. */
type Backend = Omit<Endpoint, 'port'> & {
  /** Undefined: it does not serve that port. */
  readonly portFor: (servicePort: number) => number | undefined;
};

export function deriveEndpoints(
  graph: Graph,
  inputs: Inputs,
  { services, kubeServiceOf, entriesOf }: Services,
  { select, topology }: { readonly select: Select; readonly topology: Topology },
): Collection<ServiceEndpoints> {
  const { slices } = inputs;
  const slicesByService = graph.index('EndpointSlices by Service', slices, (slice) =>
    slice.serviceName === '' ? [] : [`${slice.namespace}/${slice.serviceName}`],
  );
  const place = new Placing(inputs, topology);
  return graph.derive(
    'endpoints',
    services,
    (service) => {
      const backends: Backend[] = [];
      const kube = kubeServiceOf(service);
      if (kube !== undefined) {
        const own = membersOf(slicesByService, `${kube.namespace}/${kube.name}`).flatMap(
          (key) => slices.get(key) ?? [],
        );
        backends.push(...kubeBackends(kube, own, { place, select }));
      }
      for (const entry of entriesOf(service)) {
        backends.push(...entryBackends(entry, service, { place, select }));
      }
      return endpointsOf(service, backends);
    },
    equalData,
  );
}

function endpointsOf(service: MeshService, backends: readonly Backend[]): ServiceEndpoints {
  const takesNames = service.resolution !== 'static';
  const usable = backends.filter(({ address, network }) => {
    if (address === '') return network !== '';
    return takesNames || address.startsWith(UNIX) || canonicalIp(address) !== undefined;
  });
  const byPort = new Map(
    service.ports.map(({ number }) => {
      const endpoints = endpointsOfPort(number, usable);
      return [number, service.isHeadless ? endpoints : withBothFamilies(endpoints)] as const;
    }),
  );
  const addresses = [...byPort.values()]
    .flat()
    .flatMap(({ address }) => canonicalIp(address) ?? []);
  const isDialled = service.isHeadless && service.resolution === 'static';
  return { byPort, headlessAddresses: isDialled ? [...new Set(addresses)].sort() : [] };
}

/** Should two objects name one address and port, the first counts. */
function endpointsOfPort(number: number, backends: readonly Backend[]): readonly Endpoint[] {
  const endpoints = new Map<string, Endpoint>();
  for (const { portFor, ...backend } of backends) {
    const port = backend.address.startsWith(UNIX) ? NO_PORT : portFor(number);
    // somewhere in a network there may be several, of which nothing but that is known
    const key = `${backend.address || (backend.workload ?? backend.network)} ${port}`;
    if (port !== undefined && !endpoints.has(key)) endpoints.set(key, { ...backend, port });
  }
  return [...endpoints.values()].toSorted(
    (a, b) => compareText(a.address, b.address) || a.port - b.port,
  );
}

/**
 * Kubernetes tells the addresses of a Pod family by family. To those who balance they are one
 * endpoint; that of IPv4 comes first, for not every machine has IPv6.
 */
function withBothFamilies(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  if (!endpoints.some(isIpv6)) return endpoints;
  const placeOf = ({ workload, port }: Endpoint): string => `${workload} ${port}`;
  const seconds = new Map(
    endpoints
      .filter((endpoint) => endpoint.workload !== undefined && isIpv6(endpoint))
      .map((endpoint) => [placeOf(endpoint), endpoint.address] as const),
  );
  const firsts = new Set(endpoints.filter((endpoint) => !isIpv6(endpoint)).map(placeOf));
  return endpoints
    .filter((endpoint) => !isIpv6(endpoint) || !firsts.has(placeOf(endpoint)))
    .map((endpoint) => {
      const secondAddress = isIpv6(endpoint) ? undefined : seconds.get(placeOf(endpoint));
      return secondAddress === undefined ? endpoint : { ...endpoint, secondAddress };
    });
}

const isIpv6 = ({ address }: Endpoint): boolean => canonicalIp(address)?.includes(':') === true;

/** Of a socket in the file system. */
const NO_PORT = 0;

type Finding = { readonly place: Placing; readonly select: Select };

/**
 * Pods come from EndpointSlices, once there are any: whoever writes these knows the Pods better.
 * WorkloadEntries come by the selector, for Kubernetes does not know them.
 */
function kubeBackends(
  kube: KubeService,
  slices: readonly EndpointSlice[],
  { place, select }: Finding,
): readonly Backend[] {
  if (kube.externalName !== '') {
    const portFor = (number: number): number => number;
    return [{ ...outside(kube.externalName, kube.namespace), portFor }];
  }
  const selected = select(kube.namespace, kube.selector).filter((workload) =>
    workload.kind === 'WorkloadEntry' ? !isNamed(workload) : slices.length === 0,
  );
  const backends = [
    ...slices.flatMap((slice) => sliceBackends(kube, slice, place)),
    ...selected.flatMap((workload) =>
      place.workload(workload, (number) => kubeTargetPort(kube, workload, number)),
    ),
  ];
  if (!kube.publishesNotReady) return backends;
  return backends.map((it) => (it.health === 'unready' ? { ...it, health: 'ready' } : it));
}

/** Kubernetes knows addresses only: names and sockets are for ServiceEntries. */
const isNamed = ({ hostname, socket }: Workload): boolean => hostname !== '' || socket !== '';

function sliceBackends(
  kube: KubeService,
  slice: EndpointSlice,
  place: Placing,
): readonly Backend[] {
  const portFor = (number: number): number | undefined => {
    const port = kube.ports.find((port) => port.number === number);
    return port && slice.ports.get(port.name);
  };
  return slice.endpoints.flatMap((endpoint) => place.sliceEndpoint(slice, endpoint, portFor));
}

/** A WorkloadEntry's `ports` win, by the service port's name or by the target port's. */
function kubeTargetPort(kube: KubeService, workload: Workload, number: number): number | undefined {
  const port = kube.ports.find((port) => port.number === number);
  if (port === undefined) return undefined;
  const named = workload.kind === 'WorkloadEntry' ? workload.ports.get(port.name) : undefined;
  if (named !== undefined) return named;
  return typeof port.targetPort === 'number'
    ? port.targetPort
    : workload.ports.get(port.targetPort);
}

function entryBackends(
  entry: ServiceEntry,
  service: MeshService,
  { place, select }: Finding,
): readonly Backend[] {
  const portOf =
    (ports: ReadonlyMap<string, number>) =>
    (number: number): number | undefined => {
      const port = entry.ports.find((port) => port.number === number);
      return port && (ports.get(port.name) ?? port.targetPort ?? number);
    };
  const looksUp = entry.resolution === 'DNS' || entry.resolution === 'DNS_ROUND_ROBIN';
  if (!looksUp && entry.resolution !== 'STATIC') return [];
  const selected = select(entry.namespace, entry.selector).flatMap((workload) =>
    // a Pod's own port names mean nothing to a ServiceEntry
    place.workload(workload, portOf(workload.kind === 'Pod' ? new Map() : workload.ports)),
  );
  const written = entry.endpoints.map((endpoint) => ({
    ...place.written(entry, endpoint),
    portFor: portOf(new Map(Object.entries(endpoint.ports))),
  }));
  const all = [...selected, ...written];
  // without endpoints, the name that clients use is the one to look up
  if (looksUp && all.length === 0) {
    return [{ ...outside(service.host, entry.namespace), portFor: portOf(new Map()) }];
  }
  return all;
}

const NO_LABELS: Readonly<Record<string, string>> = {};

/** Somebody whom nothing is known of but the address. */
function outside(address: string, namespace: string): Omit<Backend, 'portFor'> {
  return {
    address,
    weight: 1,
    locality: '',
    network: '',
    health: 'ready',
    tlsMode: 'disabled',
    workload: undefined,
    namespace,
    serviceAccount: '',
    nodeName: '',
    labels: NO_LABELS,
  };
}

/** Where a backend is, what it does not say itself being its namespace's and its node's. */
class Placing {
  readonly #inputs: Inputs;
  readonly #topology: Topology;

  constructor(inputs: Inputs, topology: Topology) {
    this.#inputs = inputs;
    this.#topology = topology;
  }

  /** By its name, its socket or its primary address, or by nothing but its network. */
  workload(workload: Workload, portFor: Backend['portFor']): readonly Backend[] {
    const address = workload.hostname || workload.socket || (workload.addresses[0] ?? '');
    // a Pod has none yet; of an entry that has none its network is what is known
    if (address === '' && (workload.kind === 'Pod' || workload.network === '')) return [];
    const known = this.#of(workload, workload.nodeName);
    return [{ ...known, address, health: healthOf(workload), portFor }];
  }

  sliceEndpoint(
    { namespace }: EndpointSlice,
    { addresses, health, nodeName, pod }: SliceEndpoint,
    portFor: Backend['portFor'],
  ): readonly Backend[] {
    const workload =
      pod === '' ? undefined : this.#inputs.workloads.get(workloadKey('Pod', namespace, pod));
    const [address] = addresses; // the others are the same endpoint's
    if (address === undefined) return [];
    const known = workload
      ? this.#of(workload, nodeName || workload.nodeName)
      : {
          ...outside('', namespace),
          locality: this.#topology.nodeLocality(nodeName),
          network: this.#topology.networkOf(namespace, address),
          nodeName,
        };
    return [{ ...known, address, health, portFor }];
  }

  /** An endpoint that is written into a ServiceEntry. */
  written({ namespace }: ServiceEntry, endpoint: WorkloadAddress): Omit<Backend, 'portFor'> {
    const { address, weight, locality, network, serviceAccount, takesMeshTls, labels } = endpoint;
    return {
      ...outside(address, namespace),
      weight,
      locality,
      network: network || this.#topology.networkOf(namespace, address),
      tlsMode: takesMeshTls ? 'istio' : 'disabled',
      serviceAccount,
      labels,
    };
  }

  #of(workload: Workload, nodeName: string): Omit<Backend, 'portFor' | 'address' | 'health'> {
    const { key, namespace, weight, tlsMode, serviceAccount } = workload;
    return {
      weight,
      ...this.#topology.placeOf(workload, nodeName),
      tlsMode,
      workload: key,
      namespace,
      serviceAccount,
      labels: NO_LABELS,
    };
  }
}

/**
 * A WorkloadEntry that fails its health check is as good as gone, and nobody is told of it: of a
 * Pod that is not ready a client may at least know that it is there.
 */
const healthOf = ({ kind, health }: Workload): Endpoint['health'] =>
  kind === 'WorkloadEntry' && health === 'unready' ? 'terminating' : health;
