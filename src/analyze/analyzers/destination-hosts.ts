// Destinations of VirtualServices that are no host, or no port of it.
import { fieldsOf, numberAt, objectsAt, textAt, textsAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Analyzer } from '../analyzer.ts';
import { KnownHosts } from '../hosts.ts';
import type { KnownHost } from '../hosts.ts';
import { message, messageType } from '../message.ts';
import type { Message } from '../message.ts';
import { at, fullName, VIRTUAL_SERVICE } from '../resource.ts';
import type { Place, Resource } from '../resource.ts';
import { destinationsOf } from '../routes.ts';
import { goList, goQuote, specOf } from '../selectors.ts';
import { referencedResourceNotFound } from '../shared-codes.ts';
import type { Snapshot } from '../snapshot.ts';

const destinationPortRequired = messageType({
  code: 'IST0112',
  name: 'VirtualServiceDestinationPortSelectorRequired',
  level: 'Error',
  says: (host: string, ports: readonly number[]) =>
    `This VirtualService routes to a service ${goQuote(host)} that exposes multiple ports ` +
    `${goList(ports)}. Specifying a port in the destination is required to disambiguate.`,
});

const ineffectiveSubset = messageType({
  code: 'IST0140',
  name: 'IngressRouteRulesNotAffected',
  level: 'Warning',
  says: (withSubset: string, withoutSubset: string) =>
    `Subset in virtual service ${withSubset} has no effect on ingress gateway ` +
    `${withoutSubset} requests`,
});

export const destinationHosts: Analyzer = {
  name: 'virtualservice.DestinationHostAnalyzer',
  description: 'Checks the destination hosts associated with each virtual service',
  finds: [referencedResourceNotFound, destinationPortRequired, ineffectiveSubset],
  *run(snapshot) {
    const hosts = new KnownHosts(snapshot);
    const subsetRoutes = routesToOwnSubsets(snapshot);
    for (const service of snapshot.of(VIRTUAL_SERVICE)) {
      const exportTo = textsAt(specOf(service), 'exportTo');
      for (const { destination, path, isMirror } of destinationsOf(service)) {
        const host = textAt(destination, 'host');
        const known = hosts.find(host, service.namespace, exportTo);
        const place = at(service, ...path);
        if (known !== undefined) {
          yield* portProblems(destination, known, place);
        } else {
          const what = isMirror ? 'mirror host' : 'host';
          yield message(referencedResourceNotFound, place, what, host);
        }
      }
      yield* bypassedSubsets(service, subsetRoutes);
    }
  },
};

function* portProblems(destination: Fields, { ports }: KnownHost, place: Place): Iterable<Message> {
  const host = textAt(destination, 'host');
  if (destination['port'] === undefined || destination['port'] === null) {
    if (ports.length > 1) yield message(destinationPortRequired, place, host, ports);
    return;
  }
  const number = numberAt(fieldsOf(destination['port']), 'number') ?? 0;
  if (ports.includes(number)) return;
  yield message(referencedResourceNotFound, place, 'host:port', `${host}:${number}`);
}

type HostRoute = { readonly service: Resource; readonly host: string };

/** Routes of VirtualServices to a subset of the very host that they are for. */
function routesToOwnSubsets(snapshot: Snapshot): readonly HostRoute[] {
  return snapshot.of(VIRTUAL_SERVICE).flatMap((service) => {
    const hosts = textsAt(specOf(service), 'hosts');
    return httpDestinations(service).flatMap(({ destination }) => {
      const host = textAt(destination, 'host');
      return textAt(destination, 'subset') !== '' && hosts.includes(host)
        ? [{ service, host }]
        : [];
    });
  });
}

/** A gateway that routes to the host goes past what sidecars are told of its subsets. */
function* bypassedSubsets(service: Resource, routes: readonly HostRoute[]): Iterable<Message> {
  if (textsAt(specOf(service), 'gateways').length === 0) return;
  for (const { destination, place } of httpDestinations(service)) {
    if (textAt(destination, 'subset') !== '') continue;
    for (const other of routes) {
      if (other.host !== textAt(destination, 'host')) continue;
      yield message(ineffectiveSubset, place, fullName(other.service), fullName(service));
    }
  }
}

function httpDestinations(
  service: Resource,
): readonly { readonly destination: Fields; readonly place: Place }[] {
  return objectsAt(specOf(service), 'http').flatMap((route, index) =>
    objectsAt(route, 'route').map(({ destination }, position) => ({
      destination: fieldsOf(destination),
      place: at(service, 'spec', 'http', index, 'route', position, 'destination', 'host'),
    })),
  );
}
