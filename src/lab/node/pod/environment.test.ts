import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveEnvironment } from './environment.ts';
import { expand } from './expand.ts';
import { fakeContainer, fakeLookup, PLACE } from './fake-pod.ts';

const lookup = fakeLookup({
  'secret/db': { user: 'ada', 'bad\u0001name': 'x' },
  'configmap/settings': { HOST: 'db.example', user: 'from-map', nul: 'a\0b' },
});

function environment(container: Readonly<Record<string, unknown>>) {
  const input = { ...fakeContainer(container), place: PLACE, lookup, base: { PATH: '/bin' } };
  return resolveEnvironment(input);
}

const from = (source: object) => ({ name: 'X', valueFrom: source });
const value = (container: Readonly<Record<string, unknown>>) => {
  const result = environment(container);
  return result.ok ? result.variables['X'] : result.problem;
};

const CASES: readonly [says: string, variable: object, expected: string | undefined][] = [
  ['a plain value', { name: 'X', value: 'v' }, 'v'],
  ['no value is the empty one', { name: 'X' }, ''],
  ['a key of a Secret', from({ secretKeyRef: { name: 'db', key: 'user' } }), 'ada'],
  [
    'a key of a ConfigMap',
    from({ configMapKeyRef: { name: 'settings', key: 'HOST' } }),
    'db.example',
  ],
  ['a missing Secret', from({ secretKeyRef: { name: 'no', key: 'k' } }), 'secret "no" not found'],
  [
    'a missing ConfigMap',
    from({ configMapKeyRef: { name: 'no', key: 'k' } }),
    'configmap "no" not found',
  ],
  [
    'a missing key',
    from({ secretKeyRef: { name: 'db', key: 'k' } }),
    "couldn't find key k in Secret library/db",
  ],
  ['an optional one', from({ secretKeyRef: { name: 'no', key: 'k', optional: true } }), undefined],
  ['an optional key', from({ secretKeyRef: { name: 'db', key: 'k', optional: true } }), undefined],
  ['a field', from({ fieldRef: { fieldPath: 'metadata.namespace' } }), 'library'],
  ['a label', from({ fieldRef: { fieldPath: "metadata.labels['app']" } }), 'shelf'],
  ['a label that is not there', from({ fieldRef: { fieldPath: "metadata.labels['x']" } }), ''],
  ['the account', from({ fieldRef: { fieldPath: 'spec.serviceAccountName' } }), 'default'],
  ['an address', from({ fieldRef: { fieldPath: 'status.podIP' } }), '10.24.2.7'],
  ['the node', from({ fieldRef: { fieldPath: 'status.hostIP' } }), '10.24.0.2'],
  [
    'an unknown field',
    from({ fieldRef: { fieldPath: 'spec.x' } }),
    'unsupported fieldPath: spec.x',
  ],
  [
    'a source that the lab has not',
    from({ fileKeyRef: { path: 'a' } }),
    'X: the lab node has no fileKeyRef',
  ],
  ['a NUL ends a value', from({ configMapKeyRef: { name: 'settings', key: 'nul' } }), 'a'],
];

for (const [says, variable, expected] of CASES) {
  test(`environment: ${says}`, () => assert.equal(value({ env: [variable] }), expected));
}

test('environment: later ones see earlier ones, and win over envFrom', () => {
  const result = environment({
    envFrom: [{ configMapRef: { name: 'settings' } }, { prefix: 'DB_', secretRef: { name: 'db' } }],
    env: [
      { name: 'user', value: 'own' },
      { name: 'X', value: '$(user)@$(HOST) $(DB_user) $(LATER)' },
      { name: 'LATER', value: 'z' },
    ],
  });
  assert(result.ok);
  assert.equal(result.variables['X'], 'own@db.example ada $(LATER)');
  assert.equal(result.variables['PATH'], '/bin');
  assert.deepEqual(result.skipped, ['secret db: DB_bad\u0001name']);
});

test('environment: a whole object that is not there', () => {
  assert.equal(value({ envFrom: [{ secretRef: { name: 'no' } }] }), 'secret "no" not found');
  const optional = environment({ envFrom: [{ secretRef: { name: 'no', optional: true } }] });
  assert(optional.ok);
});

test('environment: resources of the container, in divisors, or else of the node', () => {
  const resources = { limits: { cpu: '1500m', memory: '64Mi' }, requests: { cpu: 0.5 } };
  const ask = (resource: string, divisor?: string) =>
    value({ resources, env: [from({ resourceFieldRef: { resource, divisor } })] });
  assert.equal(ask('limits.cpu'), '2');
  assert.equal(ask('limits.cpu', '1m'), '1500');
  assert.equal(ask('limits.memory', '1Mi'), '64');
  assert.equal(ask('requests.cpu', '1m'), '500');
  assert.equal(ask('requests.memory', '1Mi'), '64', 'a limit is also a request');
  const none = value({ env: [from({ resourceFieldRef: { resource: 'limits.cpu' } })] });
  assert.equal(none, '4');
});

const EXPANSIONS: readonly [text: string, expected: string][] = [
  ['$(A)$(A)', '11'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$1'],
  ['$(NO) $A ${A} $', '$(NO) $A ${A} $'],
  ['$(A', '$(A'],
  ['$(toString)', '$(toString)'],
];

for (const [text, expected] of EXPANSIONS) {
  test(`expand ${text}`, () => assert.equal(expand(text, { A: '1' }), expected));
}
