// Istio's rules that go beyond the schema, one row each: what is refused, and where that is said.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { renderViolation } from './object.ts';
import { parseIstioObject } from './parsers.ts';

const GROUPS: Readonly<Record<string, string>> = {
  AuthorizationPolicy: 'security.istio.io/v1',
  EnvoyFilter: 'networking.istio.io/v1alpha3',
  RequestAuthentication: 'security.istio.io/v1',
  Telemetry: 'telemetry.istio.io/v1',
};

function problemsOf(kind: string, spec: string): readonly string[] {
  const apiVersion = GROUPS[kind] ?? 'networking.istio.io/v1';
  const metadata = { name: 'it', namespace: 'shop' };
  const result = parseIstioObject({ apiVersion, kind, metadata, spec: parse(spec) });
  assert(result, kind);
  return result.ok ? [] : result.violations.map(renderViolation);
}

const inPolicy = (policy: string): string => `{ host: a.b, trafficPolicy: ${policy} }`;
const locality = (setting: string): string =>
  inPolicy(`{ loadBalancer: { localityLbSetting: ${setting} } }`);
const zones = (setting: string): string =>
  inPolicy(`{ loadBalancer: { zoneAwareLbSetting: ${setting} } }`);
const server = (rest: string): string => `{ servers: [{ hosts: [a.b], ${rest} }] }`;
const ingress = (rest: string): string => `{ ingress: [{ defaultEndpoint: ":80", ${rest} }] }`;
const route = (rest: string): string => `{ hosts: [a.b], http: [{ ${rest} }] }`;
const TO = 'route: [{ destination: { host: a.b } }]';
const rule = (source: string): string => `{ rules: [{ from: [{ source: ${source} }] }] }`;
const path = (text: string): string =>
  `{ rules: [{ to: [{ operation: { paths: ["${text}"] } }] }] }`;

const filter = (text: string): string =>
  JSON.stringify({ accessLogging: [{ filter: { expression: text } }] });

