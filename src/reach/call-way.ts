// Where a call that was seen would be led by the proxy of its client, from the very resources that
// the proxy gets.
import { isHttp } from '#istio/core/protocol.ts';
import type { Mesh } from '#model/mesh.ts';
import type { MeshService } from '#model/service.ts';
import type { Workload } from '#model/workload.ts';
import { clientKey } from '#resolve/client.ts';
import type { HostLookup } from '#resolve/host-lookup.ts';
import { hostPort, httpListenerName, outboundName } from '#resolve/names.ts';
import type { Destination } from '#resolve/names.ts';
import { dialledAt } from './destination.ts';
import { clusterAt, listenerOf, readCluster, routesTo } from './outbound.ts';
import type { ProxyView, ReadCluster, ReadEndpoint } from './outbound.ts';
import { identityOf } from './proxy-identity.ts';
import type { World } from './walk.ts';
import type { ResourceKey } from '#xds/catalog.ts';

export type CallWay =
  /** Refused beside the client. */
  | { readonly kind: 'nowhere'; readonly reason: string; readonly text: string }
  /** Past the mesh, in plaintext, to where it was dialled. */
  | { readonly kind: 'past'; readonly text: string }
  /** To whoever a name means, which only DNS knows. */
  | { readonly kind: 'by-name'; readonly text: string }
  | {
      readonly kind: 'to-endpoints';
      readonly endpoints: readonly ReadEndpoint[];
      readonly text: string;
    }
  | { readonly kind: 'untold'; readonly reason: string; readonly text: string };

/** `text` of each: equal for ways that lead alike. */

export type Called = {
  /** Host of the service that was called; empty: not known. */
  readonly host: string;
  /** Of the server workload; of what is outside of the mesh, as it was dialled. */
  readonly port: number;
  readonly isHttp: boolean;
  /** undefined: it is outside of the mesh. */
  readonly server: Workload | undefined;
  /** Of what is outside of the mesh; empty: not known. */
  readonly address: string;
};

/**
 * Stands for any address that is nobody's in the mesh (RFC 5737): which one a name outside of the
 * mesh was is not recorded, and all of them go the same way.
 */
const NOBODYS_ADDRESS = '192.0.2.1';
/** Ways that are worked out for one question; of more nothing is told. */
const WAYS_MAX = 5000;
const CLUSTERS_MAX = 32;

/** Of one state of the mesh: what was worked out once is not worked out again. */
export class CallWays {
  readonly #world: World;
  readonly #serviceOf: HostLookup;
  readonly #state: string;
  readonly #known = new Map<string, CallWay>();
  /** Those of a mesh share most of what their proxies get: it is made once, and held until then. */
  readonly #held = new Set<ResourceKey>();

  /** @param options.state what else is compared with what has another name */
  constructor(
    world: World,
    options: { readonly serviceOf: HostLookup; readonly state: 'before' | 'after' },
  ) {
    this.#world = world;
    this.#serviceOf = options.serviceOf;
    this.#state = options.state;
  }

  /** How many were worked out. */
  get size(): number {
    return this.#known.size;
  }

