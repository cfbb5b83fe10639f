// Istio's rules for a DestinationRule that its schema cannot say.
import { durationMs } from '../duration.ts';
import { canonicalIp } from '#base/ip.ts';
import { isPort } from '../kind-parts.ts';
import type { Reading } from '../schema/reading.ts';
import {
  checkExportTo,
  checkLabels,
  isDnsLabel,
  isHostname,
  isWildcardHostname,
} from '../syntax.ts';
import { checkLoadBalancer } from './check-load-balancer.ts';
import type {
  ClientTlsSpec,
  DestinationRuleSpec,
  PortPolicySpec,
  TrafficPolicySpec,
} from './schema.ts';

export function checkDestinationRule(
  spec: DestinationRuleSpec,
  namespace: string,
  at: Reading,
): void {
  if (!isWildcardHostname(spec.host)) {
    const rule = 'must be a host name, whose first label may be *';
    at.property('host').refuse(`Invalid value: ${at.quote(spec.host)}: ${rule}`);
  }
  checkExport(spec, namespace, at.property('exportTo'));
  checkTrafficPolicy(spec.trafficPolicy, at.property('trafficPolicy'));
  checkCredentials(spec, namespace, at);
  const names = new Set<string>();
  for (const [index, subset] of (spec.subsets ?? []).entries()) {
    const place = at.property('subsets').item(index);
    if (names.has(subset.name)) {
      place.property('name').refuse(`Duplicate value: ${at.quote(subset.name)}`);
    }
    names.add(subset.name);
    if (!isDnsLabel(subset.name)) {
      place.property('name').refuse(`Invalid value: ${at.quote(subset.name)}: not a subset's name`);
    }
    checkLabels(subset.labels ?? {}, place.property('labels'));
    checkTrafficPolicy(subset.trafficPolicy, place.property('trafficPolicy'));
  }
}

/** A ConfigMap's certificates are taken from the rule's own namespace. */
function checkCredentials(
  { trafficPolicy, subsets = [] }: DestinationRuleSpec,
  namespace: string,
  at: Reading,
): void {
  const check = (policy: TrafficPolicySpec | undefined, place: Reading): void => {
    const settings = [policy, ...(policy?.portLevelSettings ?? [])];
    for (const [index, setting] of settings.entries()) {
      const name = setting?.tls?.credentialName ?? '';
      const isOwn = namespace !== '' && name.startsWith(`configmap://${namespace}/`);
      if (!name.startsWith('configmap://') || isOwn) continue;
      const of = index === 0 ? place : place.property('portLevelSettings').item(index - 1);
      const rule = `must be configmap://${namespace}/<name>`;
      of.property('tls')
        .property('credentialName')
        .refuse(`Invalid value: ${at.quote(name)}: ${rule}`);
    }
  };
  check(trafficPolicy, at.property('trafficPolicy'));
  for (const [index, subset] of subsets.entries()) {
    check(subset.trafficPolicy, at.property('subsets').item(index).property('trafficPolicy'));
  }
}

function checkExport(
  { exportTo = [], workloadSelector }: DestinationRuleSpec,
  namespace: string,
  at: Reading,
): void {
  checkExportTo(exportTo, namespace, at);
  if (exportTo.includes('~')) at.refuse('Invalid value: ~ is for services only');
  if (workloadSelector === undefined || exportTo.length === 0) return;
  if (exportTo.length > 1 || exportTo[0] !== '.') {
    at.refuse('Invalid value: a rule with a workloadSelector is for its own namespace (.) only');
  }
}

function checkTrafficPolicy(policy: TrafficPolicySpec | undefined, at: Reading): void {
  if (policy === undefined) return;
  if (Object.keys(policy).length === 0) at.refuse('Required value: at least one field');
  if (policy.tunnel && policy.proxyProtocol) {
    at.refuse('Invalid value: only one of tunnel, proxyProtocol');
  }
  checkSettings(policy, at);
  const { tunnel, retryBudget, portLevelSettings = [] } = policy;
  checkPrecision(
    retryBudget?.budgetInterval,
    at.property('retryBudget').property('budgetInterval'),
  );
  if (tunnel) checkTunnel(tunnel, at.property('tunnel'));
  for (const [index, setting] of portLevelSettings.entries()) {
    const place = at.property('portLevelSettings').item(index);
    const { port, ...rest } = setting;
    if (!isPort(port?.number ?? 0)) {
      place.property('port').property('number').refuse('Invalid value: must be 1 to 65535');
    }
    if (Object.keys(rest).length === 0) place.refuse('Required value: at least one field');
    checkSettings(rest, place);
  }
}

function checkTunnel(
  { protocol = '', targetHost, targetPort }: NonNullable<TrafficPolicySpec['tunnel']>,
  at: Reading,
): void {
  if (!['', 'CONNECT', 'POST'].includes(protocol)) {
    at.property('protocol').refuse(`Unsupported value: ${at.quote(protocol)}: CONNECT or POST`);
  }
  if (!isHostname(targetHost) && canonicalIp(targetHost) === undefined) {
    const rule = 'must be a host name or an IP address';
    at.property('targetHost').refuse(`Invalid value: ${at.quote(targetHost)}: ${rule}`);
  }
  if (!isPort(targetPort)) at.property('targetPort').refuse('Invalid value: must be 1 to 65535');
}

