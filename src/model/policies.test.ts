import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meshOf } from './mesh-of.ts';
import type { Mesh } from './mesh.ts';
import type { Workload } from './workload.ts';

const vm = (namespace: string): string => `
kind: WorkloadEntry
metadata: { name: vm, namespace: ${namespace}, labels: { app: db } }
spec: { address: 10.128.0.14 }
`;

function workloadOf(mesh: Mesh, namespace = 'default'): Workload {
  const workload = mesh.workloads.get(`WorkloadEntry/${namespace}/vm`);
  assert(workload);
  return workload;
}

type Peer = {
  readonly in?: string;
  readonly age?: number;
  readonly spec: string;
};

const peers = (list: readonly Peer[]): string =>
  list
    .map(
      ({ in: namespace = 'default', age = 0, spec }, index) => `
kind: PeerAuthentication
metadata:
  name: p${index}
  namespace: ${namespace}
  creationTimestamp: ${2026 - age}-01-01T00:00:00Z
spec: ${spec}
`,
    )
    .join('---');

const ROOT = 'istio-system';
const strict = '{ mtls: { mode: STRICT } }';
const disable = '{ mtls: { mode: DISABLE } }';
const forDb = (rest: string): string => `{ selector: { matchLabels: { app: db } }, ${rest} }`;

const MODES: Readonly<Record<string, readonly [policies: readonly Peer[], mode: string]>> = {
  'nothing at all': [[], 'PERMISSIVE'],
  'the mesh': [[{ in: ROOT, spec: strict }], 'STRICT'],
  'the namespace over the mesh': [[{ in: ROOT, spec: strict }, { spec: disable }], 'DISABLE'],
  'the workload over the namespace': [
    [{ spec: disable }, { spec: forDb('mtls: { mode: STRICT }') }],
    'STRICT',
  ],
  'the port over the workload': [
    [{ spec: forDb('mtls: { mode: STRICT }, portLevelMtls: { 5432: { mode: DISABLE } }') }],
    'DISABLE',
  ],
  'another port': [
    [{ spec: forDb('mtls: { mode: STRICT }, portLevelMtls: { 80: { mode: DISABLE } }') }],
    'STRICT',
  ],
  'UNSET inherits, at every level': [
    [
      { in: ROOT, spec: strict },
      { spec: '{ mtls: { mode: UNSET } }' },
      { spec: forDb('portLevelMtls: { 5432: { mode: UNSET } }') },
    ],
    'STRICT',
  ],
  'the oldest of one level, though it says UNSET': [
    [
      { in: ROOT, spec: strict },
      { age: 1, spec: '{}' },
      { age: 0, spec: disable },
    ],
    'STRICT',
  ],
  'the oldest of several that select the workload': [
    [
      { age: 0, spec: forDb('mtls: { mode: DISABLE }') },
      { age: 2, spec: forDb('mtls: { mode: STRICT }') },
    ],
    'STRICT',
  ],
  'a selector in the root namespace is for nobody': [
    [{ in: ROOT, spec: forDb('mtls: { mode: STRICT }') }],
    'PERMISSIVE',
  ],
  'a selector that does not match': [
    [{ spec: '{ selector: { matchLabels: { app: web } }, mtls: { mode: STRICT } }' }],
    'PERMISSIVE',
  ],
  'an empty selector is none': [
    [{ spec: '{ selector: { matchLabels: {} }, mtls: { mode: STRICT } }' }],
    'STRICT',
  ],
  'another namespace': [[{ in: 'other', spec: strict }], 'PERMISSIVE'],
};

for (const [name, [policies, mode]] of Object.entries(MODES)) {
  test(`rule 27: the TLS mode of port 5432: ${name}`, () => {
    const mesh = meshOf([vm('default'), peers(policies)].filter(Boolean).join('---'));
    assert.equal(mesh.mtlsMode(workloadOf(mesh), 5432), mode);
  });
}

test('a workload of the root namespace goes by the policy of the mesh alone', () => {
  const policies = peers([
    { in: ROOT, spec: strict },
    { in: ROOT, spec: forDb('mtls: { mode: DISABLE }') },
  ]);
  const mesh = meshOf(`${vm(ROOT)}---${policies}`);
  assert.equal(mesh.mtlsMode(workloadOf(mesh, ROOT), 5432), 'STRICT');
});

test('the root namespace is the one that the settings name', () => {
  const config = `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: 'rootNamespace: policies' }
`;
  const mesh = meshOf(
    [vm('default'), config, peers([{ in: 'policies', spec: strict }])].join('---'),
  );
  assert.equal(mesh.mtlsMode(workloadOf(mesh), 5432), 'STRICT');
});

