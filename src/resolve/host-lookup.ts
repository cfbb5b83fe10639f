// Which service a host is to the clients of a namespace.
import { compareServices } from '#model/addresses.ts';
import { membersOf } from '#model/collection.ts';
import type { Mesh } from '#model/mesh.ts';
import { isVisibleIn } from '#model/service.ts';
import type { MeshService } from '#model/service.ts';

/**
 * The one service that a host is to clients in a namespace, by the order of address owners.
 *
 * @param labels of the client, for what its Sidecar imports; absent where that does not matter
 */
export type HostLookup = (
  namespace: string,
  host: string,
  labels?: Readonly<Record<string, string>>,
) => MeshService | undefined;

/** The service of a host; for another name of a service (ExternalName), that service. */
export function concreteOf(
  serviceOf: HostLookup,
  { namespace, host }: { readonly namespace: string; readonly host: string },
): MeshService | undefined {
  const service = serviceOf(namespace, host);
  if (service === undefined || service.aliasOf === '') return service;
  return serviceOf(namespace, service.aliasOf) ?? service;
}

/** Adds an index to the mesh's graph. */
export function createHostLookup(mesh: Mesh): HostLookup {
  const byHost = mesh.graph.index('services by host', mesh.services, ({ host }) => [host]);
  return (namespace, host, labels) => {
    const visible = membersOf(byHost, host)
      .flatMap((key) => mesh.services.get(key) ?? [])
      .filter((service) => isVisibleIn(service, namespace))
      .filter((service) => labels === undefined || mesh.isImported(namespace, labels, service));
    return visible.toSorted(compareServices(namespace))[0];
  };
}
