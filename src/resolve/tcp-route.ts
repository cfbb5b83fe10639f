// Which destinations a VirtualService has for connections to a service's address: the routes of
// its tcp. A sidecar asks for one cluster by the address that it dials, and that one cluster is the
// destination, or all of them by their weights.
import { parseIp, parseRange, rangeContains } from '#base/ip.ts';
import { isHttp } from '#istio/core/protocol.ts';
import { MESH } from '#istio/virtualservice/check.ts';
import { isHostWithin } from '#istio/virtualservice/host-match.ts';
import type { TcpMatch } from '#istio/virtualservice/schema.ts';
import type { VirtualService } from '#istio/virtualservice/virtual-service.ts';
import type { Client, Mesh } from '#model/mesh.ts';
import type { MeshService } from '#model/service.ts';
import { hasLabels } from '#model/workload.ts';
import type { RouteTables, Target } from './http-table.ts';
import type { Destination } from './names.ts';

type Dialled = {
  readonly service: MeshService;
  readonly destination: Destination;
  readonly client: Client;
};

/** undefined: no route is for the connection, which goes to the service itself. */
export function tcpTargets(
  { mesh, tables }: { readonly mesh: Mesh; readonly tables: RouteTables },
  dialled: Dialled,
): readonly Target[] | undefined {
  const { service, destination, client } = dialled;
  const { port } = destination;
  const declared = service.ports.find(({ number }) => number === port);
  if (declared === undefined || isHttp(declared.protocol)) return undefined;
  for (const virtualService of virtualServicesOf(mesh, service.host, client)) {
    const found = virtualService.tcp.find(
      ({ match = [] }) => match.length === 0 || match.some((one) => isMeant(one, dialled)),
    );
    if (found === undefined) continue;
    const place = { namespace: client.namespace, port };
    return tables.targets(found.route ?? [], virtualService, place);
  }
  return undefined;
}

/** The same for connections of TLS, by the name that routes ask for. */
export function tlsTargets(
  { mesh, tables }: { readonly mesh: Mesh; readonly tables: RouteTables },
  dialled: Dialled & { readonly serverName: string },
): readonly Target[] | undefined {
  const { service, destination, client, serverName } = dialled;
  for (const virtualService of virtualServicesOf(mesh, service.host, client)) {
    const found = virtualService.tls.find(({ match }) =>
      match.some(
        (one) =>
          one.sniHosts.some((name) => name.toLowerCase() === serverName) && isMeant(one, dialled),
      ),
    );
    if (found === undefined) continue;
    const place = { namespace: client.namespace, port: destination.port };
    return tables.targets(found.route ?? [], virtualService, place);
  }
  return undefined;
}

/** Those that name the host, then those whose wildcards cover it, the longest first. */
export function* virtualServicesOf(
  mesh: Mesh,
  host: string,
  { namespace, labels }: Pick<Client, 'namespace' | 'labels'>,
): Iterable<VirtualService> {
  const { virtualServices } = mesh;
  const wildcards = virtualServices
    .wildcardsOfSidecars()
    .filter((wildcard) => wildcard !== host && isHostWithin(host, wildcard));
  for (const one of [host, ...wildcards]) {
    for (const virtualService of virtualServices.ofSidecars(one, namespace)) {
      if (mesh.areRoutesImported(namespace, labels, virtualService)) yield virtualService;
    }
  }
}

/** What asks where a connection comes from by address is not known to Istio's sidecars, either. */
function isMeant(
  match: Omit<TcpMatch, 'sourceSubnet'> & { readonly sourceSubnet?: string },
  { destination, client: { namespace, labels } }: Pick<Dialled, 'destination' | 'client'>,
): boolean {
  const { port = 0, gateways = [], sourceLabels = {}, sourceNamespace = '' } = match;
  if (port !== 0 && port !== destination.port) return false;
  if (gateways.length > 0 && !gateways.includes(MESH)) return false;
  const { destinationSubnets = [], sourceSubnet = '' } = match;
  return (
    sourceSubnet === '' &&
    hasLabels(labels, sourceLabels) &&
    ['', namespace].includes(sourceNamespace) &&
    (destinationSubnets.length === 0 ||
      destinationSubnets.some((subnet) => isWithin(destination.address, subnet)))
  );
}

/** A subnet is a CIDR or a single address. */
function isWithin(address: string, subnet: string): boolean {
  const ip = parseIp(address);
  const range = parseRange(subnet);
  return ip !== undefined && range !== undefined && rangeContains(range, ip);
}
