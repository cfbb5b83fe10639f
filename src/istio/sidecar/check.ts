// Istio's rules for a Sidecar that its schema cannot say.
import { canonicalIp } from '#base/ip.ts';
import { protocolOf } from '../core/protocol.ts';
import { checkConnectionPool } from '../destinationrule/check.ts';
import { checkTls } from '../gateway/check.ts';
import { isPort } from '../kind-parts.ts';
import type { Reading } from '../schema/reading.ts';
import { isDnsLabel, isHostname, isPartialWildcard, isWildcardHostname } from '../syntax.ts';
import { checkDestination } from '../virtualservice/check-destination.ts';
import { UNIX } from '../workloadentry/schema.ts';
import type { EgressListener, IngressListener, SidecarPort, SidecarSpec } from './schema.ts';

export function checkSidecar(spec: SidecarSpec, at: Reading): void {
  const { ingress = [], egress = [], outboundTrafficPolicy, inboundConnectionPool } = spec;
  const hasPolicies = (outboundTrafficPolicy ?? inboundConnectionPool) !== undefined;
  if (ingress.length === 0 && egress.length === 0 && !hasPolicies) {
    at.refuse('Required value: it says nothing; name at least what goes in or out');
  }
  checkEgress(egress, at.property('egress'));
  checkIngress(ingress, at.property('ingress'));
  checkConnectionPool(inboundConnectionPool, at.property('inboundConnectionPool'));
  checkOutboundPolicy(outboundTrafficPolicy, at.property('outboundTrafficPolicy'));
}

function checkEgress(egress: readonly EgressListener[], at: Reading): void {
  const bound = new Set<string>();
  for (const [index, { port, bind = '', captureMode, hosts }] of egress.entries()) {
    const place = at.item(index);
    if (port === undefined && index < egress.length - 1) {
      place.property('port').refuse('Required value: only the last listener may be without one');
    }
    checkBind(bind, place.property('bind'));
    if (bind.startsWith(UNIX) && captureMode === 'IPTABLES') {
      place.property('captureMode').refuse('Forbidden: nothing leads to a unix socket');
    }
    if (port) checkPort(port, { at: place.property('port'), bind, bound });
    if (hosts.length === 0) place.property('hosts').refuse('Required value: at least one host');
    for (const [position, host] of hosts.entries()) {
      checkHost(host, place.property('hosts').item(position));
    }
  }
}

function checkIngress(ingress: readonly IngressListener[], at: Reading): void {
  const bound = new Set<string>();
  for (const [index, listener] of ingress.entries()) {
    const { port, bind = '', defaultEndpoint = '', connectionPool } = listener;
    const place = at.item(index);
    if (bind !== '' && canonicalIp(bind) === undefined) {
      place.property('bind').refuse(`Invalid value: ${at.quote(bind)}: must be an IP address`);
    }
    checkPort(port, { at: place.property('port'), bind, bound });
    checkEndpoint(defaultEndpoint, place.property('defaultEndpoint'));
    checkIngressTls(listener, place.property('tls'));
    checkConnectionPool(connectionPool, place.property('connectionPool'));
  }
}

function checkBind(bind: string, at: Reading): void {
  if (bind === '' || canonicalIp(bind) !== undefined || isSocketPath(bind)) return;
  at.refuse(`Invalid value: ${at.quote(bind)}: must be an IP address or unix:///path`);
}

/** An absolute path of a file, or an abstract socket. */
const isSocketPath = (text: string): boolean => /^unix:\/\/(@.|\/.)/.test(text);

