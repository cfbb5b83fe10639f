// HTTP routes as plain data: a VirtualService's route with one of its matches, and the names of the
// clusters that it ends at. Gateways' tables and sidecars' virtual hosts are made of it.
import type { HashKey } from '#istio/destinationrule/traffic-policy.ts';
import type {
  Destination,
  Headers,
  HttpMatch,
  HttpRoute,
} from '#istio/virtualservice/http-schema.ts';
import type { RouteDestination } from '#istio/virtualservice/schema.ts';
import type { VirtualService } from '#istio/virtualservice/virtual-service.ts';
import type { Mesh } from '#model/mesh.ts';
import { concreteOf } from './host-lookup.ts';
import type { HostLookup } from './host-lookup.ts';
import { takesEverything } from './http-match.ts';
import { hashKeyOf } from './http-hash.ts';
import { outboundName } from './names.ts';
import type { ServicePortRef } from './names.ts';

export type Target = {
  /** `outbound|<port>|<subset>|<host>`, whether there is such a service or not. */
  readonly cluster: string;
  readonly weight: number;
  readonly headers: Headers | undefined;
  /** By which requests alike go to one endpoint; undefined: they are not told apart. */
  readonly hashKey: HashKey | undefined;
};

export type TableRoute = {
  readonly virtualService: { readonly namespace: string; readonly name: string };
  /** Of the server or listener, as clients know it. */
  readonly port: number;
  readonly route: HttpRoute;
  /** Of the Gateway API, with its semantics. */
  readonly isHttpRoute: boolean;
  /** undefined: every request. */
  readonly match: HttpMatch | undefined;
  readonly targets: readonly Target[];
  readonly mirrors: readonly { readonly cluster: string; readonly percent: number }[];
};

/** Whose clients these are, and which port they dialled. */
export type RoutePlace = { readonly namespace: string; readonly port: number };

/** Index of a route and of its match (-1: it has none). */
export type RoutePart = readonly [route: number, match: number];

/**
 * The routes of a VirtualService that are for the asker, in order. Nothing after one that takes
 * every request is ever reached.
 */
export function routePartsFor(
  { http }: VirtualService,
  isMeant: (match: HttpMatch) => boolean,
): readonly RoutePart[] {
  const parts: RoutePart[] = [];
  for (const [index, { match: matches = [] }] of http.entries()) {
    if (matches.length === 0) return [...parts, [index, -1]];
    for (const [position, match] of matches.entries()) {
      if (!isMeant(match)) continue;
      parts.push([index, position]);
      if (takesEverything(match)) return parts;
    }
  }
  return parts;
}

export class RouteTables {
  readonly #mesh: Mesh;
  readonly #serviceOf: HostLookup;

  constructor({ mesh, serviceOf }: { readonly mesh: Mesh; readonly serviceOf: HostLookup }) {
    this.#mesh = mesh;
    this.#serviceOf = serviceOf;
  }

  /** Parts that are not there (any more) are left out. */
  routes(
    virtualService: VirtualService,
    parts: readonly RoutePart[],
    place: RoutePlace,
  ): readonly TableRoute[] {
    const { namespace, name, http, isHttpRoute } = virtualService;
    return parts.flatMap(([index, position]) => {
      const route = http[index];
      if (route === undefined) return [];
      const targets = this.targets(route.route ?? [], virtualService, place);
      const mirrors = this.#mirrors(route, virtualService, place);
      return {
        virtualService: { namespace, name },
        port: place.port,
        isHttpRoute,
        route,
        match: route.match?.[position],
        targets,
        mirrors,
      };
    });
  }

  /** Of several destinations, those with a share; a single one has it all. */
  targets(
    routes: readonly (RouteDestination & { readonly headers?: Headers })[],
    virtualService: Pick<VirtualService, 'namespace'>,
    place: RoutePlace,
  ): readonly Target[] {
    const targets = routes.map(({ destination, weight = 0, headers }) => {
      const ref = this.#refOf(destination, virtualService, place);
      const parts = { mesh: this.#mesh, serviceOf: this.#serviceOf };
      const hashKey = hashKeyOf(parts, ref, place.namespace);
      return { cluster: outboundName(ref), weight, headers, hashKey };
    });
    return targets.length > 1 ? targets.filter(({ weight }) => weight > 0) : targets;
  }

  #mirrors(
    route: HttpRoute,
    virtualService: Pick<VirtualService, 'namespace'>,
    place: RoutePlace,
  ): TableRoute['mirrors'] {
    const percentOfMirror =
      route.mirrorPercentage?.value ?? route.mirrorPercent ?? route.mirror_percent ?? 100;
    const all = [
      ...(route.mirror ? [{ destination: route.mirror, percent: percentOfMirror }] : []),
      ...(route.mirrors ?? []).map(({ destination, percentage }) => ({
        destination,
        percent: percentage === undefined ? 100 : (percentage.value ?? 0),
      })),
    ];
    return all
      .filter(({ percent }) => percent > 0)
      .map(({ destination, percent }) => ({
        cluster: outboundName(this.#refOf(destination, virtualService, place)),
        percent,
      }));
  }

  /** A port that is not said is the service's only one, or else the one that was dialled. */
  #refOf(
    destination: Destination,
    { namespace: own }: Pick<VirtualService, 'namespace'>,
    { namespace, port: dialled }: RoutePlace,
  ): ServicePortRef {
    const named = this.#mesh.fullHost(destination.host.toLowerCase(), own);
    const service = concreteOf(this.#serviceOf, { namespace, host: named });
    const { host = named, ports = [] } = service ?? {};
    const only = ports.length === 1 ? ports[0]?.number : undefined;
    const port = destination.port?.number ?? only ?? dialled;
    return { host, port, subset: destination.subset ?? '' };
  }
}