/** Kind, spec, the field that is named; undefined: accepted. */
const ROWS: readonly (readonly [kind: string, spec: string, field: string | undefined])[] = [
  ['DestinationRule', '{ host: a.b, subsets: [{ name: x }, { name: x }] }', 'spec.subsets[1].name'],
  ['DestinationRule', inPolicy('{ tunnel: { targetHost: a.b, targetPort: 1 } }'), undefined],
  [
    'DestinationRule',
    inPolicy('{ tunnel: { protocol: GET, targetHost: a.b, targetPort: 1 } }'),
    'spec.trafficPolicy.tunnel.protocol',
  ],
  [
    'DestinationRule',
    inPolicy('{ tunnel: { targetHost: "*.b", targetPort: 1 } }'),
    'spec.trafficPolicy.tunnel.targetHost',
  ],
  [
    'DestinationRule',
    inPolicy('{ connectionPool: { tcp: { tcpKeepalive: { time: 1.5ms } } } }'),
    'spec.trafficPolicy.connectionPool.tcp.tcpKeepalive.time',
  ],
  [
    'DestinationRule',
    inPolicy('{ loadBalancer: { consistentHash: { useSourceIp: true, maglev: {} } } }'),
    'spec.trafficPolicy.loadBalancer.consistentHash.maglev.tableSize',
  ],
  [
    'DestinationRule',
    inPolicy('{ loadBalancer: { consistentHash: { minimumRingSize: 9, ringHash: {} } } }'),
    'spec.trafficPolicy.loadBalancer.consistentHash',
  ],
  [
    'DestinationRule',
    inPolicy('{ loadBalancer: { localityLbSetting: {}, zoneAwareLbSetting: {} } }'),
    'spec.trafficPolicy.loadBalancer',
  ],
  [
    'DestinationRule',
    zones('{ failoverPriority: [topology.kubernetes.io/zone] }'),
    'spec.trafficPolicy.loadBalancer.zoneAwareLbSetting.failoverPriority[0]',
  ],
  [
    'DestinationRule',
    zones('{ failover: [{ from: a/b, to: c }] }'),
    'spec.trafficPolicy.loadBalancer.zoneAwareLbSetting.failover[0].from',
  ],
  [
    'DestinationRule',
    inPolicy('{ loadBalancer: { warmup: { duration: 1s, aggression: 0 } } }'),
    'spec.trafficPolicy.loadBalancer.warmup.aggression',
  ],
  [
    'DestinationRule',
    locality('{ distribute: [{ from: a/*, to: { a: 50, a/b: 50 } }] }'),
    'spec.trafficPolicy.loadBalancer.localityLbSetting.distribute[0].to',
  ],
  [
    'DestinationRule',
    locality('{ distribute: [{ from: "a/*/c", to: { a: 100 } }] }'),
    'spec.trafficPolicy.loadBalancer.localityLbSetting.distribute',
  ],
  [
    'DestinationRule',
    locality(
      '{ distribute: [{ from: a/x, to: { a/x: 60, a/y: 40 } }, { from: a/y, to: { b: 100 } }] }',
    ),
    undefined,
  ],
  ['DestinationRule', locality('{ distribute: [{ from: "*", to: { a: 100 } }] }'), undefined],
  [
    'DestinationRule',
    locality(
      '{ failover: [{ from: a, to: b }], failoverPriority: [topology.kubernetes.io/region] }',
    ),
    'spec.trafficPolicy.loadBalancer.localityLbSetting.failoverPriority[0]',
  ],
  [
    'DestinationRule',
    inPolicy('{ tls: { mode: SIMPLE, credentialName: a, caCrl: b } }'),
    'spec.trafficPolicy.tls.caCrl',
  ],
  [
    'DestinationRule',
    inPolicy('{ tls: { mode: SIMPLE, credentialName: "configmap://shop/a" } }'),
    undefined,
  ],
  [
    'DestinationRule',
    inPolicy('{ tls: { mode: SIMPLE, credentialName: "configmap://other/a" } }'),
    'spec.trafficPolicy.tls.credentialName',
  ],
  [
    'EnvoyFilter',
    '{ configPatches: [{ applyTo: CLUSTER, match: { context: WAYPOINT, waypoint: {} } }] }',
    undefined,
  ],
  [
    'WorkloadGroup',
    '{ template: { labels: { "a b": c } }, probe: { exec: { command: [] } } }',
    'spec.probe.exec.command',
  ],
  ...[
    'response.code >= 400',
    "request.headers['x-a'] == 'b' && !(connection.mtls || has(request.auth))",
    "response.code in [500, 503] ? true : -1 < size('a\\'b')",
    'xds.node["id"].matches(r"a\\d+")',
  ].map((text) => ['Telemetry', filter(text), undefined] as const),
  ...['', 'response.code >', '(a', 'a b', "'a", 'a = b', 'a & b', '&& a', 'a == [1,'].map(
    (text) => ['Telemetry', filter(text), 'spec.accessLogging[0].filter.expression'] as const,
  ),
  [
    'Gateway',
    server('port: { number: 80, name: a, protocol: HTTP, targetPort: 8080 }'),
    'spec.servers[0].port.targetPort',
  ],
  [
    'Gateway',
    server('port: { number: 80, name: a, protocol: TCP }, tls: { mode: PASSTHROUGH }'),
    'spec.servers[0].tls',
  ],
  [
    'Gateway',
    server(
      'port: { number: 443, name: a, protocol: TLS }, tls: { mode: PASSTHROUGH, ' +
        'credentialName: a, serverCertificate: b, privateKey: c }',
    ),
    'spec.servers[0].tls',
  ],
  [
    'Gateway',
    server(
      'port: { number: 443, name: a, protocol: TLS }, tls: { mode: ISTIO_MUTUAL, ' +
        'tlsCertificates: [{ serverCertificate: b, privateKey: c }] }',
    ),
    'spec.servers[0].tls.tlsCertificates',
  ],
  ['Sidecar', ingress('port: { number: 80, protocol: HTTP, name: a }'), undefined],
  [
    'Sidecar',
    ingress('port: { number: 80, protocol: HTTP, targetPort: 8080 }'),
    'spec.ingress[0].port.targetPort',
  ],
  [
    'Sidecar',
    ingress('port: { number: 80, protocol: HTTP, name: "a b" }'),
    'spec.ingress[0].port.name',
  ],
  [
    'Sidecar',
    ingress('port: { number: 80, protocol: HTTP }, bind: "unix:///a"'),
    'spec.ingress[0].bind',
  ],
  [
    'Sidecar',
    '{ outboundTrafficPolicy: { mode: ALLOW_ANY, egressProxy: { host: "*.b", port: { number: 1 } } } }',
    'spec.outboundTrafficPolicy.egressProxy.host',
  ],
  ['VirtualService', route(`${TO}, headers: { request: { set: { ":authority": x } } }`), undefined],
  [
    'VirtualService',
    route(`${TO}, headers: { request: { set: { ":path": x } } }`),
    'spec.http[0].headers.request.set[:path]',
  ],
  [
    'VirtualService',
    route(`${TO}, headers: { response: { add: { Host: x } } }`),
    'spec.http[0].headers.response.add[Host]',
  ],
  [
    'VirtualService',
    route(`${TO}, rewrite: { authority: x }, headers: { request: { set: { host: x } } }`),
    'spec.http[0]',
  ],
  [
    'VirtualService',
    route(`match: [{ headers: { "a b": { exact: x } } }], ${TO}`),
    'spec.http[0].match[0].headers[a b]',
  ],
  [
    'VirtualService',
    route(`match: [{ headers: { "@request.auth.claims.sub": { exact: x } } }], ${TO}`),
    'spec.http[0].match[0].headers[@request.auth.claims.sub]',
  ],
  [
    'VirtualService',
    route(`match: [{ uri: { regex: "${'a'.repeat(1025)}" } }], ${TO}`),
    'spec.http[0].match[0].uri.regex',
  ],
  ['VirtualService', route(`${TO}, retries: { attempts: 1, retryOn: "5xx,503" }`), undefined],
  [
    'VirtualService',
    route(`${TO}, retries: { attempts: 1, retryOn: "5xx,699" }`),
    'spec.http[0].retries.retryOn',
  ],
  [
    'VirtualService',
    route(`${TO}, retries: { attempts: 0, retryRemoteLocalities: true }`),
    'spec.http[0].retries.attempts',
  ],
  [
    'VirtualService',
    route('directResponse: { status: 503 }, fault: { delay: {} }'),
    'spec.http[0]',
  ],
  [
    'VirtualService',
    route(`${TO}, fault: { delay: { exponentialDelay: 1s } }`),
    'spec.http[0].fault.delay.exponentialDelay',
  ],
  [
    'VirtualService',
    route(`${TO}, corsPolicy: { allowMethods: [BREW] }`),
    'spec.http[0].corsPolicy.allowMethods[0]',
  ],
  [
    'VirtualService',
    route(`${TO}, corsPolicy: { allowOrigins: [{ exact: "" }] }`),
    'spec.http[0].corsPolicy.allowOrigins[0]',
  ],
  ['VirtualService', route('delegate: { name: a }, timeout: 1s'), undefined],
  ['VirtualService', route('redirect: { prefixRewrite: /b }, match: [{ port: 80 }]'), undefined],
  [
    'AuthorizationPolicy',
    '{ action: CUSTOM, provider: { name: p }, rules: [{ from: [{ source: { trustDomains: [a] } }] }] }',
    'spec.rules[0].from[0].source.trustDomains',
  ],
  ['AuthorizationPolicy', rule('{ serviceAccounts: [shop/a, b] }'), undefined],
  [
    'AuthorizationPolicy',
    rule('{ serviceAccounts: [a/b/c] }'),
    'spec.rules[0].from[0].source.serviceAccounts[0]',
  ],
  [
    'AuthorizationPolicy',
    rule('{ trustDomains: ["a*b"] }'),
    'spec.rules[0].from[0].source.trustDomains[0]',
  ],
  ['AuthorizationPolicy', path('/a/{*}/b/{**}'), undefined],
  ['AuthorizationPolicy', path('/a/{**}/{*}'), 'spec.rules[0].to[0].operation.paths[0]'],
  ['AuthorizationPolicy', path('/a/{id}'), 'spec.rules[0].to[0].operation.paths[0]'],
  ['AuthorizationPolicy', path('/{*}/a*'), 'spec.rules[0].to[0].operation.paths[0]'],
  ['RequestAuthentication', `{ jwtRules: [{ issuer: a, jwks: '{"keys":[]}' }] }`, undefined],
  [
    'RequestAuthentication',
    '{ jwtRules: [{ issuer: a, jwks: nonsense }] }',
    'spec.jwtRules[0].jwks',
  ],
];

for (const [kind, spec, field] of ROWS) {
  test(`${kind} ${spec.length > 110 ? `${spec.slice(0, 110)}…` : spec}`, () => {
    const problems = problemsOf(kind, spec);
    if (field === undefined) assert.deepEqual(problems, []);
    else assert(problems[0]?.startsWith(`${field}: `), `${problems.join('; ')} is not ${field}`);
  });
}
