// Where clients dial a port of a service.
import type { Mesh } from '#model/mesh.ts';
import type { MeshService } from '#model/service.ts';
import type { Workload } from '#model/workload.ts';
import type { Destination } from '#resolve/names.ts';

/**
 * The first address that is the service's to the clients of a namespace, of a headless one an
 * endpoint's; undefined of one that they may not see, or that only DNS knows.
 *
 * @param options.workload of a headless service this endpoint alone
 */
export function dialledAt(
  mesh: Mesh,
  namespace: string,
  options: {
    readonly service: MeshService;
    readonly port: number;
    readonly workload?: Workload | undefined;
  },
): Destination | undefined {
  const { service, port, workload } = options;
  const isOwner = (address: string): boolean => {
    const owner = mesh.ownerOf(namespace, address);
    const isService = owner?.kind === 'service' || owner?.kind === 'endpoint';
    return isService && owner.service.key === service.key;
  };
  const own = service.addresses.find((address) => !address.includes('/') && isOwner(address));
  if (own !== undefined) return { address: own, port };
  if (!service.isHeadless) return undefined;
  const first = (mesh.endpoints.get(service.key)?.byPort.get(port) ?? [])
    .filter((endpoint) => workload === undefined || endpoint.workload === workload.key)
    .find(({ address }) => isOwner(address));
  return first && { address: first.address, port: first.port };
}
