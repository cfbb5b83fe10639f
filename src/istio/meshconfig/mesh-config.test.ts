import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderViolation } from '../object.ts';
import { DEFAULT_MESH_CONFIG, parseMeshConfig } from './mesh-config.ts';

const parse = (mesh: string | undefined, annotations: Record<string, string> = {}) =>
  parseMeshConfig({
    metadata: { name: 'istio', namespace: 'istio-system', annotations },
    data: { ...(mesh !== undefined && { mesh }) },
  });

test('nothing said: the defaults', () => {
  for (const text of [undefined, '', '# nothing', '{}']) {
    const result = parse(text);
    assert(result.ok);
    assert.deepEqual(result.value, DEFAULT_MESH_CONFIG);
  }
});

test('what is said', () => {
  const result = parse(
    `
trustDomain: example.org
trustDomainAliases: [old.example.org]
enableAutoMtls: false
accessLogFile: ""
accessLogFormat: "%START_TIME%\\n"
outboundTrafficPolicy: { mode: REGISTRY_ONLY }
rootNamespace: policies
defaultServiceExportTo: ["."]
defaultDestinationRuleExportTo: ["."]
connectTimeout: 3s
tcpKeepalive: { probes: 3, time: 10m }
dnsRefreshRate: 5s
h2UpgradePolicy: UPGRADE
localityLbSetting: { distribute: [{ from: a/*, to: { b/*: 80, a/*: 20 } }] }
defaultConfig: { discoveryAddress: istiod:15012, tracing: { zipkin: {} } }
`,
    { 'isthmus.dev/mesh-ranges': ' 10.96.0.0/17,10.96.128.0/17, 10.96.5.0/24 , FD00::/8' },
  );
  assert(result.ok);
  assert.deepEqual(result.value, {
    trustDomain: 'example.org',
    trustDomainAliases: ['old.example.org'],
    enableAutoMtls: false,
    accessLogFile: '',
    accessLogFormat: '%START_TIME%\n',
    accessLogEncoding: 'TEXT',
    extensionProviders: [],
    accessLogProviders: [],
    tracingProviders: [],
    tracing: { sampling: 1, tags: [], maxTagLength: 0, hasIstioTags: true },
    outboundTrafficPolicy: 'REGISTRY_ONLY',
    rootNamespace: 'policies',
    defaultServiceExportTo: ['.'],
    defaultDestinationRuleExportTo: ['.'],
    defaultVirtualServiceExportTo: ['*'],
    connectTimeoutMs: 3000,
    tcpKeepalive: { probes: 3, timeMs: 600_000, intervalMs: undefined },
    dnsRefreshRateMs: 5000,
    upgradesToHttp2: true,
    localityLbSetting: {
      distribute: [
        {
          from: 'a/*',
          to: [
            ['a/*', 20],
            ['b/*', 80],
          ],
        },
      ],
      failover: [],
      failoverPriority: [],
    },
    defaultConfig: { discoveryAddress: 'istiod:15012', tracing: { zipkin: {} } },
    networks: [],
    meshRanges: ['10.96.0.0/16', 'fd00::/8'],
    remarks: [
      {
        field: 'data.mesh.defaultConfig.tracing.zipkin',
        message: 'not acted on: spans go to a provider of kind opentelemetry (extensionProviders)',
      },
    ],
  });
});

