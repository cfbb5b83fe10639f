// A sidecar's listener for one address and port of a service that speaks TLS and for which a
// VirtualService has routes by server name (SNI). It has a chain for each name that such routes ask
// for; where the connection then goes is the cluster's to say, which Envoy fetches when the name is
// first said. So a route that leads elsewhere changes no listener, and cuts nobody's session.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { TlsInspectorSchema } from '#gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb.js';
import type { Mesh } from '#model/mesh.ts';
import type { MeshService } from '#model/service.ts';
import type { HostLookup } from './host-lookup.ts';
import { extension, milliseconds } from './message.ts';
import { DESTINATION_CLUSTER_FORMAT, serverNameSuffix, tcpListenerName } from './names.ts';
import type { Destination } from './names.ts';
import { handedOver } from './outbound-http.ts';
import { onDemandTcp } from './outbound.ts';
import type { AccessLogSettings } from './telemetry.ts';
import { virtualServicesOf } from './tcp-route.ts';

type Listener = MessageInitShape<typeof ListenerSchema>;

/** Listeners of single addresses, in one namespace: beyond, connections go to the service. */
const LISTENERS_MAX = 1000;
/** How long a client may take to begin; then it is taken for one that says no name. */
const INSPECTION_TIMEOUT_MS = 5000;

export class OutboundTls {
  readonly #mesh: Mesh;
  readonly #serviceOf: HostLookup;

  constructor(mesh: Mesh, serviceOf: HostLookup) {
    this.#mesh = mesh;
    this.#serviceOf = serviceOf;
  }

  /** The listeners of a namespace's sidecars, sorted. */
  listenerNames(namespace: string): readonly string[] {
    const destinations = this.#mesh.virtualServices
      .withTlsOfSidecars(namespace)
      .flatMap(({ hosts }) => hosts.flatMap((host) => this.#services(namespace, host)))
      .flatMap(destinationsOf)
      .filter((destination) => this.serverNames(namespace, destination).length > 0);
    return [...new Set(destinations.map(tcpListenerName))].toSorted().slice(0, LISTENERS_MAX);
  }

  /** The names that routes to a destination ask for, sorted; none: it has no such listener. */
  serverNames(namespace: string, { address, port }: Destination): readonly string[] {
    const owner = this.#mesh.ownerOf(namespace, address);
    if (owner?.kind !== 'service' || !speaksTls(owner.service, port)) return [];
    const names = new Set<string>();
    const client = { namespace, labels: {} };
    for (const { tls } of virtualServicesOf(this.#mesh, owner.service.host, client)) {
      for (const { sniHosts, port: of = 0 } of tls.flatMap(({ match }) => match)) {
        if (of !== 0 && of !== port) continue;
        for (const name of sniHosts) if (isServerName(name)) names.add(name.toLowerCase());
      }
    }
    return [...names].toSorted();
  }

  #services(namespace: string, host: string): readonly MeshService[] {
    const covered = host.startsWith('*') ? this.#mesh.servicesWithin(host) : [];
    const hosts = [host, ...covered.map((service) => service.host)];
    return [...new Set(hosts)].flatMap((one) => this.#serviceOf(namespace, one) ?? []);
  }
}

/** A range of addresses cannot have a listener. */
const destinationsOf = ({ addresses, ports }: MeshService): readonly Destination[] =>
  addresses
    .filter((address) => !address.includes('/'))
    .flatMap((address) => ports.map(({ number: port }) => ({ address, port })));

const speaksTls = ({ ports }: MeshService, port: number): boolean =>
  ports.some(
    ({ number, protocol }) => number === port && (protocol === 'tls' || protocol === 'https'),
  );

/** Envoy knows wildcards for whole labels only. */
const isServerName = (name: string): boolean => name !== '*' && !/^\*[^.]/.test(name);

/** Who says no name, or another, goes where everybody goes who dials the address. */
export function buildTlsListener(
  destination: Destination,
  serverNames: readonly string[],
  settings: AccessLogSettings,
): Listener {
  return {
    name: tcpListenerName(destination),
    ...handedOver(destination),
    listenerFilters: [extension('envoy.filters.listener.tls_inspector', TlsInspectorSchema, {})],
    listenerFiltersTimeout: milliseconds(INSPECTION_TIMEOUT_MS),
    continueOnListenerFiltersTimeout: true,
    filterChains: serverNames.map((name) => ({
      name: `sni|${name}`,
      filterChainMatch: { transportProtocol: 'tls', serverNames: [name] },
      filters: onDemandTcp(settings, `${DESTINATION_CLUSTER_FORMAT}${serverNameSuffix(name)}`),
    })),
    defaultFilterChain: { name: 'tcp', filters: onDemandTcp(settings) },
  };
}