test('the ports that a policy of the workload itself is about', () => {
  const ports = 'portLevelMtls: { 5432: { mode: STRICT }, 80: { mode: UNSET } }';
  const mesh = meshOf(`${vm('default')}---${peers([{ spec: strict }, { spec: forDb(ports) }])}`);
  assert.deepEqual(mesh.mtlsPorts(workloadOf(mesh)), [80, 5432]);
});

const rule = (name: string, spec: string, meta = ''): string => `
kind: AuthorizationPolicy
metadata: { name: ${name}${meta} }
spec: ${spec}
`;

test('the rules of a workload: of the root namespace and its own, by selector and action', () => {
  const inRoot = `, namespace: ${ROOT}`;
  const mesh = meshOf(
    [
      vm('default'),
      rule('b', '{}'),
      rule('a', '{ selector: { matchLabels: { app: db } } }'),
      rule('z', '{}', inRoot),
      rule('selecting', '{ selector: { matchLabels: { app: db } } }', inRoot),
      rule('web', '{ selector: { matchLabels: { app: web } } }'),
      rule('foreign', '{}', ', namespace: other'),
      rule(
        'target',
        '{ targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: g }] }',
      ),
      rule('deny', '{ action: DENY, rules: [{}] }'),
      rule('audit', '{ action: AUDIT }'),
      rule('custom', '{ action: CUSTOM, provider: { name: p }, rules: [{}] }'),
      rule('dry', '{ action: DENY, rules: [{}] }', ", annotations: { istio.io/dry-run: 'true' }"),
    ].join('---'),
  );
  assert.deepEqual([...mesh.rejections.entries()], []);
  const { allow, deny, audit, custom } = mesh.authorization(workloadOf(mesh));
  assert.deepEqual(
    allow.map(({ namespace, name }) => `${namespace}/${name}`),
    ['istio-system/selecting', 'istio-system/z', 'default/a', 'default/b'],
  );
  assert.deepEqual(
    deny.map(({ name, isDryRun }) => [name, isDryRun]),
    [
      ['deny', false],
      ['dry', true],
    ],
  );
  assert.deepEqual(
    audit.map(({ name }) => name),
    ['audit'],
  );
  assert.deepEqual(
    custom.map(({ provider }) => provider),
    ['p'],
  );
});

test('a policy with targets is for the Gateways that it names, and for nobody else', () => {
  const gateway = (name: string, namespace: string): string => `
kind: WorkloadEntry
metadata: { name: vm, namespace: ${namespace},
  labels: { app: db, gateway.networking.k8s.io/gateway-name: ${name} } }
spec: { address: 10.128.0.15 }
`;
  const targeting = `
kind: AuthorizationPolicy
metadata: { name: named, namespace: default }
spec:
  targetRefs:
    - { group: gateway.networking.k8s.io, kind: Gateway, name: front }
    - { group: '', kind: Service, name: db }
`;
  const selecting = `
kind: AuthorizationPolicy
metadata: { name: selecting, namespace: default }
spec: { selector: { matchLabels: { app: db } } }
`;
  const namesFor = (workload: string, namespace = 'default'): readonly string[] => {
    const mesh = meshOf([workload, targeting, selecting].join('---'));
    return mesh.authorization(workloadOf(mesh, namespace)).allow.map(({ name }) => name);
  };
  assert.deepEqual(namesFor(gateway('front', 'default')), ['named', 'selecting']);
  assert.deepEqual(namesFor(gateway('back', 'default')), ['selecting']);
  assert.deepEqual(namesFor(vm('default')), ['selecting']);
  assert.deepEqual(namesFor(gateway('front', 'other'), 'other'), []);
});

test('a RequestAuthentication is for whom an AuthorizationPolicy would be', () => {
  const authentication = (namespace: string, issuer: string, spec = ''): string => `
kind: RequestAuthentication
metadata: { name: jwt-${issuer}, namespace: ${namespace} }
spec: { ${spec} jwtRules: [{ issuer: ${issuer}, jwksUri: 'https://${issuer}.example' }] }
`;
  const mesh = meshOf(
    [
      vm('default'),
      authentication(ROOT, 'mesh'),
      authentication('default', 'own'),
      authentication('default', 'other', 'selector: { matchLabels: { app: web } },'),
      authentication('elsewhere', 'away'),
    ].join('---'),
  );
  const { jwtRules, jwksSources } = mesh.requestAuthentications;
  const issuers = jwtRules(workloadOf(mesh)).map(({ issuer }) => issuer);
  assert.deepEqual(issuers, ['mesh', 'own']);
  const uris = [...jwksSources.entries()].map(([uri]) => uri).toSorted();
  assert.deepEqual(
    uris,
    ['away', 'mesh', 'other', 'own'].map((name) => `https://${name}.example`),
  );
});
