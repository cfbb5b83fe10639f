// The VirtualServices in force: delegates merged into those that refer to them, and for a host the
// ones that sidecars of a namespace are to follow.
import { mergeDelegate } from '#istio/virtualservice/delegate.ts';
import type { Destination, HttpRoute } from '#istio/virtualservice/http-schema.ts';
import type { VirtualService } from '#istio/virtualservice/virtual-service.ts';
import { membersOf } from './collection.ts';
import type { Collection } from './collection.ts';
import { equalData } from './equal.ts';
import type { Graph } from './graph.ts';
import { isVisibleTo, visibilityOf } from './service.ts';
import type { MeshService, Visibility } from './service.ts';
import { compareAge, compareText } from './services.ts';

export type VirtualServices = {
  /** By `namespace/name`: none that is only a delegate; hosts, also of destinations, in full. */
  readonly inForce: Collection<VirtualService>;
  /**
   * Those for sidecars of a namespace that name this very host (which may begin with `*`), in the
   * order in which they count: of two for one host the first is followed, and they do not merge.
   */
  readonly ofSidecars: (host: string, namespace: string) => readonly VirtualService[];
  /** Those for sidecars of a namespace with a route that leads to this host, in no order. */
  readonly leadingTo: (host: string, namespace: string) => readonly VirtualService[];
  /** Those for sidecars of a namespace that have routes of TLS, the oldest first. */
  readonly withTlsOfSidecars: (namespace: string) => readonly VirtualService[];
  /** The hosts with a wildcard of VirtualServices for sidecars, the longest first. */
  readonly wildcardsOfSidecars: () => readonly string[];
};

type Lookup = {
  readonly fullHost: (host: string, namespace: string) => string;
  /** Of those that do not say; tracked. */
  readonly defaultExportTo: () => readonly string[];
};

const WILDCARDS = 'wildcards';
const TLS = 'tls';

export function deriveVirtualServices(
  graph: Graph,
  written: Collection<VirtualService>,
  { fullHost, defaultExportTo }: Lookup,
): VirtualServices {
  const inForce = graph.derive(
    'VirtualServices in force',
    written,
    (root) => {
      if (root.hosts.length === 0) return undefined;
      const whole = { ...root, http: root.http.flatMap((route) => withDelegate(route, root)) };
      return { ...inFull(whole, fullHost), exportTo: exportOf(root) };
    },
    equalData,
  );
  const exportOf = ({ exportTo }: VirtualService): readonly string[] =>
    exportTo.length > 0 ? exportTo : defaultExportTo();
  /** A delegate that is not there, or not for the root's namespace, has no routes. */
  const withDelegate = (route: HttpRoute, root: VirtualService): readonly HttpRoute[] => {
    if (route.delegate === undefined) return [route];
    const { name = '', namespace = '' } = route.delegate;
    const delegate = written.get(`${namespace === '' ? root.namespace : namespace}/${name}`);
    if (delegate === undefined || delegate.hosts.length > 0) return [];
    const visibility = visibilityOf(exportOf(delegate), delegate.namespace);
    if (!isVisibleTo(visibility, root.namespace)) return [];
    return mergeDelegate(route, inFull(delegate, fullHost).http);
  };
  const byHost = graph.index('VirtualServices of sidecars by host', inForce, (virtualService) =>
    virtualService.isForMesh ? virtualService.hosts : [],
  );
  const byDestination = graph.index('VirtualServices by destination', inForce, (it) =>
    it.isForMesh ? [...new Set(destinationsOf(it))] : [],
  );
  const withTls = graph.index('VirtualServices with TLS', inForce, ({ isForMesh, tls }) =>
    isForMesh && tls.length > 0 ? [TLS] : [],
  );
  const withWildcards = graph.index('VirtualServices with wildcards', inForce, (virtualService) =>
    virtualService.isForMesh && virtualService.hosts.some(isWildcard) ? [WILDCARDS] : [],
  );
  const wildcards = graph.derive(
    'wildcards of VirtualServices',
    withWildcards,
    (_, group) => {
      const keys = membersOf(withWildcards, group);
      const hosts = keys.flatMap((key) => inForce.get(key)?.hosts.filter(isWildcard) ?? []);
      return [...new Set(hosts)].toSorted((a, b) => b.length - a.length || compareText(a, b));
    },
    equalData,
  );
  return {
    inForce,
    ofSidecars: (host, namespace) =>
      membersOf(byHost, host)
        .flatMap((key) => inForce.get(key) ?? [])
        .filter((it) => isVisibleTo(visibleIn(it), namespace))
        .toSorted((a, b) => rankFor(namespace, a) - rankFor(namespace, b) || compareAge(a, b)),
    leadingTo: (host, namespace) =>
      membersOf(byDestination, host)
        .flatMap((key) => inForce.get(key) ?? [])
        .filter((it) => isVisibleTo(visibleIn(it), namespace)),
    withTlsOfSidecars: (namespace) =>
      membersOf(withTls, TLS)
        .flatMap((key) => inForce.get(key) ?? [])
        .filter((it) => isVisibleTo(visibleIn(it), namespace))
        .toSorted(compareAge),
    wildcardsOfSidecars: () => wildcards.get(WILDCARDS) ?? [],
  };
}