/** What a policy says as a whole, and may say anew for a port. */
type Settings = Omit<PortPolicySpec, 'port'>;

function checkSettings(settings: Settings, at: Reading): void {
  checkConnectionPool(settings.connectionPool, at.property('connectionPool'));
  checkOutlierDetection(settings.outlierDetection, at.property('outlierDetection'));
  checkLoadBalancer(settings.loadBalancer, at.property('loadBalancer'));
  const warmup = at.property('loadBalancer').property('warmup');
  checkPrecision(settings.loadBalancer?.warmup?.duration, warmup.property('duration'));
  checkClientTls(settings.tls, at.property('tls'));
}

export function checkConnectionPool(pool: Settings['connectionPool'], at: Reading): void {
  if (pool === undefined) return;
  const { tcp, http } = pool;
  if (tcp === undefined && http === undefined) at.refuse('Required value: at least one field');
  for (const [name, part] of Object.entries({ tcp, http })) {
    if (part === undefined) continue;
    const place = at.property(name);
    if (Object.keys(part).length === 0) place.refuse('Required value: at least one field');
    for (const [field, value] of Object.entries(part)) {
      if (typeof value === 'number' && value < 0) {
        place.property(field).refuse('Invalid value: must not be negative');
      }
      if (typeof value === 'string' && field !== 'h2UpgradePolicy') {
        checkPrecision(value, place.property(field));
      }
    }
  }
  if (http?.h2UpgradePolicy === 'UPGRADE' && http.useClientProtocol === true) {
    const message = 'Invalid value: cannot be set together with an upgrade to HTTP/2';
    at.property('http').property('useClientProtocol').refuse(message);
  }
  const probing = at.property('tcp').property('tcpKeepalive');
  checkPrecision(tcp?.tcpKeepalive?.time, probing.property('time'));
  checkPrecision(tcp?.tcpKeepalive?.interval, probing.property('interval'));
  const keepAlive = http?.http2KeepAlive;
  const place = at.property('http').property('http2KeepAlive');
  checkPrecision(keepAlive?.interval, place.property('interval'));
  checkPrecision(keepAlive?.timeout, place.property('timeout'));
  if (keepAlive && keepAlive.interval === undefined) place.property('interval').missing();
  if (keepAlive && keepAlive.timeout === undefined) place.property('timeout').missing();
}

function checkOutlierDetection(outlier: Settings['outlierDetection'], at: Reading): void {
  if (outlier === undefined) return;
  checkPrecision(outlier.interval, at.property('interval'));
  checkPrecision(outlier.baseEjectionTime, at.property('baseEjectionTime'));
  for (const name of ['maxEjectionPercent', 'minHealthPercent'] as const) {
    const percent = outlier[name] ?? 0;
    if (percent < 0 || percent > 100) {
      at.property(name).refuse(`Invalid value: ${percent}: must be a percentage, 0 to 100`);
    }
  }
  const isSplit = outlier.splitExternalLocalOriginErrors === true;
  if ((outlier.consecutiveLocalOriginFailures ?? 0) > 0 && !isSplit) {
    const message = 'Forbidden: only with splitExternalLocalOriginErrors';
    at.property('consecutiveLocalOriginFailures').refuse(message);
  }
}

function checkClientTls(tls: ClientTlsSpec | undefined, at: Reading): void {
  if (tls === undefined) return;
  const { mode = 'DISABLE', credentialName = '', subjectAltNames = [] } = tls;
  const files = (['clientCertificate', 'privateKey', 'caCertificates', 'caCrl'] as const).filter(
    (name) => (tls[name] ?? '') !== '',
  );
  if (mode !== 'SIMPLE' && mode !== 'MUTUAL') return;
  if (tls.insecureSkipVerify === true) {
    const isNamed = mode === 'SIMPLE' && credentialName !== '';
    if (isNamed || files.includes('caCertificates') || subjectAltNames.length > 0) {
      const message = 'Forbidden: says not to verify what other fields say how to verify';
      at.property('insecureSkipVerify').refuse(message);
    }
  }
  if (credentialName !== '') {
    for (const name of files) at.property(name).refuse('Forbidden: the credential has it');
  } else if (mode === 'MUTUAL') {
    for (const name of ['clientCertificate', 'privateKey'] as const) {
      if (!files.includes(name)) at.property(name).missing();
    }
  }
}

/** Envoy counts most durations in milliseconds; Istio refuses what would be rounded. */
function checkPrecision(text: string | undefined, at: Reading): void {
  if (text === undefined) return;
  const ms = durationMs(text);
  if (ms === undefined) at.refuse(`Invalid value: ${at.quote(text)}: must be a duration`);
  else if (!isWholeMs(ms)) at.refuse(`Invalid value: ${at.quote(text)}: finer than a millisecond`);
}

/** Sums of decimal fractions are not exact in binary. */
const isWholeMs = (ms: number): boolean => Math.abs(ms - Math.round(ms)) < 1e-7;
