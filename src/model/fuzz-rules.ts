// For tests: random DestinationRules and Sidecars, and settings of the mesh, with all that is acted
// on. They go with the objects of fuzz-objects.ts.
import * as fc from 'fast-check';
import { PROVIDERS } from './fuzz-policies.ts';

const one = fc.constantFrom;
const often = <T>(value: T): T[] => [value, value, value, value, value];
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const locality = one(
  { enabled: false },
  { failover: [{ from: 'r', to: 's' }] },
  { distribute: [{ from: 'r/*', to: { 'r/z/*': 80, '*': 20 } }] },
  { failoverPriority: ['topology.istio.io/network', 'version'] },
  { failoverPriority: ['app=y'], failover: [{ from: 'r', to: 's' }] },
);

const blocks = {
  tls: maybe(
    one<object>(
      { mode: 'DISABLE' },
      { mode: 'ISTIO_MUTUAL' },
      { mode: 'ISTIO_MUTUAL', sni: 'other', subjectAltNames: ['spiffe://x/y'] },
      { mode: 'SIMPLE', caCertificates: '/ca' },
      { mode: 'SIMPLE', credentialName: 'c' },
      { mode: 'MUTUAL', clientCertificate: '/c', privateKey: '/k' },
    ),
  ),
  loadBalancer: maybe(
    one<object>(
      { simple: 'RANDOM' },
      { simple: 'PASSTHROUGH' },
      { simple: 'ROUND_ROBIN', warmup: { duration: '1s' } },
      { consistentHash: { useSourceIp: true } },
      { consistentHash: { httpHeaderName: 'x', maglev: { tableSize: 5 } } },
    ).chain((balancer) =>
      maybe(locality).map((setting) => ({
        ...balancer,
        ...(setting && { localityLbSetting: setting }),
      })),
    ),
  ),
  connectionPool: maybe(
    one<object>(
      { tcp: { maxConnections: 3, connectTimeout: '1s' } },
      { http: { h2UpgradePolicy: 'UPGRADE', maxRequestsPerConnection: 1 } },
      { tcp: { idleTimeout: '1h' }, http: { useClientProtocol: true } },
    ),
  ),
  outlierDetection: maybe(
    one<object>({}, { consecutive5xxErrors: 1, minHealthPercent: 10 }, { interval: '1s' }),
  ),
};

const portPolicy = one(80, 5432).chain((number) =>
  fc.record({ port: fc.constant({ number }), ...blocks }),
);

const trafficPolicy = fc.record({
  ...blocks,
  proxyProtocol: one(...often(undefined), { version: 'V2' }),
  retryBudget: one(...often(undefined), { percent: 10 }),
  portLevelSettings: one<fc.Arbitrary<readonly object[] | undefined>>(
    ...often(fc.constant(undefined)),
    fc.array(portPolicy, { minLength: 1, maxLength: 2 }),
  ).chain((settings) => settings),
});

/** @param hosts full names and wildcards */
export const destinationRuleSpec = (hosts: readonly string[]) =>
  fc.record({
    host: one(...hosts, 's1', 's2', '*.local', '*', '*.example.com'),
    exportTo: one(undefined, ['*'], ['.'], ['a'], ['b', 'a'], ['~']),
    trafficPolicy: maybe(trafficPolicy),
    subsets: maybe(
      fc.tuple(maybe(trafficPolicy), maybe(trafficPolicy)).map(([first, second]) => [
        { name: 'v1', labels: { version: '1' }, trafficPolicy: first },
        { name: 'v2', trafficPolicy: second },
      ]),
    ),
    workloadSelector: one(
      ...often(undefined),
      { matchLabels: { app: 'x' } },
      { matchLabels: { version: '1' } },
    ),
  });

const egressHosts = one(
  ['*/*'],
  ['./*'],
  ['~/*'],
  ['b/*'],
  ['~b/*'],
  ['*/*.svc.cluster.local', './ext.example.com'],
  ['a/s1.a.svc.cluster.local'],
);

const delivery = one(undefined, '127.0.0.1:9000', '0.0.0.0:9000', 'unix:///run/app.sock');

export const sidecarSpec = fc.record({
  workloadSelector: one(undefined, undefined, { labels: { app: 'x' } }, { labels: { app: 'y' } }),
  egress: one<fc.Arbitrary<readonly object[] | undefined>>(
    fc.constant(undefined),
    egressHosts.map((hosts) => [{ hosts }]),
    egressHosts.map((hosts) => [
      { port: { number: 80, protocol: 'HTTP', name: 'http' }, hosts: ['*/*'] },
      { hosts },
    ]),
  ).chain((egress) => egress),
  ingress: one<fc.Arbitrary<readonly object[] | undefined>>(
    ...often(fc.constant(undefined)),
    fc
      .tuple(delivery, one(80, 8080))
      .map(([defaultEndpoint, number]) => [
        { port: { number, protocol: 'HTTP', name: 'http' }, defaultEndpoint },
      ]),
  ).chain((ingress) => ingress),
  inboundConnectionPool: one(...often(undefined), { tcp: { maxConnections: 2 } }),
  outboundTrafficPolicy: one(undefined, {}, { mode: 'ALLOW_ANY' }, { mode: 'REGISTRY_ONLY' }),
});

export const proxyConfigSpec = fc.record({
  selector: one(undefined, undefined, { matchLabels: { app: 'x' } }),
  concurrency: one(undefined, 0, 2),
  environmentVariables: one(undefined, { A: 'a' }, { A: 'b', B: 'b' }),
});

/** Keys of the ConfigMap. */
export const meshSettings = one<Readonly<Record<string, string>>>(
  {},
  { mesh: 'rootNamespace: a\nenableAutoMtls: false\n' },
  { mesh: 'defaultServiceExportTo: ["."]\nconnectTimeout: 5s\n' },
  { mesh: 'defaultDestinationRuleExportTo: ["."]\nh2UpgradePolicy: UPGRADE\n' },
  { mesh: 'defaultVirtualServiceExportTo: ["."]\ndefaultConfig: { concurrency: 3 }\n' },
  {
    mesh: 'localityLbSetting: { enabled: false }\noutboundTrafficPolicy: { mode: REGISTRY_ONLY }\n',
  },
  { mesh: 'localityLbSetting: { failoverPriority: [version] }\n' },
  { mesh: PROVIDERS },
  { mesh: `${PROVIDERS}\ndefaultProviders: { accessLogging: [file] }` },
  { mesh: 'enableAutoMtls: perhaps\n' },
  { mesh: '{' },
  {
    meshNetworks:
      'networks: { net1: { gateways: [{ address: 203.0.113.50, port: 443 }] }, ' +
      'net2: { endpoints: [{ fromRegistry: Kubernetes }] } }',
  },
  {
    meshNetworks:
      'networks: { net1: { endpoints: [{ fromCidr: 10.128.0.0/16 }], gateways: ' +
      '[{ registryServiceName: s1.a.svc.cluster.local, port: 443 }] } }',
  },
);
