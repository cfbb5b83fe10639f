// Which of all virtual hosts that Istio would write into a sidecar's route table an authority meets
// (istio.io/istio pilot/pkg/networking/core/httproute.go): Envoy takes a domain that is the whole
// name before wildcards, of which the longest counts, and the table's catch-all last.
import { canonicalIp } from '#base/ip.ts';
import { isHttp } from '#istio/core/protocol.ts';
import type { HttpMatch } from '#istio/virtualservice/http-schema.ts';
import { isHostWithin } from '#istio/virtualservice/host-match.ts';
import { MESH } from '#istio/virtualservice/check.ts';
import type { VirtualService } from '#istio/virtualservice/virtual-service.ts';
import type { Mesh } from '#model/mesh.ts';
import type { MeshService } from '#model/service.ts';
import { hasLabels } from '#model/workload.ts';
import { hostsCovering } from './host-addresses.ts';
import { concreteOf } from './host-lookup.ts';
import type { HostLookup } from './host-lookup.ts';
import { compareSpecificity, takesEverything } from './http-match.ts';
import { routePartsFor } from './http-table.ts';
import type { VirtualHostContent } from './recipe.ts';

/** Who asks, and for what. */
export type VirtualHostAsk = {
  readonly namespace: string;
  /** Of the asking workload: what `sourceLabels` of a match are compared with. */
  readonly labels: Readonly<Record<string, string>>;
  /** Of the listener: the name of its route configuration. */
  readonly port: number;
  /** As Envoy asks: `host` or `host:port`, in lower case. */
  readonly authority: string;
};

export type VirtualHostContext = { readonly mesh: Mesh; readonly serviceOf: HostLookup };

/** Where Istio has the hosts of VirtualServices that are no services. */
const HTTP_PORT = 80;

/** undefined: nobody's, so the table's catch-all counts. */
export function findVirtualHost(
  context: VirtualHostContext,
  ask: VirtualHostAsk,
): VirtualHostContent | undefined {
  const host = hostOf(ask.authority);
  const search = new Search(context, ask);
  return search.byName(host) ?? (isAddress(host) ? undefined : search.byWildcard(host));
}

/** `[::1]:80` → `::1`, `reviews:9080` → `reviews`, `reviews.default.` → `reviews.default`. */
export function hostOf(authority: string): string {
  const [, v6, name = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::[0-9]*)?$/.exec(authority) ?? [];
  return (v6 ?? name).replace(/\.$/, '');
}

const isAddress = (host: string): boolean => canonicalIp(host) !== undefined;

class Search {
  readonly #mesh: Mesh;
  readonly #lookup: HostLookup;
  readonly #ask: VirtualHostAsk;

  constructor({ mesh, serviceOf }: VirtualHostContext, ask: VirtualHostAsk) {
    this.#mesh = mesh;
    this.#lookup = serviceOf;
    this.#ask = ask;
  }

  byName(host: string): VirtualHostContent | undefined {
    const service = this.#named(host);
    if (service && this.#speaksHttp(service)) {
      const followed = this.#followed(service);
      if (followed) return followed;
      if (service.aliasOf === '') return this.#ofService(service);
    } else {
      const own = this.#ofHost(host);
      if (own) return own;
    }
    const { namespace } = this.#ask;
    const concrete = service && concreteOf(this.#lookup, { namespace, host: service.host });
    return concrete && concrete !== service ? this.#ofSpeaking(concrete) : undefined;
  }

  /** The longest wildcard that has a virtual host counts. */
  byWildcard(host: string): VirtualHostContent | undefined {
    const ofServices = hostsCovering(host).slice(1);
    const ofRoutes = this.#mesh.virtualServices
      .wildcardsOfSidecars()
      .filter((wildcard) => isHostWithin(host, wildcard));
    const wildcards = [...new Set([...ofServices, ...ofRoutes])];
    for (const wildcard of wildcards.toSorted((a, b) => b.length - a.length)) {
      const found = this.#ofWildcard(wildcard);
      if (found) return found;
    }
    return undefined;
  }

  #ofWildcard(wildcard: string): VirtualHostContent | undefined {
    const service = this.#serviceOf(wildcard);
    if (service) return this.#ofSpeaking(service);
    // one endpoint of a headless Service, by its own name
    const whole = this.#named(wildcard.replace(/^\*\.?/, ''));
    if (whole?.isHeadless && whole.kubeService !== undefined) return this.#ofSpeaking(whole);
    // a wildcard that covers services is only for them
    const { port } = this.#ask;
    const isOfServices = this.#mesh
      .servicesWithin(wildcard)
      .some(({ host, ports }) => this.#serviceOf(host) && declares(ports, port));
    return isOfServices ? undefined : this.#ofHost(wildcard);
  }

  /** A service by any of the names that its clients have for it: in full, short, its address. */
  #named(host: string): MeshService | undefined {
    const { namespace } = this.#ask;
    const address = canonicalIp(host);
    if (address !== undefined) {
      const owner = this.#mesh.ownerOf(namespace, address);
      return owner?.kind === 'service' && this.#isImported(owner.service)
        ? owner.service
        : undefined;
    }
    const exact = this.#serviceOf(host);
    if (exact) return exact;
    const full = this.#inFull(host);
    return full === undefined ? undefined : this.#serviceOf(full);
  }

