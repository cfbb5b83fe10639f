// For tests: random Kubernetes objects of every kind that the mesh is made of, from pools so small
// that they meet: the same names, labels, hosts and addresses, orphans, and now and then nonsense.
import * as fc from 'fast-check';
import type { KubeObject } from '#kube/objects.ts';
import * as kube from '#kube/resources.ts';
import type { ResourceType } from '#kube/resources.ts';
import { authorizationSpec, requestAuthenticationSpec, telemetrySpec } from './fuzz-policies.ts';
import { destinationRuleSpec, meshSettings, proxyConfigSpec, sidecarSpec } from './fuzz-rules.ts';

export const NAMESPACES = ['a', 'b', 'istio-system'];
/** Most objects share a namespace, so that they have to do with each other. */
const OFTEN_A = ['a', 'a', 'a', 'a', 'b', 'b', 'istio-system'];
export const CLUSTER_IPS = ['10.96.0.1', '10.96.0.2'];
export const POD_IPS = ['10.24.0.1', '10.24.0.2', '10.24.0.3'];
export const VM_IPS = ['10.128.0.1', '10.128.0.2'];
export const OTHER_IPS = ['240.240.0.7', '203.0.113.9'];
export const PORTS = [80, 5432, 8080];
const HOSTS = [
  's1.a.svc.cluster.local',
  's2.b.svc.cluster.local',
  'ext.example.com',
  '*.w.example',
];
const AGES = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', '2026-01-03T00:00:00Z'];

/** One object as it is written, or (`deleted`) goes. */
export type Written = {
  readonly type: ResourceType;
  readonly object: KubeObject;
  readonly change: 'applied' | 'deleted';
};

const one = fc.constantFrom;
const often = <T>(value: T): T[] => [value, value, value, value, value];
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const app = one('x', 'x', 'x', 'y');
const labels = fc.oneof(
  fc.constant({}),
  fc.record({ app }),
  fc.record({ app, version: one('1', '2') }),
  fc.record({ app, 'security.istio.io/tlsMode': one('istio', 'disabled') }),
);
const exportTo = one(undefined, ['*'], ['.'], ['~'], ['a'], ['b', 'a']);

type MetaOptions = {
  readonly names: readonly string[];
  readonly namespaces?: readonly string[];
  readonly annotations?: fc.Arbitrary<Record<string, string>>;
};

/** Names decide which object it is; the rest of the metadata may differ from write to write. */
const meta = ({ names, namespaces = OFTEN_A, annotations = fc.constant({}) }: MetaOptions) =>
  fc.record({
    name: one(...names),
    namespace: one(...namespaces),
    creationTimestamp: one(...AGES),
    labels,
    annotations,
  });

const servicePorts = one(
  [{ port: 80, name: 'http', targetPort: 8080 }],
  [{ port: 5432, name: 'tcp' }],
  [
    { port: 80, name: 'web', targetPort: 'web' },
    { port: 5432, name: 'postgres', appProtocol: 'tcp' },
  ],
  [{ port: 80, name: 'dns', protocol: 'UDP' }],
);

const service = fc.record({
  metadata: fc
    .tuple(
      meta({ names: ['s1', 's2'], annotations: one({}, { 'networking.istio.io/exportTo': '.' }) }),
      one<object>(...often({}), { 'topology.istio.io/network': 'net1' }),
    )
    .map(([metadata, network]) => ({ ...metadata, labels: { ...metadata.labels, ...network } })),
  spec: fc.record({
    type: one(...often('ClusterIP'), 'ExternalName'),
    clusterIP: one(...CLUSTER_IPS, 'None', ''),
    externalName: fc.constant('db.example.com'),
    ports: servicePorts,
    selector: one({}, ...often({ app: 'x' }), { app: 'x', version: '1' }),
    publishNotReadyAddresses: fc.boolean(),
    trafficDistribution: one(...often(undefined), 'PreferClose', 'PreferSameNode'),
    internalTrafficPolicy: one(...often(undefined), 'Local'),
    externalIPs: one(...often(undefined), ['203.0.113.60']),
  }),
});

