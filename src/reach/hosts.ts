// Which service a name is to a client, for questions asked now and then: looked through, not kept.
import { compareServices } from '#model/addresses.ts';
import type { Mesh } from '#model/mesh.ts';
import { isVisibleIn } from '#model/service.ts';
import type { MeshService } from '#model/service.ts';
import type { HostLookup } from '#resolve/host-lookup.ts';

/** As `resolve/host-lookup.ts`, without an index of its own. */
export function hostLookup(mesh: Mesh): HostLookup {
  return (namespace, host, labels) =>
    servicesCalled(mesh, host)
      .filter((service) => isVisibleIn(service, namespace))
      .filter((service) => labels === undefined || mesh.isImported(namespace, labels, service))
      .toSorted(compareServices(namespace))[0];
}

/** Seen by the client or not. */
export const servicesCalled = (mesh: Mesh, host: string): readonly MeshService[] =>
  [...mesh.services.entries()].map(([, service]) => service).filter((one) => one.host === host);

/** What a resolver makes of a name, in the order of a Pod's search domains. */
export function fullNames(mesh: Mesh, name: string, namespace: string): readonly string[] {
  const domain = clusterDomain(mesh);
  const bare = name.toLowerCase().replace(/\.$/, '');
  return [bare, `${bare}.${namespace}.svc.${domain}`, `${bare}.svc.${domain}`, `${bare}.${domain}`];
}

/** What stands after `svc` in the names of Services. */
export const clusterDomain = (mesh: Mesh): string =>
  mesh.fullHost('x', 'y').slice('x.y.svc.'.length);

/** The shortest form in which clients of a namespace may write a host. */
export function shortHost(mesh: Mesh, host: string, namespace: string): string {
  const domain = `.svc.${clusterDomain(mesh)}`;
  if (!host.endsWith(domain)) return host;
  const rest = host.slice(0, -domain.length);
  return rest.endsWith(`.${namespace}`) ? rest.slice(0, -namespace.length - 1) : rest;
}
