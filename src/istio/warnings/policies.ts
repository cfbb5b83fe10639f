// Advice about what selects workloads: policies, Telemetry, Sidecar.
import { isHttp, protocolOf } from '../core/protocol.ts';
import { fieldsOf, numberAt, objectsAt, textAt, textsAt } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { tlsWarnings } from './tls.ts';
import { advice } from './warning.ts';
import type { Warning } from './warning.ts';

export function selectorWarnings(spec: Fields): readonly Warning[] {
  const { selector } = spec;
  if (selector === undefined || selector === null) return [];
  if (Object.keys(fieldsOf(fieldsOf(selector)['matchLabels'])).length > 0) return [];
  return [advice('spec.selector', 'workload selector specified without labels')];
}

/** Attributes of the connection itself, which TCP has, too. */
const SOURCES_OF_TCP = [
  'principals',
  'notPrincipals',
  'namespaces',
  'notNamespaces',
  'serviceAccounts',
  'notServiceAccounts',
  'ipBlocks',
  'notIpBlocks',
  'remoteIpBlocks',
  'notRemoteIpBlocks',
];

const DENIES_TCP =
  'configured AuthorizationPolicy will deny all traffic to TCP ports under its scope due to the ' +
  'use of only HTTP attributes in a DENY rule; it is recommended to explicitly specify the port';

export function authorizationPolicyWarnings(spec: Fields): readonly Warning[] {
  const isDeny = textAt(spec, 'action') === 'DENY';
  const rules = isDeny ? objectsAt(spec, 'rules') : [];
  return [
    ...selectorWarnings(spec),
    ...rules.flatMap((rule, index) =>
      deniesAllTcp(rule) ? [advice(`spec.rules[${index}]`, DENIES_TCP)] : [],
    ),
  ];
}

/** What TCP cannot say is taken for true, so that a DENY holds for all of it. */
function deniesAllTcp(rule: Fields): boolean {
  const has = (fields: Fields, names: readonly string[]): boolean =>
    names.some((name) => Array.isArray(fields[name]));
  const sources = objectsAt(rule, 'from').map((it) => fieldsOf(it['source']));
  const operations = objectsAt(rule, 'to').map((it) => fieldsOf(it['operation']));
  if (operations.length > 0) return !operations.some((it) => has(it, ['ports', 'notPorts']));
  return sources.length > 0 && !sources.some((it) => has(it, SOURCES_OF_TCP));
}

/** The kinds of JSON Web Keys that hold a secret. */
const SECRET_FIELDS = ['d', 'k'];

export function requestAuthenticationWarnings(spec: Fields): readonly Warning[] {
  const rules = objectsAt(spec, 'jwtRules');
  return [
    ...selectorWarnings(spec),
    ...rules.flatMap((rule, index) =>
      keysOf(textAt(rule, 'jwks')).flatMap((key, position) => {
        if (!SECRET_FIELDS.some((name) => typeof key[name] === 'string')) return [];
        const message = `jwks key at index ${position} contains private key material`;
        const place = `spec.jwtRules[${index}].jwks`;
        return [advice(place, `${message}; only public keys are used for verification`)];
      }),
    ),
  ];
}

function keysOf(jwks: string): readonly Fields[] {
  try {
    return objectsAt(fieldsOf(JSON.parse(jwks)), 'keys');
  } catch {
    return []; // no JSON: that is a violation, not advice
  }
}

export function telemetryWarnings(spec: Fields): readonly Warning[] {
  const tracing = objectsAt(spec, 'tracing');
  const many = 'multiple tracing is not currently supported';
  return [
    ...selectorWarnings(spec),
    ...(tracing.length > 1 ? [advice('spec.tracing', many)] : []),
    ...tracing.flatMap((it, index) => {
      if (objectsAt(it, 'providers').length < 2) return [];
      const place = `spec.tracing[${index}].providers`;
      return [advice(place, 'multiple providers is not currently supported')];
    }),
    ...objectsAt(spec, 'metrics').flatMap((it, index) =>
      objectsAt(it, 'overrides').flatMap((override, position) => {
        if (!Object.hasOwn(fieldsOf(override['tagOverrides']), '')) return [];
        const place = `spec.metrics[${index}].overrides[${position}].tagOverrides`;
        return [advice(place, 'tagOverrides.name may not be empty')];
      }),
    ),
  ];
}

export function sidecarWarnings(spec: Fields, { metadata }: KubeObject): readonly Warning[] {
  const { workloadSelector } = spec;
  const labels = fieldsOf(fieldsOf(workloadSelector)['labels']);
  const isEmpty = workloadSelector !== undefined && Object.keys(labels).length === 0;
  const empty = 'workload selector specified without labels, will be applied to all services in';
  return [
    ...(isEmpty ? [advice('spec.workloadSelector.labels', `${empty} namespace`)] : []),
    ...objectsAt(spec, 'ingress').flatMap((it, index) =>
      ingressWarnings(it, `spec.ingress[${index}]`),
    ),
    ...objectsAt(spec, 'egress').flatMap(({ hosts }, index) =>
      hostWarnings(textsAt({ hosts }, 'hosts'), metadata.namespace ?? '', index),
    ),
  ];
}

function ingressWarnings(listener: Fields, field: string): readonly Warning[] {
  const port = fieldsOf(listener['port']);
  const name = textAt(port, 'protocol');
  const protocol = protocolOf(name);
  const tls =
    listener['tls'] === undefined ? [] : tlsWarnings(fieldsOf(listener['tls']), `${field}.tls`);
  const hasHttp = fieldsOf(listener['connectionPool'])['http'] !== undefined;
  if (!hasHttp || listener['port'] === undefined) return tls;
  if (protocol !== undefined && isHttp(protocol)) return tls;
  const where = `port ${numberAt(port, 'number') ?? 0} (${JSON.stringify(textAt(port, 'name'))})`;
  const message =
    `HTTP connection pool settings are configured for ${where} but its protocol is not HTTP ` +
    `(${name}); only TCP settings will apply`;
  return [...tls, advice(`${field}.connectionPool.http`, message)];
}

/** Hosts that an earlier one covers; Istio reads them in order. */
function hostWarnings(
  hosts: readonly string[],
  namespace: string,
  index: number,
): readonly Warning[] {
  const seen = new Map<string, Set<string>>();
  const warnings: Warning[] = [];
  for (const [position, host] of hosts.entries()) {
    const slash = host.indexOf('/');
    if (slash < 0 || host.startsWith('~')) continue;
    const own = host.slice(0, slash) === '.' ? namespace : host.slice(0, slash);
    const name = host.slice(slash + 1);
    const known = seen.get(own) ?? new Set<string>();
    seen.set(own, known);
    const isRepeated = name === '*' ? known.size > 0 : known.has(name) || known.has('*');
    const place = `spec.egress[${index}].hosts[${position}]`;
    if (isRepeated) warnings.push(advice(place, `duplicated egress host: ${host}`));
    known.add(name);
  }
  if (seen.get('*')?.has('*') && seen.size > 1) {
    const message = '`*/*` host select all resources, no other hosts can be added';
    warnings.push(advice(`spec.egress[${index}].hosts`, message));
  }
  return warnings;
}