const slice = fc.record({
  metadata: meta({ names: ['slice1', 'slice2'] }).chain((metadata) =>
    one('s1', 's2', '').map((name) => ({
      ...metadata,
      labels: name === '' ? {} : { 'kubernetes.io/service-name': name },
    })),
  ),
  ports: one([{ name: 'http', port: 8080 }], [{ name: 'tcp', port: 5432 }], []),
  endpoints: fc.array(
    fc.record({
      addresses: one(...POD_IPS, ...VM_IPS).map((ip) => [ip]),
      conditions: one({}, { ready: false }, { ready: false, terminating: true }),
      targetRef: one(undefined, { kind: 'Pod', name: 'p1' }, { kind: 'Pod', name: 'gone' }),
      nodeName: one(undefined, 'n1'),
    }),
    { maxLength: 3 },
  ),
});

const pod = fc.record({
  metadata: fc
    .tuple(
      meta({
        names: ['p1', 'p2'],
        annotations: one(...often({}), { 'inject.istio.io/templates': 'gateway' }),
      }),
      fc.boolean(),
    )
    .map(([metadata, isGoing]) => ({
      ...metadata,
      ...(isGoing && { deletionTimestamp: '2026-02-01T00:00:00Z' }),
    })),
  spec: fc.record({
    serviceAccountName: one('sa1', 'sa2'),
    nodeName: one('', 'n1'),
    containers: one([], [{ ports: [{ name: 'web', containerPort: 8081 }] }]),
  }),
  status: fc.record({
    phase: one(...often('Running'), 'Succeeded'),
    podIP: one(...POD_IPS, ...POD_IPS, ''),
    conditions: one([], [{ type: 'Ready', status: 'False' }]),
  }),
});

const LONG_NAME = `w-${'long-'.repeat(14)}name`;

const entrySpec = fc.record({
  address: one(...VM_IPS, ...POD_IPS, 'vm.example.com', '::1', 'unix:///run/vm.sock', undefined),
  ports: one(undefined, { tcp: 6432 }, { http: 9090 }),
  labels: one(undefined, { app: 'x' }, { app: 'y' }),
  serviceAccount: one(undefined, 'sa1'),
  network: one(undefined, 'net1'),
  locality: one(...often(undefined), 'r/z', 's'),
  weight: one(undefined, 3),
});

const workloadEntry = fc.record({
  metadata: meta({
    names: ['w1', LONG_NAME],
    annotations: one({}, { 'proxy.istio.io/health-checks-enabled': 'true' }),
  }),
  spec: fc.oneof({ weight: 8, arbitrary: entrySpec }, { weight: 1, arbitrary: one({}) }),
  status: one(undefined, { conditions: [{ type: 'Healthy', status: 'True' }] }),
});

const entryPorts = one(
  [{ number: 5432, name: 'tcp', protocol: 'TCP' }],
  [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 8080 }],
  [{ number: 8080, name: 'db' }],
);