  /** After the last question: what was held is let go. */
  end(): void {
    for (const key of this.#held) this.#world.catalog.release(key);
    this.#held.clear();
    this.#world.catalog.settle();
  }

  of(client: Workload, called: Called): CallWay {
    const { mesh, catalog } = this.#world;
    const identity = identityOf(mesh, client);
    const target = targetOf(mesh, this.#serviceOf, client.namespace, called);
    const key = JSON.stringify([clientKey(mesh.clientOf(identity)), called.isHttp, target]);
    const known = this.#known.get(key);
    if (known) return known;
    if (this.#known.size >= WAYS_MAX) {
      // never the same as before: nothing is known of either
      const text = `too many ${this.#state}`;
      return { kind: 'untold', reason: `more than ${WAYS_MAX} ways to work out`, text };
    }
    const view = { catalog, identity, held: this.#held };
    const way = client.isGateway
      ? wayOfGateway(view, target)
      : wayTo(view, { ...target, isHttp: called.isHttp });
    this.#known.set(key, way);
    return way;
  }
}

type Target = {
  /** As a program would name it: a host, or an address. */
  readonly name: string;
  readonly port: number;
  readonly dialled: Destination | undefined;
  readonly isHttpDeclared: boolean;
  readonly isService: boolean;
  /** Why nobody can be dialled; empty: somebody can. */
  readonly problem: string;
};

function targetOf(mesh: Mesh, serviceOf: HostLookup, namespace: string, called: Called): Target {
  const { host, port, server, address } = called;
  const service = host === '' ? undefined : serviceOf(namespace, host);
  if (service) return ofService(mesh, namespace, { ...called, service });
  const none = { isHttpDeclared: false, isService: false, problem: '' };
  if (server && host !== '') {
    const problem = `nothing of the name ${host} is there for ${namespace}`;
    return { ...none, name: host, port, dialled: undefined, problem };
  }
  const own = server?.addresses[0] ?? (address === '' ? NOBODYS_ADDRESS : address);
  const name = host === '' ? own : host;
  return { ...none, name, port, dialled: { address: own, port } };
}

function ofService(
  mesh: Mesh,
  namespace: string,
  { service, server, port: seen }: Called & { readonly service: MeshService },
): Target {
  const port = servicePort(mesh, service, { server, seen });
  const protocol = service.ports.find(({ number }) => number === port)?.protocol ?? 'tcp';
  const dialled = dialledAt(mesh, namespace, { service, port, workload: server });
  const isHttpDeclared = isHttp(protocol);
  return { name: service.host, port, dialled, isHttpDeclared, isService: true, problem: '' };
}

/** By which of its ports the service has that port of that workload behind it. */
function servicePort(
  mesh: Mesh,
  { key, ports }: MeshService,
  { server, seen }: { readonly server: Workload | undefined; readonly seen: number },
): number {
  const behind = server && mesh.endpoints.get(key)?.byPort;
  for (const [port, endpoints] of behind ?? []) {
    const isIt = endpoints.some((one) => one.workload === server?.key && one.port === seen);
    if (isIt) return port;
  }
  const [only, ...others] = ports;
  return others.length === 0 && only && server ? only.number : seen;
}

function wayTo(view: ProxyView, target: Target & { readonly isHttp: boolean }): CallWay {
  const { name, port, dialled, problem } = target;
  if (problem !== '') return { kind: 'nowhere', reason: problem, text: problem };
  if (dialled === undefined) return untold(`which address ${name} has only DNS knows`);
  const listener = listenerOf(view, dialled);
  const isRouted = target.isHttp || target.isHttpDeclared;
  if (listener !== httpListenerName(port) || !isRouted) {
    return wayThrough([clusterAt(view, dialled)], { name: hostPort(dialled), statuses: [] });
  }
  const authority = port === 80 ? name : `${name}:${port}`;
  const routes = routesTo(view, { authority, port });
  if (routes === undefined) return untold(`which route ${authority} takes is not known`);
  const { clusters, statuses } = routes;
  const read = clusters.slice(0, CLUSTERS_MAX).map((cluster) => readCluster(view, cluster));
  return wayThrough(read, { name: authority, statuses });
}

/** It has listeners of its own; which of its routes a request took is not recorded. */
function wayOfGateway(view: ProxyView, { name, port, problem, isService }: Target): CallWay {
  if (problem !== '') return { kind: 'nowhere', reason: problem, text: problem };
  if (!isService) return untold('where a gateway leads what is no service is not known');
  const cluster = readCluster(view, outboundName({ host: name, port }));
  return wayThrough([cluster], { name, statuses: [] });
}

const untold = (reason: string): CallWay => ({ kind: 'untold', reason, text: reason });

/** Of several clusters a call takes one, by what was not recorded: all must be alike. */
function wayThrough(
  clusters: readonly ReadCluster[],
  { name, statuses }: { readonly name: string; readonly statuses: readonly number[] },
): CallWay {
  const text = JSON.stringify([statuses, clusters.map(clusterText).toSorted()]);
  const alive = clusters.filter((one) => !isDead(one));
  const dead = clusters.filter(isDead);
  if (alive.length === 0) {
    return { kind: 'nowhere', reason: deadReason(name, dead, statuses), text };
  }
  if (dead.length > 0 || statuses.length > 0) {
    const reason = `some requests to ${name} are led to nobody, or answered by the proxy itself`;
    return { kind: 'untold', reason, text };
  }
  if (alive.every(({ leads }) => leads === 'wherever')) return { kind: 'past', text };
  if (alive.every(({ leads }) => leads === 'to-names')) return { kind: 'by-name', text };
  if (alive.every(({ leads }) => leads === 'to-endpoints')) {
    return { kind: 'to-endpoints', endpoints: alive.flatMap(({ endpoints }) => endpoints), text };
  }
  return { kind: 'untold', reason: `requests to ${name} are led to several kinds of places`, text };
}

const isDead = ({ leads, endpoints }: ReadCluster): boolean =>
  leads === 'nobody' || (leads === 'to-endpoints' && endpoints.length === 0);

function deadReason(
  name: string,
  [first]: readonly ReadCluster[],
  statuses: readonly number[],
): string {
  if (statuses.length > 0) {
    return `the proxy of the client answers requests to ${name} with ${statuses.join(', ')}`;
  }
  if (first?.leads === 'to-endpoints') return `${first.name} has no endpoint`;
  return `the proxy of the client lets nothing out to ${name}`;
}

const clusterText = ({ name, leads, endpoints }: ReadCluster): string =>
  JSON.stringify([
    name,
    leads,
    endpoints
      .map(({ address, port, tls, accepts }) => [address, port, tls, ...accepts].join(' '))
      .toSorted(),
  ]);
