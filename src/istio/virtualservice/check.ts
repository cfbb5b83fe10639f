// Istio's rules for a VirtualService that its schema cannot say.
import { canonicalIp, parseRange } from '#base/ip.ts';
import { refuseUnless } from '../kind-parts.ts';
import type { Reading } from '../schema/reading.ts';
import { checkExportTo, isWildcardHostname } from '../syntax.ts';
import { checkDestinations, checkGatewayNames, checkOrigin } from './check-destination.ts';
import { checkHttpRoute } from './check-http.ts';
import { isClaim } from './check-match.ts';
import { isHostWithin } from './host-match.ts';
import type { TcpRoute, TlsMatch, TlsRoute, VirtualServiceSpec } from './schema.ts';

/** What stands for the sidecars among a VirtualService's gateways. */
export const MESH = 'mesh';

export function checkVirtualService(
  spec: VirtualServiceSpec,
  namespace: string,
  at: Reading,
): void {
  const { hosts = [], gateways = [], http = [], tls = [], tcp = [], exportTo = [] } = spec;
  const isDelegate = hosts.length === 0;
  if (isDelegate) checkDelegate(spec, at);
  checkGatewayNames(gateways, at.property('gateways'));
  checkHosts(spec, at.property('hosts'));
  checkClaims(spec, at.property('http'));
  if (http.length + tls.length + tcp.length === 0) at.refuse('Required value: http, tls or tcp');
  for (const [index, route] of http.entries()) {
    checkHttpRoute(route, at.property('http').item(index), { isDelegate });
  }
  for (const [index, route] of tls.entries()) {
    checkTlsRoute(route, hosts, at.property('tls').item(index));
  }
  for (const [index, route] of tcp.entries()) {
    checkTcpRoute(route, at.property('tcp').item(index));
  }
  checkExportTo(exportTo, namespace, at.property('exportTo'));
  if (exportTo.includes('~'))
    at.property('exportTo').refuse('Invalid value: ~ is for services only');
}

/** Without hosts it only answers for those who refer to it. */
function checkDelegate(
  { gateways = [], tls = [], tcp = [] }: VirtualServiceSpec,
  at: Reading,
): void {
  if (gateways.length > 0) {
    at.property('gateways').refuse('Forbidden: a delegate (without hosts) has no gateways');
  }
  if (tls.length + tcp.length > 0)
    at.refuse('Invalid value: a delegate (without hosts) is of HTTP');
}

/** Sidecars do not route by what tokens claim. */
function checkClaims({ http = [], gateways = [] }: VirtualServiceSpec, at: Reading): void {
  if (gateways.length > 0 && !gateways.includes(MESH)) return;
  for (const [index, { match = [] }] of http.entries()) {
    for (const [position, one] of match.entries()) {
      for (const name of ['headers', 'withoutHeaders'] as const) {
        const claim = Object.keys(one[name] ?? {}).find(isClaim);
        if (claim === undefined) continue;
        const place = at.item(index).property('match').item(position).property(name).key(claim);
        place.refuse('Forbidden: routes by claims are for gateways only');
      }
    }
  }
}

function checkHosts({ hosts = [], gateways = [] }: VirtualServiceSpec, at: Reading): void {
  const isForMesh = gateways.length === 0 || gateways.includes(MESH);
  for (const [index, host] of hosts.entries()) {
    const place = at.item(index);
    if (host === '*' && isForMesh) {
      place.refuse('Forbidden: * is for gateways only; name them');
    } else if (!isServerName(host)) {
      place.refuse(
        `Invalid value: ${at.quote(host)}: must be a host name, whose first label may be *`,
      );
    }
    const other = hosts.find(
      (it, position) =>
        position !== index && isHostWithin(host, it) && (it !== host || position < index),
    );
    if (other !== undefined) place.refuse(`Duplicate value: ${at.quote(host)} is within ${other}`);
  }
}

/** As clients of other networks name a service's port in TLS: `outbound_.80_.v1_.<host>`. */
const MESH_SNI = /^outbound_\.\d{1,5}_\.[a-zA-Z0-9-]*_\./;

/** What a client may ask for by name: a host, an address, or a port of a service of the mesh. */
const isServerName = (text: string): boolean =>
  isWildcardHostname(text.replace(MESH_SNI, '')) || canonicalIp(text) !== undefined;

function checkTlsRoute(
  { match, route = [] }: TlsRoute,
  hosts: readonly string[],
  at: Reading,
): void {
  if (match.length === 0) at.property('match').refuse('Required value: at least one match');
  for (const [index, one] of match.entries()) {
    checkTlsMatch(one, hosts, at.property('match').item(index));
  }
  if (route.length === 0) at.property('route').missing();
  checkDestinations(route, at.property('route'));
}

function checkTlsMatch(match: TlsMatch, hosts: readonly string[], at: Reading): void {
  const { sniHosts } = match;
  if (sniHosts.length === 0) at.property('sniHosts').refuse('Required value: at least one');
  for (const [index, host] of sniHosts.entries()) {
    const place = at.property('sniHosts').item(index);
    if (!isServerName(host)) {
      place.refuse(
        `Invalid value: ${at.quote(host)}: must be a host name, whose first label may be *`,
      );
    } else if (canonicalIp(host) === undefined && !hosts.some((it) => isHostWithin(host, it))) {
      place.refuse(`Invalid value: ${at.quote(host)}: is within none of the hosts`);
    }
  }
  checkSubnets(match.destinationSubnets, at.property('destinationSubnets'));
  checkOrigin(match, at);
}

function checkTcpRoute({ match = [], route = [] }: TcpRoute, at: Reading): void {
  for (const [index, one] of match.entries()) {
    const place = at.property('match').item(index);
    checkSubnets(one.destinationSubnets, place.property('destinationSubnets'));
    if (one.sourceSubnet !== undefined && one.sourceSubnet !== '') {
      checkSubnets([one.sourceSubnet], place.property('sourceSubnet'));
    }
    checkOrigin(one, place);
  }
  if (route.length === 0) at.property('route').missing();
  checkDestinations(route, at.property('route'));
}

function checkSubnets(subnets: readonly string[] | undefined, at: Reading): void {
  refuseUnless(subnets, at, {
    isValid: (subnet) => parseRange(subnet) !== undefined,
    message: 'must be an IP address or a CIDR',
  });
}
