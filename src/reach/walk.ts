// What the steps of Reach have in common: the way that a connection would take, worked out once.
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { isHttp } from '#istio/core/protocol.ts';
import type { Protocol } from '#istio/core/protocol.ts';
import type { Mesh } from '#model/mesh.ts';
import { isEndpointAt } from '#model/service.ts';
import type { Endpoint, MeshService } from '#model/service.ts';
import type { InboundPort, Workload } from '#model/workload.ts';
import { hostPort, httpListenerName, outboundName } from '#resolve/names.ts';
import type { Destination } from '#resolve/names.ts';
import type { ResourceCatalog } from '#xds/catalog.ts';
import { dialledAt } from './destination.ts';
import type { Evidence } from './evidence.ts';
import { clusterAt, listenerOf, readCluster, routesTo } from './outbound.ts';
import type { ProxyView, ReadCluster, ReadEndpoint, ReadRoutes } from './outbound.ts';
import { identityOf } from './proxy-identity.ts';
import type { Question } from './question.ts';

export type World = {
  readonly mesh: Mesh;
  readonly catalog: ResourceCatalog<WorkloadIdentity>;
};

/** The far end of the connection. */
export type ServerEnd = {
  /** What the client's proxy dials. */
  readonly endpoint: ReadEndpoint;
  /** undefined: it is a gateway of another network, or outside of the mesh. */
  readonly known: Endpoint | undefined;
  readonly workload: Workload | undefined;
  /** As services declare it; undefined: none does. */
  readonly port: InboundPort | undefined;
};

export type Walk = {
  readonly mesh: Mesh;
  readonly question: Question;
  readonly evidence: Evidence;
  /** Does a proxy stand beside the client? */
  readonly hasProxy: boolean;
  readonly service: MeshService | undefined;
  readonly port: number;
  readonly protocol: Protocol;
  /** What the client's program dials; undefined: only DNS knows. */
  readonly dialled: Destination | undefined;
  /** Empty: no proxy takes the connection. */
  readonly listener: string;
  /** Of requests; undefined: bytes are carried, or nothing is there. */
  readonly routes: ReadRoutes | undefined;
  readonly cluster: ReadCluster | undefined;
  readonly server: ServerEnd | undefined;
};

export function walkOf({ mesh, catalog }: World, question: Question, evidence: Evidence): Walk {
  const { from, target } = question;
  const { port } = target;
  const service = target.kind === 'service' ? target.service : undefined;
  const protocol = service?.ports.find(({ number }) => number === port)?.protocol ?? 'tcp';
  const hasProxy = from.tlsMode === 'istio' || from.isGateway;
  const dialled = dialledBy(mesh, question, evidence);
  const view: ProxyView = { catalog, identity: identityOf(mesh, from) };
  const way = hasProxy
    ? wayOf(view, { question, service, protocol, dialled })
    : wayWithout(mesh, { question, service, dialled });
  const server = serverOf(mesh, question, way.cluster);
  return { mesh, question, evidence, hasProxy, service, port, protocol, dialled, ...way, server };
}

type Way = Pick<Walk, 'listener' | 'routes' | 'cluster'>;
type Wanted = Pick<Walk, 'question' | 'service' | 'protocol' | 'dialled'>;

function wayOf(view: ProxyView, { question, service, protocol, dialled }: Wanted): Way {
  const { port } = question.target;
  const isGateway = question.from.isGateway;
  if (isGateway && service) {
    const cluster = readCluster(view, outboundName({ host: service.host, port }));
    return { listener: '', routes: undefined, cluster };
  }
  const listener = dialled ? listenerOf(view, dialled) : '';
  if (listener === httpListenerName(port) && (service === undefined || isHttp(protocol))) {
    const authority = port === 80 ? question.name : `${question.name}:${port}`;
    const routes = routesTo(view, { authority, port });
    const clusters = (routes?.clusters ?? []).map((name) => readCluster(view, name));
    const cluster = clusters.find(({ endpoints }) => endpoints.length > 0) ?? clusters[0];
    return { listener, routes, cluster };
  }
  const cluster = dialled && clusterAt(view, dialled);
  return { listener, routes: undefined, cluster };
}

/** Kubernetes, or the network alone, takes the connection there, in plaintext. */
function wayWithout(mesh: Mesh, { question, service, dialled }: Omit<Wanted, 'protocol'>): Way {
  const { port } = question.target;
  const behind = service && (mesh.endpoints.get(service.key)?.byPort.get(port) ?? []);
  const places = behind ?? (dialled ? [{ ...dialled, health: 'ready' as const }] : []);
  const endpoints = places.map(({ address, port: at, health }): ReadEndpoint => {
    return { address, port: at, isHealthy: health === 'ready', tls: 'plaintext', accepts: [] };
  });
  const name = service ? `${service.host}:${port}` : (dialled && hostPort(dialled)) || '';
  return {
    listener: '',
    routes: undefined,
    cluster: {
      name,
      leads: endpoints.length > 0 ? 'to-endpoints' : 'nobody',
      endpoints,
      ejects: false,
    },
  };
}

function dialledBy(
  mesh: Mesh,
  { from, name, target }: Question,
  { answers }: Evidence,
): Destination | undefined {
  const { port } = target;
  if (target.kind === 'address') return { address: target.address, port };
  if (target.kind === 'service') {
    const own = dialledAt(mesh, from.namespace, target);
    if (own) return own;
  }
  if (target.kind === 'service' && target.service.addresses.includes(name)) {
    return { address: name, port };
  }
  const [resolved] = answers.dns?.addresses ?? [];
  return resolved === undefined ? undefined : { address: resolved, port };
}

/** The endpoint that is asked about; else one that takes connections; else any. */
function serverOf(
  mesh: Mesh,
  { target }: Question,
  cluster: ReadCluster | undefined,
): ServerEnd | undefined {
  const wanted = 'workload' in target ? target.workload : undefined;
  if (cluster?.leads === 'wherever' && target.kind === 'address') {
    const { address, port } = target;
    const endpoint: ReadEndpoint = {
      address,
      port,
      isHealthy: true,
      tls: 'plaintext',
      accepts: [],
    };
    return endOf(mesh, endpoint, { known: undefined, workload: wanted });
  }
  const endpoints = cluster?.endpoints ?? [];
  const isWanted = ({ address }: ReadEndpoint): boolean =>
    wanted?.addresses.includes(address) ?? false;
  const endpoint =
    endpoints.find(isWanted) ?? endpoints.find(({ isHealthy }) => isHealthy) ?? endpoints[0];
  if (endpoint === undefined) return undefined;
  const behind =
    target.kind === 'service'
      ? (mesh.endpoints.get(target.service.key)?.byPort.get(target.port) ?? [])
      : [];
  const known =
    behind.find((one) => isEndpointAt(one, endpoint)) ??
    behind.find((one) => wanted !== undefined && one.workload === wanted.key);
  const workload = (known?.workload && mesh.workloads.get(known.workload)) || wanted;
  return endOf(mesh, endpoint, { known, workload: workload || undefined });
}

function endOf(
  mesh: Mesh,
  endpoint: ReadEndpoint,
  { known, workload }: Pick<ServerEnd, 'known' | 'workload'>,
): ServerEnd {
  const number = known?.port ?? endpoint.port;
  const port = workload && mesh.inboundPorts(workload.key).find((one) => one.port === number);
  return { endpoint, known, workload, port };
}
