import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { assertNever } from '#base/assert-never.ts';
import { compareClaims, RANK } from './address-order.ts';
import type { Claim } from './address-order.ts';
import { compareServices } from './addresses.ts';
import { apply, meshOf } from './mesh-of.ts';
import type { Mesh } from './mesh.ts';

/** Who owns an address for clients in `default`: the kind and the name that counts. */
function ownerOf(mesh: Mesh, address: string, namespace = 'default'): string {
  const owner = mesh.ownerOf(namespace, address);
  if (owner === undefined) return 'nobody';
  switch (owner.kind) {
    case 'service':
      return `service ${owner.service.key}`;
    case 'endpoint':
      return `endpoint of ${owner.service.key}`;
    case 'workload':
      return `workload ${owner.workload.key}`;
    case 'node':
      return `node ${owner.name}`;
    default:
      return assertNever(owner);
  }
}

const service = (name: string, spec: string, meta = ''): string => `
kind: Service
metadata: { name: ${name}${meta} }
spec: { ports: [{ port: 80, name: tcp }], ${spec} }
`;

const entry = (name: string, spec: string, meta = ''): string => `
kind: ServiceEntry
metadata: { name: ${name}${meta} }
spec:
  hosts: [${name}.example.com]
  resolution: STATIC
  ports: [{ number: 80, name: tcp }]
  ${spec.replace(', exportTo', '\n  exportTo')}
`;

const pod = (ip: string, meta = ''): string => `
kind: Pod
metadata: { name: p, labels: { app: x }${meta} }
status: { podIP: ${ip} }
`;

const vm = (ip: string, meta = ''): string => `
kind: WorkloadEntry
metadata: { name: vm, labels: { app: x }${meta} }
spec: { address: ${ip} }
`;

const IP = '10.1.2.3';
const node = `
kind: Node
metadata: { name: n }
status: { addresses: [{ type: InternalIP, address: ${IP} }] }
`;
const OTHER = ', namespace: other';
const OLD = ', creationTimestamp: 2020-01-01T00:00:00Z';
const NEW = ', creationTimestamp: 2026-01-01T00:00:00Z';
const claim = `addresses: [${IP}]`;
const headless = 'clusterIP: None, selector: { app: x }';

const CASES: Readonly<Record<string, readonly [objects: readonly string[], owner: string]>> = {
  'nobody claims it': [[], 'nobody'],
  'a Service, whatever else claims it': [
    [service('s', `clusterIP: ${IP}`, NEW), entry('e', claim, OLD), pod(IP), vm(IP), node],
    'service default/s.default.svc.cluster.local',
  ],
  'a Service of another namespace': [
    [service('s', `clusterIP: ${IP}`, OTHER), entry('e', claim)],
    'service other/s.other.svc.cluster.local',
  ],
  'nobody where the client may not see the Service': [
    [
      service(
        's',
        `clusterIP: ${IP}`,
        `${OTHER}, annotations: { networking.istio.io/exportTo: '.' }`,
      ),
      entry('e', claim),
    ],
    'nobody',
  ],
  'a node': [[node, entry('e', claim, OLD), pod(IP)], 'node n'],
  'a Pod, not a ServiceEntry': [[pod(IP), entry('e', claim, OLD)], 'workload Pod/default/p'],
  'a headless service for its own Pod': [
    [pod(IP), service('h', headless), entry('e', claim, OLD)],
    'endpoint of default/h.default.svc.cluster.local',
  ],
  "not a headless service for another namespace's Pod": [
    [pod(IP, OTHER), entry('h', `endpoints: [{ address: ${IP} }]`, OLD)],
    'workload Pod/other/p',
  ],
  "the client namespace's ServiceEntry before an older one of another": [
    [entry('a', claim, `${OTHER}${OLD}`), entry('b', claim, NEW)],
    'service default/b.example.com',
  ],
  'the older ServiceEntry': [
    [entry('a', claim, `${OTHER}${NEW}`), entry('b', claim, `, namespace: third${OLD}`)],
    'service third/b.example.com',
  ],
  'by name when they are of one age': [
    [entry('b', claim, OTHER), entry('a', claim, OTHER)],
    'service other/a.example.com',
  ],
  'not a ServiceEntry that the client may not see': [
    [entry('a', `${claim}, exportTo: [.]`, OTHER), entry('b', claim, `, namespace: third`)],
    'service third/b.example.com',
  ],
  'a ServiceEntry before a headless service with an endpoint there': [
    [entry('a', claim), entry('h', 'workloadSelector: { labels: { app: x } }', OLD), vm(IP)],
    'service default/a.example.com',
  ],
  'a headless service before the VM itself': [
    [entry('h', 'workloadSelector: { labels: { app: x } }'), vm(IP, OLD)],
    'endpoint of default/h.example.com',
  ],
  'a VM by itself, in its own namespace': [[vm(IP)], 'workload WorkloadEntry/default/vm'],
  'nobody: a VM of another namespace that no service speaks for': [[vm(IP, OTHER)], 'nobody'],
  'the narrowest range': [
    [
      entry('wide', 'addresses: [10.0.0.0/8]', OLD),
      entry('narrow', 'addresses: [10.1.2.0/24]', NEW),
    ],
    'service default/narrow.example.com',
  ],
  'an address before any range': [
    [entry('range', 'addresses: [10.1.2.0/24]', OLD), entry('exact', claim, OTHER)],
    'service other/exact.example.com',
  ],
};

