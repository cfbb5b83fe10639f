// RouteConfiguration of a gateway's HTTP port: an explicit table, complete, never on demand.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { VirtualHost_TlsRequirementType } from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import type { TableHost } from './gateway-table.ts';
import type { TableRoute } from './http-table.ts';
import { takesEverything } from './http-match.ts';
import { buildHttpRoute } from './http-route.ts';

type VirtualHost = MessageInitShape<typeof VirtualHostSchema>;

/** What a VirtualService's directResponse may have (Istio's limit); Envoy's own is 4 KiB. */
const DIRECT_RESPONSE_BYTES_MAX = 1 << 20;

/** @param options.hosts ordered, each once */
export function buildGatewayRoutes(options: {
  readonly name: string;
  readonly port: number;
  readonly hosts: readonly TableHost[];
  readonly isTls?: boolean;
}): MessageInitShape<typeof RouteConfigurationSchema> {
  const { name, port, hosts, isTls = false } = options;
  return {
    name,
    virtualHosts: hosts.length > 0 ? hosts.map((host) => virtualHost(host, isTls)) : [nobody(port)],
    // `Host: example.com:8080` is example.com
    ignorePortInHostMatching: true,
    // a route to a service that there is not (yet) answers 503, and leaves the others alone
    validateClusters: false,
    maxDirectResponseBodySizeBytes: DIRECT_RESPONSE_BYTES_MAX,
  };
}

function virtualHost(
  { host, port, redirectsToHttps, routes }: TableHost,
  isTls: boolean,
): VirtualHost {
  return {
    name: `${host}:${port}`,
    domains: [host],
    routes: inOrder(routes).flatMap((route) => buildHttpRoute(route, { isTls }) ?? []),
    ...(redirectsToHttps && { requireTls: VirtualHost_TlsRequirementType.ALL }),
  };
}

/** Of several VirtualServices for one host, none is to take the others' requests away. */
function inOrder(routes: readonly TableRoute[]): readonly TableRoute[] {
  const isLast = ({ match }: TableRoute): boolean => takesEverything(match);
  return [...routes.filter((route) => !isLast(route)), ...routes.filter(isLast)];
}

/** Answers every request with 404: a server without routes is there, and has nothing. */
const nobody = (port: number): VirtualHost => ({
  name: `blackhole:${port}`,
  domains: ['*'],
});
