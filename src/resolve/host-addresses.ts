// What a host name is answered with: the addresses by which clients dial the service, so that the
// connection is known by where it goes. Everything else is left to the resolvers of before.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { canonicalIp } from '#base/ip.ts';
import { isAutomaticAddress } from '#istio/serviceentry/automatic-address.ts';
import type { HostAddressesSchema } from '#gen/isthmus/v1/agent_pb.js';
import type { MeshService, ServiceEndpoints } from '#model/service.ts';

/** How long a client may keep the address of a service; Istio's proxy says the same. */
const SERVICE_TTL_SECONDS = 30;
/** Endpoints come and go (Kubernetes' own DNS says the same). */
const ENDPOINT_TTL_SECONDS = 5;

/**
 * Is the name of such a service the mesh's to answer? A range is no address to dial, and where a
 * service has no address of its own and its endpoints are names, only DNS knows where it is.
 */
export function isAnswerable(service: MeshService): boolean {
  return singleAddresses(service).length > 0 || isDialledByEndpoint(service);
}

const isDialledByEndpoint = ({ isHeadless, resolution }: MeshService): boolean =>
  isHeadless && resolution === 'static';

/** What to dial; an automatic address only of a service that has no other (a Service's own). */
function singleAddresses({ addresses }: MeshService): readonly string[] {
  const single = addresses.filter((address) => canonicalIp(address) !== undefined);
  const given = single.filter((address) => !isAutomaticAddress(address));
  return given.length > 0 ? given : single;
}

/** The answer for a name of an answerable service; without ready endpoints it has no address. */
export function buildHostAddresses(
  service: MeshService,
  endpoints: ServiceEndpoints | undefined,
): MessageInitShape<typeof HostAddressesSchema> {
  if (!isDialledByEndpoint(service)) {
    const addresses = [...singleAddresses(service)];
    return { known: true, addresses, ttlSeconds: SERVICE_TTL_SECONDS };
  }
  const ready = [...(endpoints?.byPort.values() ?? [])]
    .flat()
    .filter(({ health }) => health === 'ready');
  const dialled = ready.flatMap(({ address }) => canonicalIp(address) ?? []);
  const addresses = [...new Set(dialled)].toSorted();
  return { known: true, addresses, ttlSeconds: ENDPOINT_TTL_SECONDS };
}

/** The answer for a name that means nothing to the asker; it is told when that changes. */
export const UNKNOWN_HOST: MessageInitShape<typeof HostAddressesSchema> = { known: false };

/**
 * The hosts under which a service may be known that answers this name, the most exact first: the
 * name itself, then wildcards from the longest tail to the shortest.
 */
export function hostsCovering(name: string): readonly string[] {
  const labels = name.split('.');
  return [name, ...labels.slice(1).map((_, index) => `*.${labels.slice(index + 1).join('.')}`)];
}

/** RFC 1035 §2.3.4, without the final dot. */
const NAME_LENGTH_MAX = 253;

/** Is it a name as the mesh writes it: in lower case, without a final dot or a wildcard? */
export function isCanonicalHost(name: string): boolean {
  return name.length <= NAME_LENGTH_MAX && /^(?!\*)[^A-Z\s.]+(\.[^A-Z\s.]+)*$/.test(name);
}