const serviceEntry = fc.record({
  metadata: meta({ names: ['e1', 'e2'] }),
  spec: fc
    .record({
      hosts: one(...HOSTS.map((host) => [host])),
      addresses: one(
        undefined,
        ...[...CLUSTER_IPS, ...POD_IPS, ...OTHER_IPS].map((ip) => [ip]),
        ['240.240.0.0/24'],
        ['240.240.0.0/16'],
      ),
      ports: entryPorts,
      location: one(undefined, ...often('MESH_INTERNAL'), 'NOWHERE'),
      resolution: one(undefined, ...often('STATIC'), 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'),
      exportTo,
      subjectAltNames: one(undefined, ['spiffe://other/ns/a/sa/b']),
    })
    .chain((spec) =>
      one<object>(
        { ...spec },
        { ...spec, workloadSelector: { labels: { app: 'x' } } },
        { ...spec, endpoints: [{ address: VM_IPS[0] }, { address: VM_IPS[1], weight: 2 }] },
        { ...spec, endpoints: [{ address: VM_IPS[0], serviceAccount: 'sa1', network: 'net1' }] },
      ),
    ),
  status: one(
    ...often(undefined),
    { addresses: HOSTS.map((host, index) => ({ value: `240.240.9.${index}`, host })) },
    { addresses: [{ value: OTHER_IPS[0] }, { value: 'nonsense' }] },
  ),
});

const selector = one(
  undefined,
  undefined,
  { matchLabels: { app: 'x' } },
  { matchLabels: { app: 'y' } },
);
const mode = one('UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT');

const peerAuthentication = fc.record({
  metadata: meta({ names: ['pa1', 'pa2'] }),
  spec: fc.record({
    selector,
    mtls: maybe(fc.record({ mode })),
    portLevelMtls: one(
      ...often(undefined),
      { '5432': { mode: 'STRICT' }, '6432': { mode: 'DISABLE' } },
      { '8080': { mode: 'UNSET' } },
    ),
  }),
});

const peers = one(undefined, [], [{ mtls: {} }], [{ mtls: { mode: 'PERMISSIVE' } }]);

const meshPolicy = fc.record({
  metadata: fc.record({
    name: one(...often('default'), 'other'),
    creationTimestamp: one(...AGES),
  }),
  spec: fc.record({ peers }),
});

const legacyPolicy = fc.record({
  metadata: meta({ names: ['default', 'lp1', 'lp2'] }),
  spec: fc.record({
    peers,
    targets: one(
      undefined,
      [{ name: 's1' }],
      [{ name: 's1', ports: [{ number: 80 }] }, { name: 's2' }],
      [{ name: 's2', ports: [{ name: 'tcp' }] }],
    ),
  }),
});

const authorizationPolicy = fc.record({
  metadata: meta({
    names: ['ap1', 'ap2'],
    annotations: one(...often({}), { 'istio.io/dry-run': 'true' }, { 'istio.io/dry-run': '?' }),
  }),
  spec: authorizationSpec,
});

const requestAuthentication = fc.record({
  metadata: meta({ names: ['ra1', 'ra2'] }),
  spec: requestAuthenticationSpec,
});

const telemetry = fc.record({ metadata: meta({ names: ['t1', 't2'] }), spec: telemetrySpec });

const destinationRule = fc.record({
  metadata: meta({ names: ['dr1', 'dr2'] }),
  spec: destinationRuleSpec(HOSTS),
});

const sidecar = fc.record({ metadata: meta({ names: ['sc1', 'sc2'] }), spec: sidecarSpec });

const proxyConfig = fc.record({ metadata: meta({ names: ['pc1', 'pc2'] }), spec: proxyConfigSpec });

const gateway = fc.record({
  metadata: meta({ names: ['gw1', 'gw2'] }),
  spec: fc.record({
    selector: one(undefined, {}, ...often({ app: 'x' }), { app: 'x', version: '1' }),
    servers: fc.array(
      one(
        { port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] },
        {
          port: { number: 80, name: 'a', protocol: 'HTTP' },
          hosts: ['a/*.example', './b.example'],
        },
        {
          port: { number: 443, name: 'tls', protocol: 'TLS' },
          hosts: ['*.example'],
          tls: { mode: 'PASSTHROUGH' },
        },
        { port: { number: 5432, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] },
        {
          port: { number: 444, name: 'https', protocol: 'HTTPS' },
          hosts: ['*.example'],
          tls: { mode: 'SIMPLE', credentialName: 'c' },
        },
      ),
      { minLength: 1, maxLength: 2 },
    ),
  }),
});

