import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  certificateNameOf,
  identityProblem,
  isNamespaceName,
  isObjectName,
  parseSpiffeId,
  parseSubjectWorkload,
  spiffeIdOf,
  subjectOf,
  type WorkloadIdentity,
} from './workload-identity.ts';

const inventory: WorkloadIdentity = {
  trustDomain: 'cluster.local',
  namespace: 'default',
  serviceAccount: 'inventory',
  workload: { kind: 'Pod', name: 'inventory-7d4b9c-x2x4q' },
};

const REFUSED: readonly (readonly [why: string, id: string])[] = [
  ['empty', ''],
  ['another scheme', 'https://cluster.local/ns/default/sa/inventory'],
  ['no trust domain', 'spiffe:///ns/default/sa/inventory'],
  ['upper-case trust domain', 'spiffe://Cluster.local/ns/default/sa/inventory'],
  ['a port', 'spiffe://cluster.local:80/ns/default/sa/inventory'],
  ['a user', 'spiffe://a@cluster.local/ns/default/sa/inventory'],
  ['no service account', 'spiffe://cluster.local/ns/default'],
  ['an empty namespace', 'spiffe://cluster.local/ns//sa/inventory'],
  ['a trailing slash', 'spiffe://cluster.local/ns/default/sa/inventory/'],
  ['more path', 'spiffe://cluster.local/ns/default/sa/inventory/x'],
  ['a dot segment', 'spiffe://cluster.local/ns/../sa/inventory'],
  ['a percent escape', 'spiffe://cluster.local/ns/default/sa/inv%65ntory'],
  ['a dot in the namespace', 'spiffe://cluster.local/ns/a.b/sa/inventory'],
  ['a newline', 'spiffe://cluster.local/ns/default/sa/inventory\n'],
  ['a query', 'spiffe://cluster.local/ns/default/sa/inventory?x'],
  ['too long', `spiffe://cluster.local/ns/default/sa/${'a'.repeat(2048)}`],
];

for (const [why, id] of REFUSED) {
  test(`a SPIFFE ID with ${why} is refused`, () => {
    assert.equal(parseSpiffeId(id).ok, false);
  });
}

test('a SPIFFE ID is read back without its workload', () => {
  assert.deepEqual(parseSpiffeId(spiffeIdOf(inventory)), {
    ok: true,
    value: { ...inventory, workload: undefined },
  });
});

test('a long name is cut to 64 characters and stays distinct', () => {
  const long = 'a'.repeat(64);
  assert.equal(certificateNameOf(long), long);
  const names = ['b', 'c'].map((end) => certificateNameOf(long + end));
  assert.deepEqual(
    names.map((name) => name.length),
    [64, 64],
  );
  assert.notEqual(names[0], names[1]);
});

for (const text of ['OU=Pod', 'CN=a', 'OU=Node,CN=a', 'OU=Pod,CN=a,CN=b', 'OU=Pod,CN=A b', '']) {
  test(`the subject ${JSON.stringify(text)} names no workload`, () => {
    assert.equal(parseSubjectWorkload(text), undefined);
  });
}

const alphanumeric = 'abcdefghijklmnopqrstuvwxyz0123456789'.split('');
const label = fc
  .array(fc.constantFrom(...alphanumeric, '-'), { minLength: 1, maxLength: 63 })
  .map((characters) => characters.join(''))
  .filter(isNamespaceName);
const subdomain = fc
  .array(label, { minLength: 1, maxLength: 5 })
  .map((labels) => labels.join('.'))
  .filter(isObjectName);
const identity: fc.Arbitrary<WorkloadIdentity> = fc.record({
  trustDomain: subdomain,
  namespace: label,
  serviceAccount: subdomain,
  workload: fc.option(
    fc.record({ kind: fc.constantFrom('Pod', 'WorkloadEntry'), name: subdomain }),
    { nil: undefined },
  ),
});

test('what is written into a certificate is read back from it', () => {
  fc.assert(
    fc.property(identity, (original) => {
      assert.equal(identityProblem(original), undefined);
      const parsed = parseSpiffeId(spiffeIdOf(original));
      assert.deepEqual(parsed, { ok: true, value: { ...original, workload: undefined } });
      const { organization, organizationalUnit, commonName } = subjectOf(original);
      for (const subject of [
        `CN=${commonName},OU=${organizationalUnit},O=${organization}`,
        `O=${organization}\nOU=${organizationalUnit}\nCN=${commonName}`,
      ]) {
        const expected = original.workload && {
          ...original.workload,
          name: certificateNameOf(original.workload.name),
        };
        assert.deepEqual(parseSubjectWorkload(subject), expected);
      }
    }),
  );
});

test('no text makes the readers throw, and what they accept renders to itself', () => {
  const pieces = fc.constantFrom('spiffe://', '/ns/', '/sa/', 'a', '.', '-', 'A', '%', '\n', '/');
  const text = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (candidate) => {
      parseSubjectWorkload(candidate);
      const parsed = parseSpiffeId(candidate);
      if (parsed.ok) assert.equal(spiffeIdOf(parsed.value), candidate);
    }),
  );
});
