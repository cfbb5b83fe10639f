// Istio's rules for a ServiceEntry that its schema cannot say.
import { canonicalIp, parseRange } from '#base/ip.ts';
import { isHttp, protocolOf } from '../core/protocol.ts';
import { refuseUnless } from '../kind-parts.ts';
import type { Reading } from '../schema/reading.ts';
import { checkExportTo, isDnsLabel, isHostname, isWildcardHostname } from '../syntax.ts';
import { checkWorkloadAddress } from '../workloadentry/workload-entry.ts';
import type { ServiceEntrySpec } from './schema.ts';

export function checkServiceEntry(spec: ServiceEntrySpec, namespace: string, at: Reading): void {
  refuseUnless(spec.hosts, at.property('hosts'), {
    isValid: isWildcardHostname,
    message: 'must be a host name, whose first label may be *',
  });
  refuseUnless(spec.addresses, at.property('addresses'), {
    isValid: (address) => parseRange(address) !== undefined,
    message: 'must be an IP address or a CIDR',
  });
  for (const key of Object.keys(spec.workloadSelector?.labels ?? {})) {
    const labels = at.property('workloadSelector').property('labels');
    if (key === '') labels.refuse('Invalid value: key must not be empty');
  }
  checkPorts(spec, at);
  checkResolution(spec, at);
  checkExportTo(spec.exportTo ?? [], namespace, at.property('exportTo'));
}

function checkPorts(
  { ports = [], hosts, resolution = 'NONE' }: ServiceEntrySpec,
  at: Reading,
): void {
  for (const [index, { name, protocol = '' }] of ports.entries()) {
    const place = at.property('ports').item(index);
    if (!isDnsLabel(name)) {
      place.property('name').refuse(`Invalid value: ${at.quote(name)}: not a port's name`);
    }
    if (protocol !== '' && protocolOf(protocol) === undefined) {
      place.property('protocol').refuse(`Unsupported value: ${at.quote(protocol)}`);
    }
  }
  // Nothing in raw TCP tells which of several hosts a client means.
  if (resolution === 'NONE' || hosts.length < 2) return;
  if (ports.every(({ protocol = '' }) => isNamingHosts(protocol))) return;
  at.property('hosts').refuse('Invalid value: several hosts need HTTP or TLS on every port');
}

/** Does a client of this protocol say which host it means? */
function isNamingHosts(name: string): boolean {
  const protocol = protocolOf(name);
  return protocol !== undefined && (isHttp(protocol) || protocol === 'https' || protocol === 'tls');
}

function checkResolution(spec: ServiceEntrySpec, at: Reading): void {
  switch (spec.resolution) {
    case 'STATIC':
      return checkEndpoints(spec, at, { allowsHostname: false });
    case 'DNS':
    case 'DNS_ROUND_ROBIN':
      if ((spec.endpoints ?? []).length === 0) {
        refuseUnless(spec.hosts, at.property('hosts'), {
          isValid: isHostname,
          message: 'must be a full host name: without endpoints it is what DNS is asked for',
        });
      }
      return checkEndpoints(spec, at, { allowsHostname: true });
    case 'DYNAMIC_DNS':
      return checkDynamicDns(spec, at);
    case 'NONE':
    case undefined:
      return undefined;
  }
}

function checkEndpoints(
  { endpoints = [], ports = [] }: ServiceEntrySpec,
  at: Reading,
  { allowsHostname }: { readonly allowsHostname: boolean },
): void {
  const portNames = new Set(ports.map(({ name }) => name));
  for (const [index, endpoint] of endpoints.entries()) {
    const place = at.property('endpoints').item(index);
    checkWorkloadAddress(endpoint, place, { allowsHostname, portNames });
    const { address = '' } = endpoint;
    // What DNS is asked for is a name; a socket's path is none, and neither is nothing.
    if (allowsHostname && canonicalIp(address) === undefined && !isHostname(address)) {
      const wanted = 'must be an IP address or a host name';
      place.property('address').refuse(`Invalid value: ${at.quote(address)}: ${wanted}`);
    }
  }
}

/** Envoy's dynamic forward proxy takes the host from these. */
const NAMING_DYNAMIC: ReadonlySet<string> = new Set(['http', 'http2', 'grpc', 'tls']);

function checkDynamicDns(spec: ServiceEntrySpec, at: Reading): void {
  const { hosts, addresses = [], endpoints = [], ports = [] } = spec;
  if (!hosts.some((host) => host.startsWith('*'))) {
    at.property('hosts').refuse('Invalid value: DYNAMIC_DNS needs a wildcard host');
  }
  if (addresses.length > 0) {
    at.property('addresses').refuse('Forbidden: DYNAMIC_DNS goes by the host that a client names');
  }
  if (endpoints.length > 0) {
    at.property('endpoints').refuse('Forbidden: DYNAMIC_DNS looks its endpoints up');
  }
  for (const [index, { protocol = '' }] of ports.entries()) {
    if (NAMING_DYNAMIC.has(protocolOf(protocol) ?? 'auto')) continue;
    const place = at.property('ports').item(index).property('protocol');
    place.refuse('Invalid value: only HTTP, TLS, GRPC and HTTP2 go with DYNAMIC_DNS');
  }
}