function checkPort(
  { number = 0, protocol = '', name = '', targetPort = 0 }: SidecarPort,
  options: { readonly at: Reading; readonly bind: string; readonly bound: Set<string> },
): void {
  const { at, bind, bound } = options;
  if (protocol !== '' && protocolOf(protocol) === undefined) {
    at.property('protocol').refuse(`Unsupported value: ${at.quote(protocol)}`);
  }
  if (targetPort > 0) at.property('targetPort').refuse('Forbidden: it says nothing for a Sidecar');
  if (name !== '' && !isDnsLabel(name)) {
    at.property('name').refuse(`Invalid value: ${at.quote(name)}: not a port's name`);
  }
  const isUnix = bind.startsWith(UNIX);
  const key = isUnix ? bind : String(number);
  if (isUnix ? number !== 0 : !isPort(number)) {
    const rule = isUnix ? 'must be 0 for a unix socket' : 'must be 1 to 65535';
    at.property('number').refuse(`Invalid value: ${number}: ${rule}`);
  } else if (bound.has(key)) {
    at.property('number').refuse(`Duplicate value: ${key}`);
  }
  bound.add(key);
}

/** `namespace/dnsName`: which services of which namespace. */
function checkHost(text: string, at: Reading): void {
  const [namespace = '', name, ...rest] = text.split('/');
  if (name === undefined || rest.length > 0) {
    return void at.refuse(`Invalid value: ${at.quote(text)}: must be namespace/host`);
  }
  // `~` is nobody's namespace, `~ns` all but this one
  const isNamespace =
    ['*', '.', '~'].includes(namespace) || isDnsLabel(namespace.replace(/^~/, ''));
  if (!isNamespace) at.refuse(`Invalid value: ${at.quote(text)}: not a namespace's name`);
  if (name === '*') return;
  if (isPartialWildcard(name)) {
    at.refuse(`Invalid value: ${at.quote(text)}: * must be a whole label`);
  } else if (!isWildcardHostname(name)) {
    at.refuse(`Invalid value: ${at.quote(text)}: must be a host name, whose first label may be *`);
  } else if (!name.includes('.')) {
    at.refuse(`Invalid value: ${at.quote(text)}: short names are not allowed`);
  }
}

/** Where the proxy delivers to: the workload itself. */
function checkEndpoint(text: string, at: Reading): void {
  if (text === '' || isSocketPath(text)) return;
  const [, port = ''] = /^(?:127\.0\.0\.1|0\.0\.0\.0|\[::1?\])?:(\d{1,5})$/.exec(text) ?? [];
  if (isPort(Number(port))) return;
  const wanted = 'must be 127.0.0.1:<port>, 0.0.0.0:<port>, [::1]:<port>, [::]:<port> or unix://';
  at.refuse(`Invalid value: ${at.quote(text)}: ${wanted}`);
}

function checkIngressTls({ port, tls }: IngressListener, at: Reading): void {
  if (tls === undefined) return;
  const protocol = protocolOf(port.protocol ?? '');
  if (protocol !== 'https' && protocol !== 'tls') {
    at.refuse('Forbidden: only ports of HTTPS and TLS have TLS of their own');
  }
  if (tls.mode === 'ISTIO_MUTUAL' || tls.mode === 'AUTO_PASSTHROUGH') {
    at.property('mode').refuse(`Unsupported value: ${at.quote(tls.mode)}`);
  }
  const gatewaysOnly = ['subjectAltNames', 'credentialName', 'credentialNames'] as const;
  for (const name of [...gatewaysOnly, 'tlsCertificates', 'httpsRedirect'] as const) {
    if (tls[name] === undefined || tls[name] === false || tls[name] === '') continue;
    at.property(name).refuse('Forbidden: only gateways have it');
  }
  checkTls(tls, at);
}

function checkOutboundPolicy(policy: SidecarSpec['outboundTrafficPolicy'], at: Reading): void {
  const proxy = policy?.egressProxy;
  if (proxy === undefined) return;
  const place = at.property('egressProxy');
  if (policy?.mode !== 'ALLOW_ANY') place.refuse('Forbidden: only where the mode is ALLOW_ANY');
  if (proxy.port === undefined) place.property('port').missing();
  checkDestination(proxy, place);
  if (!isHostname(proxy.host)) place.property('host').refuse('Invalid value: must be a host name');
}
