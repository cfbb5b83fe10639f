import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAdmissionReview, renderAdmissionReview } from './admission-review.ts';
import { PROBE_NAME, validate } from './validate.ts';

const entry = (spec: unknown, metadata: object = {}) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'ServiceEntry',
  metadata: { name: 'db', namespace: 'shop', ...metadata },
  spec,
});

const ask = (object: unknown, fields: object = {}) => {
  const request = { uid: 'u1', operation: 'CREATE', namespace: 'shop', name: 'db', object };
  const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' };
  const parsed = parseAdmissionReview({ ...review, request: { ...request, ...fields } });
  assert(parsed);
  return validate(parsed);
};

const ports = [{ number: 5432, name: 'tcp', protocol: 'TCP' }];
const GOOD = { hosts: ['db.example.com'], ports, resolution: 'NONE' };

test('what the mesh can act on is allowed; all that is wrong with the rest is said', () => {
  assert.deepEqual(ask(entry({ ...GOOD, addresses: ['10.0.0.1'] })), {
    isAllowed: true,
    warnings: [],
  });
  const bad = entry({ ...GOOD, hosts: undefined, ports: [{ ...ports[0], number: 70_000 }] });
  const verdict = ask(bad);
  assert(!verdict.isAllowed);
  assert.equal(verdict.code, 400);
  assert.match(verdict.message, /^configuration is invalid: /);
  assert.match(verdict.message, /spec\.hosts: Required value/);
  assert.match(verdict.message, /spec\.ports\[0\]\.number: .*port must be between 1-65535/);
});

test('older versions of a kind are held to the same', () => {
  const older = {
    ...entry({ ...GOOD, resolution: 'SOMEHOW' }),
    apiVersion: 'networking.istio.io/v1beta1',
  };
  assert.equal(ask(older).isAllowed, false);
});

test('kinds of others, deletions and objects that are leaving pass', () => {
  const invalid = { hosts: [] };
  const leaving = entry(invalid, { deletionTimestamp: '2026-11-22T12:00:00Z' });
  assert.equal(ask({ ...entry(invalid), kind: 'EnvoyFilter' }).isAllowed, true);
  assert.equal(ask(entry(invalid), { operation: 'DELETE' }).isAllowed, true);
  assert.equal(ask(leaving, { operation: 'UPDATE' }).isAllowed, true);
  assert.equal(ask(undefined).isAllowed, true);
  assert.equal(ask('nonsense').isAllowed, true, 'the API server itself refuses it');
});

test('of what is allowed and does not do what it says, that is said', () => {
  const verdict = ask(entry({ ...GOOD, workloadSelector: { labels: {} } }));
  assert(verdict.isAllowed);
  assert.deepEqual(verdict.warnings, [
    'spec.workloadSelector.labels: workload selector specified without labels, will be applied to all services in namespace',
    'spec.workloadSelector: workloadSelector should not be set when resolution mode is NONE',
    'spec.ports[0].protocol: addresses are required for ports serving TCP (or unset) protocol when IP Autoallocation is not enabled',
  ]);
  const filter = { apiVersion: 'networking.istio.io/v1alpha3', kind: 'EnvoyFilter', spec: {} };
  const unused = ask({ ...filter, metadata: { name: 'patch', namespace: 'shop' } });
  assert(unused.isAllowed);
  assert.match(unused.warnings?.[1] ?? '', /^spec: not acted on yet/);
});

test('many words about one object are cut', () => {
  const hosts = Array.from({ length: 30 }, (_, index) => `*a${index}.example.com`);
  const many = ask(entry({ ...GOOD, hosts, addresses: ['10.0.0.1'] }));
  assert(many.isAllowed, JSON.stringify(many));
  assert.equal(many.warnings?.length, 17);
  assert.match(many.warnings?.at(-1) ?? '', /^and 14 more/);
});

test('the probe is never allowed', () => {
  assert.equal(ask(entry(GOOD), { name: PROBE_NAME }).isAllowed, false);
});

test('a body that is no review of this version is none', () => {
  const request = { uid: 'u1' };
  for (const body of [
    undefined,
    [],
    { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1beta1', request },
    { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request: {} },
    { kind: 'Pod', apiVersion: 'v1', request },
  ]) {
    assert.equal(parseAdmissionReview(body), undefined, JSON.stringify(body));
  }
});

test('an answer has the uid of its question, and a patch as base64', () => {
  const request = { uid: 'u1', operation: 'CREATE', namespace: '', name: '', object: undefined };
  const patch = [{ op: 'add', path: '/a', value: 'é' }] as const;
  const answer = renderAdmissionReview(request, { isAllowed: true, patch, warnings: ['careful'] });
  assert.deepEqual(answer, {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid: 'u1',
      allowed: true,
      patchType: 'JSONPatch',
      patch: Buffer.from('[{"op":"add","path":"/a","value":"é"}]').toString('base64'),
      warnings: ['careful'],
    },
  });
});
