// On which port numbers clients meet HTTP. For each of them a sidecar has one listener, whatever
// the number of services: it depends on nothing but the number, so that a new service on a known
// number changes no listener. Whoever speaks TCP on such a number has a listener of its own, for
// its bytes are not to be looked at. Everything else needs none: virtualOutbound takes it.
import { isHttp } from '#istio/core/protocol.ts';
import type { Protocol } from '#istio/core/protocol.ts';
import { membersOf } from '#model/collection.ts';
import type { Collection, Index } from '#model/collection.ts';
import { equalData } from '#model/equal.ts';
import type { Mesh } from '#model/mesh.ts';
import type { MeshService } from '#model/service.ts';
import {
  CAPTURE_PROBE_PORT,
  hostPort,
  httpListenerName,
  tcpListenerName,
  VIRTUAL_INBOUND_PORT,
  VIRTUAL_OUTBOUND_PORT,
} from './names.ts';
import type { Destination } from './names.ts';

/** The group of those that every namespace sees; no namespace has such a name. */
const ALL = '*';

/** A listener for one of these numbers would take the place of one of the proxy's own. */
const RESERVED: ReadonlySet<number> = new Set([
  VIRTUAL_OUTBOUND_PORT,
  CAPTURE_PROBE_PORT,
  VIRTUAL_INBOUND_PORT,
]);

/**
 * Listeners of single addresses, in one namespace. What is beyond is looked at before it is passed
 * on as TCP, which delays no client that speaks first.
 */
const TCP_LISTENERS_MAX = 1000;

/** What a service asks of its clients' proxies. */
type Claim = {
  /** Sorted. */
  readonly groups: readonly string[];
  readonly httpPorts: readonly number[];
  readonly tcp: readonly Destination[];
};

export class OutboundPorts {
  readonly #mesh: Mesh;
  /** `<namespace or *> <port>`: somebody whom that namespace sees speaks HTTP on it. */
  readonly #http: Collection<true>;
  /** Namespace or `*` → the keys of `#http` that are its. */
  readonly #httpPorts: Index;
  /** The same keys → services that speak TCP on that number. */
  readonly #tcp: Index;
  readonly #claims: Collection<Claim>;

  /** Adds collections to the mesh's graph. */
  constructor(mesh: Mesh) {
    this.#mesh = mesh;
    const { graph } = mesh;
    this.#claims = graph.derive(
      'outbound ports',
      mesh.services,
      (service) => this.#claimOf(service),
      equalData,
    );
    const byPort = graph.index('services by HTTP port', this.#claims, (claim) =>
      claim.httpPorts.flatMap((port) => claim.groups.map((group) => `${group} ${port}`)),
    );
    // who is on a number changes its entry; only whether anybody is, is of interest
    this.#http = graph.derive('HTTP ports', byPort, () => true as const);
    this.#httpPorts = graph.index('HTTP ports by namespace', this.#http, (_, key) => [
      key.slice(0, key.indexOf(' ')),
    ]);
    this.#tcp = graph.index('services by TCP port', this.#claims, (claim) =>
      claim.tcp.flatMap(({ port }) => claim.groups.map((group) => `${group} ${port}`)),
    );
  }

  /** Is there a listener for requests to any address, on this port? */
  isHttp(namespace: string, port: number): boolean {
    return groupsOf(namespace).some((group) => this.#http.get(`${group} ${port}`) === true);
  }

  /** Has the destination a listener to itself? */
  isTcp(namespace: string, { address, port }: Destination): boolean {
    if (!this.isHttp(namespace, port)) return false;
    const owner = this.#mesh.ownerOf(namespace, address);
    switch (owner?.kind) {
      case 'service':
        return owner.service.ports.some(
          (declared) => declared.number === port && isTcp(declared.protocol),
        );
      case 'endpoint':
        return this.#tcpEndpoints(owner.service).some(
          (one) => one.address === address && one.port === port,
        );
      default:
        return false;
    }
  }

  /** The listeners of the namespace's sidecars for single ports and destinations, sorted. */
  listenerNames(namespace: string): readonly string[] {
    const ports = this.#portsOf(namespace);
    const destinations = ports
      .flatMap((port) => this.#candidates(namespace, port))
      .filter((destination) => this.isTcp(namespace, destination));
    const names = new Set(destinations.map(tcpListenerName));
    return [
      ...ports.map(httpListenerName),
      ...[...names].toSorted().slice(0, TCP_LISTENERS_MAX),
    ].toSorted();
  }

  #portsOf(namespace: string): readonly number[] {
    const keys = groupsOf(namespace).flatMap((group) => membersOf(this.#httpPorts, group));
    return [...new Set(keys.map((key) => Number(key.slice(key.indexOf(' ') + 1))))];
  }

  #candidates(namespace: string, port: number): readonly Destination[] {
    return groupsOf(namespace)
      .flatMap((group) => membersOf(this.#tcp, `${group} ${port}`))
      .flatMap((key) => this.#claims.get(key)?.tcp ?? [])
      .filter((destination) => destination.port === port);
  }

  #claimOf(service: MeshService): Claim | undefined {
    const { addresses, ports, exportTo } = service;
    const httpPorts = ports
      .filter(({ number, protocol }) => isLookedAt(protocol) && !RESERVED.has(number))
      .map(({ number }) => number);
    // a range of addresses cannot have a listener
    const single = addresses.filter((address) => !address.includes('/'));
    const tcp = [
      ...ports
        .filter(({ protocol }) => isTcp(protocol))
        .flatMap(({ number: port }) => single.map((address) => ({ address, port }))),
      ...this.#tcpEndpoints(service),
    ];
    if (httpPorts.length === 0 && tcp.length === 0) return undefined;
    return { groups: exportTo === 'all' ? [ALL] : exportTo, httpPorts, tcp };
  }

  /** Clients of a headless service dial the endpoints' own ports. */
  #tcpEndpoints({ key, isHeadless, ports }: MeshService): readonly Destination[] {
    if (!isHeadless) return [];
    const byPort = this.#mesh.endpoints.get(key)?.byPort;
    const all = ports
      .filter(({ protocol }) => isTcp(protocol))
      .flatMap(({ number }) => byPort?.get(number) ?? [])
      .map(({ address, port }) => ({ address, port }));
    return [...new Map(all.map((one) => [hostPort(one), one])).values()];
  }
}

const groupsOf = (namespace: string): readonly string[] => [ALL, namespace];

/** Of a port that does not say what it speaks, the first bytes do. */
const isLookedAt = (protocol: Protocol): boolean => isHttp(protocol) || protocol === 'auto';

const isTcp = (protocol: Protocol): boolean => !isLookedAt(protocol) && protocol !== 'udp';
