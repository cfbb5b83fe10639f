// Istio's rules for a Gateway that its schema cannot say.
import { canonicalIp } from '#base/ip.ts';
import { isHttp, protocolOf } from '../core/protocol.ts';
import { isPort } from '../kind-parts.ts';
import type { Reading } from '../schema/reading.ts';
import { isDnsLabel, isPartialWildcard, isWildcardHostname } from '../syntax.ts';
import type { GatewaySpec, ServerSpec, ServerTlsSpec } from './schema.ts';

const UNIX = 'unix://';

export function checkGateway({ servers = [] }: GatewaySpec, at: Reading): void {
  if (servers.length === 0) at.property('servers').refuse('Required value: at least one server');
  const names = new Set<string>();
  for (const [index, server] of servers.entries()) {
    const place = at.property('servers').item(index);
    const { name } = server.port;
    const portName = place.property('port').property('name');
    if (name === '') portName.missing();
    else if (names.has(name)) portName.refuse(`Duplicate value: ${at.quote(name)}`);
    names.add(name);
    checkServer(server, place);
  }
}

function checkServer(server: ServerSpec, at: Reading): void {
  const { port, bind = '', hosts, tls } = server;
  if (hosts.length === 0) at.property('hosts').refuse('Required value: at least one host');
  for (const [index, host] of hosts.entries()) checkHost(host, at.property('hosts').item(index));
  const isUnix = bind.startsWith(UNIX);
  if (isUnix ? port.number !== 0 : !isPort(port.number)) {
    const rule = isUnix ? 'must be 0 for a unix socket' : 'must be 1 to 65535';
    at.property('port').property('number').refuse(`Invalid value: ${port.number}: ${rule}`);
  }
  if (bind !== '' && !isUnix && canonicalIp(bind) === undefined) {
    at.property('bind').refuse(`Invalid value: ${at.quote(bind)}: must be an IP address`);
  }
  if ((port.targetPort ?? 0) > 0) {
    at.property('port').property('targetPort').refuse('Forbidden: it says nothing for a Gateway');
  }
  const protocol = protocolOf(port.protocol);
  if (protocol === undefined || protocol === 'udp') {
    const place = at.property('port').property('protocol');
    place.refuse(`Unsupported value: ${at.quote(port.protocol)}`);
    return;
  }
  const needsTls = protocol === 'https' || protocol === 'tls';
  if (needsTls && tls === undefined) at.property('tls').missing();
  if (tls === undefined) return;
  if (!needsTls && !isHttp(protocol)) {
    at.property('tls').refuse('Forbidden: only servers of HTTPS and TLS have TLS');
  } else if (!needsTls && !isRedirectOnly(tls)) {
    at.property('tls').refuse('Forbidden: a server in plaintext can only redirect to HTTPS');
  }
  checkTls(tls, at.property('tls'));
}

/** `host`, or `namespace/host` for the VirtualServices of one namespace. */
function checkHost(text: string, at: Reading): void {
  const parts = text.split('/');
  const [namespace, host = ''] = parts.length === 1 ? ['*', text] : parts;
  const isNamespace = namespace === '*' || namespace === '.' || isDnsLabel(namespace ?? '');
  if (parts.length > 2 || !isNamespace) {
    at.refuse(`Invalid value: ${at.quote(text)}: must be a host, or namespace/host`);
  } else if (canonicalIp(host) !== undefined) {
    return;
  } else if (isPartialWildcard(host)) {
    at.refuse(`Invalid value: ${at.quote(text)}: * must be a whole label`);
  } else if (!isWildcardHostname(host)) {
    at.refuse(`Invalid value: ${at.quote(text)}: must be a host name, whose first label may be *`);
  } else if (host !== '*' && !host.includes('.')) {
    at.refuse(`Invalid value: ${at.quote(text)}: short names are not allowed`);
  }
}

/** Nothing but `httpsRedirect`, which is about a server in plaintext. */
const isRedirectOnly = (tls: ServerTlsSpec): boolean =>
  Object.entries(tls).every(
    ([name, value]) => name === 'httpsRedirect' || (name === 'mode' && value === 'PASSTHROUGH'),
  );

const MORE_CERTIFICATES = ['tlsCertificates', 'credentialName', 'credentialNames'] as const;

export function checkTls(tls: ServerTlsSpec, at: Reading): void {
  const files = ['serverCertificate', 'privateKey', 'caCertificates'] as const;
  const isSet = (name: keyof ServerTlsSpec): boolean => (tls[name] ?? '') !== '';
  switch (tls.mode) {
    case 'ISTIO_MUTUAL':
      for (const name of [...files, ...MORE_CERTIFICATES] as const) {
        if (isSet(name)) at.property(name).refuse('Forbidden: the mesh has its own certificates');
      }
      return;
    case 'SIMPLE':
    case 'MUTUAL':
    case 'OPTIONAL_MUTUAL':
      return checkCertificates(tls, { isSet, at });
    case 'PASSTHROUGH':
    case 'AUTO_PASSTHROUGH':
    case undefined:
      checkSources(isSet, at);
      if (isSet('caCrl') && isSet('credentialName')) {
        at.property('caCrl').refuse('Forbidden: the credential has it');
      }
      return undefined;
  }
}

/** A server that ends TLS has its certificate in exactly one of the places where it may be. */
function checkCertificates(
  tls: ServerTlsSpec,
  { isSet, at }: { readonly isSet: (name: keyof ServerTlsSpec) => boolean; readonly at: Reading },
): void {
  checkSources(isSet, at);
  if (isSet('credentialName') || isSet('credentialNames')) return;
  if (tls.mode === 'SIMPLE' && isSet('caCrl')) {
    at.property('caCrl').refuse('Forbidden: SIMPLE asks for no client certificate');
  }
  const pairs = tls.tlsCertificates ?? [tls];
  const place = (index: number): Reading =>
    tls.tlsCertificates === undefined ? at : at.property('tlsCertificates').item(index);
  for (const [index, pair] of pairs.entries()) {
    if ((pair.serverCertificate ?? '') === '') place(index).property('serverCertificate').missing();
    if ((pair.privateKey ?? '') === '') place(index).property('privateKey').missing();
  }
  const asksForClients = tls.mode !== 'SIMPLE';
  if (asksForClients && !isSet('caCertificates') && !isSet('caCertCredentialName')) {
    at.property('caCertificates').missing();
  }
}

function checkSources(isSet: (name: keyof ServerTlsSpec) => boolean, at: Reading): void {
  const hasFiles = isSet('serverCertificate') && isSet('privateKey');
  const sources = MORE_CERTIFICATES.filter((name) => isSet(name)).length + (hasFiles ? 1 : 0);
  if (sources <= 1) return;
  const places = 'credentialName, credentialNames, tlsCertificates, serverCertificate/privateKey';
  at.refuse(`Invalid value: only one of ${places}`);
}