const destination = one(
  { host: 's1' },
  { host: 's2.b.svc.cluster.local', port: { number: 80 } },
  { host: 'ext.example.com', subset: 'v1' },
).map((destination) => [{ destination }]);

const virtualService = fc.record({
  metadata: meta({ names: ['vs1', 'vs2'] }),
  spec: fc.record({
    hosts: one(['*'], ['*.example'], ['b.example', 'a.example']),
    gateways: one(['gw1'], ['a/gw1', 'gw2'], ['b/gw2']),
    exportTo,
    http: fc.array(
      fc.record({
        match: one(undefined, [{ uri: { prefix: '/a' } }], [{ gateways: ['gw1'] }]),
        route: destination,
      }),
      { minLength: 1, maxLength: 2 },
    ),
    tls: destination.map((route) => [{ match: [{ sniHosts: ['b.example'] }], route }]),
    tcp: destination.map((route) => [{ route }]),
  }),
});

const namespace = fc.record({
  metadata: fc.record({
    name: one(...NAMESPACES),
    labels: one({}, { 'topology.istio.io/network': 'net2' }),
  }),
});

const node = fc.record({
  metadata: fc.record({
    name: one('n1'),
    labels: one({}, { 'topology.kubernetes.io/region': 'r', 'topology.kubernetes.io/zone': 'z' }),
  }),
  status: fc.record({
    addresses: one([], [{ type: 'InternalIP', address: POD_IPS[2] }]),
  }),
});

const configMap = fc.record({
  metadata: fc.record({
    name: one('istio'),
    namespace: one('istio-system', 'istio-system', 'a'),
    annotations: one({}, { 'isthmus.dev/mesh-ranges': '10.96.0.0/16, 240.240.0.0/16' }),
  }),
  data: meshSettings,
});

const KINDS: readonly (readonly [ResourceType, number, fc.Arbitrary<KubeObject>])[] = [
  [kube.SERVICE, 3, service],
  [kube.ENDPOINT_SLICE, 3, slice],
  [kube.POD, 3, pod],
  [kube.WORKLOAD_ENTRY, 3, workloadEntry],
  [kube.SERVICE_ENTRY, 4, serviceEntry],
  [kube.PEER_AUTHENTICATION, 2, peerAuthentication],
  [kube.MESH_POLICY, 1, meshPolicy],
  [kube.POLICY, 2, legacyPolicy],
  [kube.AUTHORIZATION_POLICY, 2, authorizationPolicy],
  [kube.REQUEST_AUTHENTICATION, 2, requestAuthentication],
  [kube.TELEMETRY, 2, telemetry],
  [kube.DESTINATION_RULE, 3, destinationRule],
  [kube.SIDECAR, 2, sidecar],
  [kube.PROXY_CONFIG, 1, proxyConfig],
  [kube.GATEWAY, 2, gateway],
  [kube.VIRTUAL_SERVICE, 3, virtualService],
  [kube.NAMESPACE, 1, namespace],
  [kube.NODE, 1, node],
  [kube.CONFIG_MAP, 1, configMap],
];

/** An object of a random kind, written; one time in six it is its end. */
const written: fc.Arbitrary<Written> = fc.oneof(
  ...KINDS.map(([type, weight, object]) => ({
    weight,
    arbitrary: fc.record({
      type: fc.constant(type),
      object,
      change: one<Written['change'][]>(...often<Written['change']>('applied'), 'deleted'),
    }),
  })),
);

/**
 * Commits of several objects each: a mesh at once, then changes of it. Sizes are said because
 * fast-check's own choice would keep them small.
 */
export const histories: fc.Arbitrary<readonly (readonly Written[])[]> = fc
  .tuple(
    fc.array(written, { minLength: 10, maxLength: 40, size: 'max' }),
    fc.array(fc.array(written, { maxLength: 4, size: 'max' }), { maxLength: 12, size: 'max' }),
  )
  .map(([first, later]) => [first, ...later]);