for (const [name, [objects, owner]] of Object.entries(CASES)) {
  test(`${IP} means: ${name}`, () => {
    const orders = [objects, objects.toReversed()];
    for (const order of orders) assert.equal(ownerOf(meshOf(order.join('---')), IP), owner);
  });
}

test('an IPv6 range', () => {
  const mesh = meshOf(entry('v6', 'addresses: ["2001:db8::/64"]'));
  assert.equal(ownerOf(mesh, '2001:db8::5'), 'service default/v6.example.com');
  assert.equal(ownerOf(mesh, '2001:db9::5'), 'nobody');
  assert.equal(ownerOf(mesh, '10.0.0.1'), 'nobody');
});

test('what comes later changes nothing for those who were first', () => {
  const mesh = meshOf(entry('first', claim, OLD));
  apply(mesh, entry('second', claim, `${OTHER}${NEW}`));
  assert.equal(ownerOf(mesh, IP, 'third'), 'service default/first.example.com');
});

const anyClaim: fc.Arbitrary<Claim<string>> = fc.record({
  rank: fc.constantFrom(...Object.values(RANK)),
  prefixLength: fc.constantFrom(0, 8, 24),
  isOfClientNamespace: fc.boolean(),
  createdAtMs: fc.nat(2),
  key: fc.constantFrom('a/x', 'a/y', 'b/x'),
  owner: fc.constantFrom('x', undefined),
});

test('the order of claims is total', () => {
  fc.assert(
    fc.property(anyClaim, anyClaim, anyClaim, (a, b, c) => {
      const [ab, ba] = [Math.sign(compareClaims(a, b)), Math.sign(compareClaims(b, a))];
      assert.equal(ab + ba, 0);
      const isOne = JSON.stringify({ ...a, owner: '' }) === JSON.stringify({ ...b, owner: '' });
      assert.equal(ab === 0, isOne);
      if (ab <= 0 && compareClaims(b, c) <= 0) assert(compareClaims(a, c) <= 0);
    }),
    { numRuns: 5000 },
  );
});

test('a host means the Service first, then what the client namespace says', () => {
  const host = 'hosts: [s.other.svc.cluster.local]';
  const mesh = meshOf(
    [
      service('s', 'clusterIP: 10.96.0.1', `${OTHER}${NEW}`),
      entry('a', 'addresses: [240.240.0.1]', OLD).replace(/hosts: \[[^\]]*\]/, host),
      entry('b', 'addresses: [240.240.0.2]', `, namespace: third${OLD}`).replace(
        /hosts: \[[^\]]*\]/,
        host,
      ),
    ].join('---'),
  );
  const all = [...mesh.services.entries()].map(([, found]) => found);
  const order = all.toSorted(compareServices('third')).map(({ namespace }) => namespace);
  assert.deepEqual(order, ['other', 'third', 'default']);
});

test('what is captured: the ranges, and what means something outside of them', () => {
  const config = `
kind: ConfigMap
metadata:
  name: istio
  namespace: istio-system
  annotations: { isthmus.dev/mesh-ranges: '10.96.1.0/24, 10.96.0.0/24, 240.240.0.0/16' }
`;
  const mesh = meshOf(
    [
      service('s', 'clusterIP: 10.96.0.7'),
      service('far', 'clusterIP: 192.0.2.1'),
      entry('e', 'addresses: [203.0.113.5, 198.51.100.0/24, 240.240.3.0/24]'),
      entry('own', 'addresses: [203.0.113.6], exportTo: [.]', OTHER),
      entry('h', 'workloadSelector: { labels: { app: x } }'),
      vm('10.128.0.14'),
      config,
    ].join('---'),
  );
  assert.deepEqual(mesh.meshAddresses('default'), {
    ranges: ['10.96.0.0/23', '240.240.0.0/16'],
    addresses: ['10.128.0.14', '192.0.2.1', '198.51.100.0/24', '203.0.113.5'],
  });
  assert(mesh.meshAddresses('other').addresses.includes('203.0.113.6'));
});