test('garbage is refused, at its place', () => {
  const cases: Readonly<Record<string, readonly string[]>> = {
    '{': [],
    'trustDomain: !!js x': [],
    '[]': ['data.mesh: Invalid value: "array": data.mesh in body must be of type object: "array"'],
    'enableAutoMTLS: true': ['unknown field "data.mesh.enableAutoMTLS"'],
    'enableAutoMtls: "yes"': [
      'data.mesh.enableAutoMtls: Invalid value: "string": data.mesh.enableAutoMtls in body must be of type boolean: "string"',
    ],
    'outboundTrafficPolicy: { mode: NONE }': [
      'data.mesh.outboundTrafficPolicy.mode: Unsupported value: "NONE": supported values: "ALLOW_ANY", "REGISTRY_ONLY", "ALLOW_ANY_DYNAMIC_DNS"',
    ],
    'trustDomain: Example.org': [
      'data.mesh.trustDomain: Invalid value: must be a lower-case domain name',
    ],
    'connectTimeout: soon': [
      'data.mesh.connectTimeout: Invalid value: "soon": must be a duration of at least 1ms',
    ],
    'localityLbSetting: { failover: [{ from: a, to: a }] }': [
      'data.mesh.localityLbSetting.failover[0]: Invalid value: fails over to itself',
    ],
    'defaultServiceExportTo: ["*", "a"]': [
      'data.mesh.defaultServiceExportTo: Invalid value: cannot be both public (*) and for some namespaces',
    ],
  };
  for (const [text, problems] of Object.entries(cases)) {
    const result = parse(text);
    assert(!result.ok, text);
    if (problems.length > 0) assert.deepEqual(result.violations.map(renderViolation), problems);
    else
      assert.match(
        renderViolation(result.violations[0] ?? { field: '', message: '' }),
        /not plain YAML/,
      );
  }
});

test('ranges that are none, a text that is too long, a bomb of aliases', () => {
  const ranges = parse('', { 'isthmus.dev/mesh-ranges': '10.0.0.0/8,10.0.0.1' });
  assert(!ranges.ok);
  assert.deepEqual(ranges.violations.map(renderViolation), [
    'metadata.annotations[isthmus.dev/mesh-ranges]: Invalid value: "10.0.0.1": must be a CIDR',
  ]);
  assert(!parse('#'.repeat(2 << 20)).ok);
  const levels = Array.from(
    { length: 12 },
    (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n},`.repeat(9)}]`,
  );
  assert(!parse(['l0: &l0 [x]', ...levels].join('\n')).ok);
});

const networks = (text: string) =>
  parseMeshConfig({
    metadata: { name: 'istio', namespace: 'istio-system' },
    data: { meshNetworks: text },
  });

test('networks: who is in each, and where it is entered', () => {
  const result = networks(`
networks:
  two:
    endpoints: [{ fromRegistry: Kubernetes }]
    gateways: [{ registryServiceName: gw.istio-system.svc.cluster.local, port: 15443 }]
  one:
    endpoints: [{ fromCidr: 10.0.0.9/8 }]
    gateways: [{ address: 203.0.113.1, port: 443 }, { address: gw.example.com, port: 443 }]
`);
  assert(result.ok);
  assert.deepEqual(result.value.networks, [
    {
      name: 'one',
      ranges: ['10.0.0.0/8'],
      registries: [],
      gateways: [{ kind: 'address', address: '203.0.113.1', port: 443 }],
    },
    {
      name: 'two',
      ranges: [],
      registries: ['Kubernetes'],
      gateways: [{ kind: 'service', host: 'gw.istio-system.svc.cluster.local', port: 15443 }],
    },
  ]);
  assert.deepEqual(
    result.value.remarks.map(({ field }) => field),
    ['data.meshNetworks.networks[one].gateways[1].address'],
  );
});

test('networks that are none', () => {
  const cases: Readonly<Record<string, string>> = {
    'networks: { a: { endpoints: [{ fromCidr: 10.0.0.1 }] } }':
      'data.meshNetworks.networks[a].endpoints[0].fromCidr: Invalid value: "10.0.0.1": must be a CIDR',
    'networks: { a: { gateways: [{ address: 10.0.0.1 }] } }':
      'data.meshNetworks.networks[a].gateways[0].port: Required value',
    'networks: { a: { gateways: [{ port: 1 }] } }':
      'data.meshNetworks.networks[a].gateways[0]: Required value: one of address, registryServiceName',
    'network: {}': 'unknown field "data.meshNetworks.network"',
  };
  for (const [text, problem] of Object.entries(cases)) {
    const result = networks(text);
    assert(!result.ok, text);
    assert.deepEqual(result.violations.map(renderViolation), [problem]);
  }
});
