// TCP services without an address of their own, present or to come: nothing tells whom a connection
// means but its port. Such a service has the connections to its port of every address that means
// nothing else; of several the oldest, as in Istio, whose listener `0.0.0.0_<port>` is the first's.
import type { Protocol } from '#istio/core/protocol.ts';
import { wantsAutomaticAddresses } from '#istio/serviceentry/automatic-address.ts';
import { membersOf } from './collection.ts';
import { equalData } from './equal.ts';
import type { Graph } from './graph.ts';
import { compareServiceAge } from './inbound.ts';
import { isVisibleIn } from './service.ts';
import type { MeshService } from './service.ts';
import type { Services } from './services.ts';

/** Who names no host: requests and TLS are told apart by the name that the client says. */
const NAMELESS: ReadonlySet<Protocol> = new Set(['tcp', 'mongo', 'mysql', 'redis']);

/** The services that have a port of every address, for clients in a namespace, oldest first. */
export type AddresslessServices = (clientNamespace: string, port: number) => readonly MeshService[];

export function deriveAddressless(
  graph: Graph,
  { services, entriesOf }: Services,
): AddresslessServices {
  const ports = graph.derive<MeshService, readonly number[]>(
    'ports of services without address',
    services,
    (service) => {
      if (service.kubeService !== undefined || service.addresses.length > 0) return undefined;
      // a moment later it has one
      if (entriesOf(service).some(wantsAutomaticAddresses)) return undefined;
      const own = service.ports.filter(({ protocol }) => NAMELESS.has(protocol));
      return own.length === 0 ? undefined : own.map(({ number }) => number);
    },
    equalData,
  );
  const byPort = graph.index('services without address by port', ports, (numbers) =>
    numbers.map(String),
  );
  return (clientNamespace, port) =>
    membersOf(byPort, String(port))
      .flatMap((key) => services.get(key) ?? [])
      .filter((service) => isVisibleIn(service, clientNamespace))
      .toSorted(compareServiceAge);
}