  /** `reviews`, `reviews.default` and `reviews.default.svc` are names of Services. */
  #inFull(host: string): string | undefined {
    const [name = '', namespace = this.#ask.namespace, svc = 'svc', ...rest] = host.split('.');
    if (svc !== 'svc' || rest.length > 0 || name === '') return undefined;
    return this.#mesh.fullHost(name, namespace);
  }

  #ofSpeaking(service: MeshService): VirtualHostContent | undefined {
    if (!this.#speaksHttp(service)) return undefined;
    return this.#followed(service) ?? this.#ofService(service);
  }

  #ofService({ key: service }: MeshService): VirtualHostContent {
    return { kind: 'service', service, namespace: this.#ask.namespace };
  }

  /** A VirtualService of a host that is no service here: its routes lead somewhere else. */
  #ofHost(host: string): VirtualHostContent | undefined {
    for (const virtualService of this.#inOrder(host)) {
      if (virtualService.isHttpRoute || !this.#isHere(virtualService)) continue;
      const content = this.#contentOf(virtualService);
      if (content) return content;
    }
    return undefined;
  }

  /** On Istio's one port for such hosts, or on that of a service for which the routes are, too. */
  #isHere({ hosts }: VirtualService): boolean {
    if (this.#ask.port === HTTP_PORT) return true;
    return hosts.some((host) => {
      const service = this.#serviceOf(host);
      return service !== undefined && this.#speaksHttp(service);
    });
  }

  /**
   * The one VirtualService for a service: the first that has a route for the asker, of those that
   * name it; where none does, the first of the longest wildcard that covers it.
   */
  #followed({ host, namespace: producer }: MeshService): VirtualHostContent | undefined {
    const own = this.#inOrder(host).filter(
      ({ isHttpRoute, namespace }) =>
        !isHttpRoute || namespace === producer || namespace === this.#ask.namespace,
    );
    for (const virtualService of own) {
      const content = virtualService.isHttpRoute
        ? this.#merged(own.filter(({ namespace: it }) => it === virtualService.namespace))
        : this.#contentOf(virtualService);
      if (content) return content;
    }
    if (own.length > 0) return undefined;
    for (const wildcard of this.#mesh.virtualServices.wildcardsOfSidecars()) {
      if (wildcard === host || !isHostWithin(host, wildcard)) continue;
      const [first] = this.#inOrder(wildcard);
      if (first) return this.#contentOf(first);
    }
    return undefined;
  }

  /** The HTTPRoutes of one namespace for one Service are one: the most specific match counts. */
  #merged(all: readonly VirtualService[]): VirtualHostContent | undefined {
    const routes = all.filter(({ isHttpRoute }) => isHttpRoute);
    const parts = routes.flatMap((route, of) =>
      route.http.flatMap(({ match: matches = [] }, index) =>
        matches.flatMap((match, position) =>
          isMeant(match, this.#ask) ? [{ match, part: [of, index, position] as const }] : [],
        ),
      ),
    );
    if (parts.length === 0) return undefined;
    const sorted = parts.toSorted((a, b) => compareSpecificity(a.match, b.match));
    const last = sorted.findIndex(({ match }) => takesEverything(match));
    return {
      kind: 'routes',
      virtualServices: routes.map(({ namespace, name }) => `${namespace}/${name}`),
      namespace: this.#ask.namespace,
      parts: sorted.slice(0, last === -1 ? sorted.length : last + 1).map(({ part }) => part),
    };
  }

  #inOrder(host: string): readonly VirtualService[] {
    const { namespace, labels } = this.#ask;
    return this.#mesh.virtualServices
      .ofSidecars(host, namespace)
      .filter((it) => this.#mesh.areRoutesImported(namespace, labels, it));
  }

  /** What the asker's Sidecar imports, on the port that was dialled. */
  #serviceOf(host: string): MeshService | undefined {
    const { namespace, labels } = this.#ask;
    const service = this.#lookup(namespace, host, labels);
    return service && this.#isImported(service) ? service : undefined;
  }

  #isImported(service: MeshService): boolean {
    const { namespace, labels, port } = this.#ask;
    return this.#mesh.isImported(namespace, labels, service, port);
  }

  #contentOf(virtualService: VirtualService): VirtualHostContent | undefined {
    const parts = routePartsFor(virtualService, (match) => isMeant(match, this.#ask));
    if (parts.length === 0) return undefined;
    const { namespace, name } = virtualService;
    return {
      kind: 'routes',
      virtualServices: [`${namespace}/${name}`],
      namespace: this.#ask.namespace,
      parts: parts.map(([index, position]) => [0, index, position]),
    };
  }

  #speaksHttp({ ports }: MeshService): boolean {
    return ports.some(
      ({ number, protocol }) =>
        number === this.#ask.port && (isHttp(protocol) || protocol === 'auto'),
    );
  }
}

const declares = (ports: MeshService['ports'], port: number): boolean =>
  ports.some(({ number }) => number === port);

/** A match that names gateways does not look at labels, as in Istio. */
function isMeant(match: HttpMatch, { port, namespace, labels }: VirtualHostAsk): boolean {
  if (match.port !== undefined && match.port !== 0 && match.port !== port) return false;
  const { gateways = [], sourceLabels = {}, sourceNamespace = '' } = match;
  if (gateways.length > 0) return gateways.includes(MESH);
  return hasLabels(labels, sourceLabels) && ['', namespace].includes(sourceNamespace);
}