/** By every wildcard that covers it, a service is found without a look at the others. */
export function createServicesWithin(
  graph: Graph,
  services: Collection<MeshService>,
): (wildcard: string) => readonly MeshService[] {
  const byDomain = graph.index('services by domain', services, ({ host }) => {
    const labels = host.replace(/^\*\./, '').split('.');
    return labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`);
  });
  return (wildcard) => membersOf(byDomain, wildcard).flatMap((key) => services.get(key) ?? []);
}

function destinationsOf({ http, tls, tcp }: VirtualService): readonly string[] {
  const routed = [...http, ...tls, ...tcp].flatMap(({ route = [] }) =>
    route.map(({ destination }) => destination.host),
  );
  const mirrored = http.flatMap(({ mirror, mirrors = [] }) => [
    ...(mirror ? [mirror.host] : []),
    ...mirrors.map(({ destination }) => destination.host),
  ]);
  return [...routed, ...mirrored];
}

const isWildcard = (host: string): boolean => host.startsWith('*');

/** Of one in force, which always says. */
const visibleIn = ({ exportTo, namespace }: VirtualService): Visibility =>
  visibilityOf(exportTo, namespace);

/**
 * Istio takes those for one namespace alone first, then those for some, then the HTTPRoutes of the
 * clients' own namespace, then all others.
 */
function rankFor(clientNamespace: string, virtualService: VirtualService): number {
  const { namespace, isHttpRoute } = virtualService;
  const visibility = visibleIn(virtualService);
  if (visibility === 'all') return isHttpRoute && namespace === clientNamespace ? 2 : 3;
  return visibility.length === 1 && visibility[0] === namespace ? 0 : 1;
}

/** Short names are Services of the VirtualService's own namespace. */
function inFull(
  virtualService: VirtualService,
  fullHost: (host: string, namespace: string) => string,
): VirtualService {
  const { namespace, hosts, http, tls, tcp } = virtualService;
  const at = <R extends { readonly destination: Destination }>(route: R): R => ({
    ...route,
    destination: destinationInFull(route.destination),
  });
  const destinationInFull = (destination: Destination): Destination => ({
    ...destination,
    host: fullHost(destination.host.toLowerCase(), namespace),
  });
  const routed = <R extends { readonly destination: Destination }, T>(
    one: T & { readonly route?: readonly R[] },
  ): T & { readonly route?: readonly R[] } =>
    one.route === undefined ? one : { ...one, route: one.route.map(at) };
  return {
    ...virtualService,
    hosts: hosts.map((host) => fullHost(host, namespace)),
    http: http.map((route) => ({
      ...routed(route),
      ...(route.mirror && { mirror: destinationInFull(route.mirror) }),
      ...(route.mirrors && { mirrors: route.mirrors.map(at) }),
    })),
    tls: tls.map(routed),
    tcp: tcp.map(routed),
  };
}
