// Which Sidecar is for a workload, and what its clients see of the mesh by it.
//
// One that selects the workload, before the namespace's own (without a selector), before the root
// namespace's own, which is for all namespaces; of several the oldest. No Sidecar: everything that
// is exported. What is not imported means nothing to the client; its name is still answered by DNS.
import type { Egress, EgressHost, Sidecar } from '#istio/sidecar/sidecar.ts';
import { isHostWithin } from '#istio/virtualservice/host-match.ts';
import type { VirtualService } from '#istio/virtualservice/virtual-service.ts';
import { membersOf } from './collection.ts';
import type { Collection } from './collection.ts';
import { explicitListenersOf } from './explicit-listeners.ts';
import type { ExplicitListeners, Listening } from './explicit-listeners.ts';
import type { Graph } from './graph.ts';
import type { MeshService } from './service.ts';
import { compareAge } from './services.ts';
import { hasLabels } from './workload.ts';

type Labels = Readonly<Record<string, string>>;
type Named = Pick<MeshService, 'namespace' | 'host'>;

export type Sidecars = {
  /** The listeners of a workload's proxy that take no captured connections. */
  readonly explicitListeners: (workload: Listening) => ExplicitListeners;
  /** undefined: none is for such workloads. */
  readonly sidecarFor: (namespace: string, labels: Labels) => Sidecar | undefined;
  /**
   * May clients with these labels in this namespace use a service (or a port of it), as far as
   * Sidecars go? Whether it is exported to them is another question.
   */
  readonly isImported: (
    namespace: string,
    labels: Labels,
    service: Named,
    port?: number,
  ) => boolean;
  /**
   * Are they to follow a VirtualService? Each of its hosts counts that they import, and each that
   * is wider than what they import, as in Istio; of an HTTPRoute only the former.
   */
  readonly areRoutesImported: (
    namespace: string,
    labels: Labels,
    routes: Pick<VirtualService, 'namespace' | 'hosts' | 'isHttpRoute'>,
  ) => boolean;
};

/** @param options.rootNamespace tracked */
export function deriveSidecars(
  graph: Graph,
  sidecars: Collection<Sidecar>,
  { rootNamespace }: { readonly rootNamespace: () => string },
): Sidecars {
  const byNamespace = graph.index('Sidecars by namespace', sidecars, ({ namespace }) => [
    namespace,
  ]);
  const inOrder = graph.derive('Sidecars in order', byNamespace, (_, namespace) =>
    membersOf(byNamespace, namespace)
      .flatMap((key) => sidecars.get(key) ?? [])
      .toSorted(compareAge),
  );
  const sidecarFor = (namespace: string, labels: Labels): Sidecar | undefined => {
    const own = inOrder.get(namespace) ?? [];
    return (
      own.find(({ selector }) => selector && hasLabels(labels, selector)) ??
      own.find(isForAll) ??
      inOrder.get(rootNamespace())?.find(isForAll)
    );
  };
  return {
    sidecarFor,
    explicitListeners: (workload) =>
      explicitListenersOf(sidecarFor(workload.namespace, workload.labels), workload),
    isImported: (namespace, labels, service, port) => {
      const egress = sidecarFor(namespace, labels)?.egress;
      return (
        egress === undefined || egress.some((one) => imports(one, { namespace, service, port }))
      );
    },
    areRoutesImported: (namespace, labels, routes) => {
      const egress = sidecarFor(namespace, labels)?.egress;
      return (
        egress === undefined ||
        egress.some(({ hosts }) => hosts.some((one) => importsRoutes(one, { namespace, routes })))
      );
    },
  };
}

const isForAll = ({ selector }: Sidecar): boolean => selector === undefined;

/** Is it among what these clients may use by one entry of their Sidecar? */
export function imports(
  { port, hosts }: Egress,
  asked: { readonly namespace: string; readonly service: Named; readonly port: number | undefined },
): boolean {
  if (port !== undefined && asked.port !== undefined && port !== asked.port) return false;
  const { service, namespace } = asked;
  return hosts.some((one) => isOfNamespace(one, service, namespace) && isOfHost(one, service));
}

function importsRoutes(
  egress: EgressHost,
  asked: {
    readonly namespace: string;
    readonly routes: Pick<VirtualService, 'namespace' | 'hosts' | 'isHttpRoute'>;
  },
): boolean {
  const { namespace: of, hosts, isHttpRoute } = asked.routes;
  return hosts.some((host) => {
    const named = { namespace: of, host };
    if (!isOfNamespace(egress, named, asked.namespace)) return false;
    if (isOfHost(egress, named)) return true;
    return !isHttpRoute && host.startsWith('*') && isHostWithin(egress.host, host);
  });
}

function isOfNamespace(
  { namespace }: EgressHost,
  service: Pick<Named, 'namespace'>,
  clientNamespace: string,
): boolean {
  if (namespace === '*') return true;
  if (namespace === '.') return service.namespace === clientNamespace;
  // `~` alone names nobody; with a name it is everybody else
  if (namespace.startsWith('~'))
    return namespace !== '~' && namespace.slice(1) !== service.namespace;
  return namespace === service.namespace;
}

/** A service's own wildcard is only matched by itself and by wider ones. */
function isOfHost({ host }: EgressHost, service: Named): boolean {
  if (host === '*' || host === service.host) return true;
  if (!host.startsWith('*')) return false;
  const needle = service.host.startsWith('*') ? service.host.slice(1) : service.host;
  return needle.endsWith(host.slice(1));
}
