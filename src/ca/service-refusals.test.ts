import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { spiffeIdOf } from '#base/workload-identity.ts';
import { GrpcStatus, GrpcStatusError, type GrpcCode } from '#grpc/status.ts';
import { createFakeAuthority } from './fake-authority.ts';
import { ask, machine, mesh, methodFor, nowMs, pod, type Question } from './fake-cluster.ts';
import { newCertificateCounters, type Refusal } from './service.ts';

const DAY_MS = 86_400_000;
const other = createFakeAuthority(nowMs, 'other.example');
const REFUSALS: readonly (readonly [string, Question, keyof typeof GrpcStatus, RegExp])[] = [
  ['no proof at all', {}, 'unauthenticated', /^neither a bearer token nor a client certificate/],
  ['an unknown token', { token: 'nonsense' }, 'unauthenticated', /not a service account token/],
  [
    'an expired token',
    { token: jwt({ exp: nowMs / 1000 - 60, aud: ['istio-ca'] }) },
    'unauthenticated',
    /^the bearer token expired at 20.*; get a new one$/,
  ],
  [
    'a token for somebody else',
    { token: jwt({ exp: nowMs / 1000 + 60, aud: ['vault', 'x'] }) },
    'unauthenticated',
    /^the bearer token is meant for vault, x; get one with audience istio-ca$/,
  ],
  [
    'a forged token',
    { token: jwt({ exp: nowMs / 1000 + 60, aud: 'istio-ca' }) },
    'unauthenticated',
    /^the bearer token is not accepted: invalid bearer token$/,
  ],
  ['an overlong token', { token: 'x'.repeat(20_000) }, 'unauthenticated', /too long/],
  [
    'a person',
    { token: 'person' },
    'permissionDenied',
    /^kubernetes-admin is not a service account/,
  ],
  ['a name beyond certificates', { token: 'odd' }, 'permissionDenied', /cannot be certified/],
  [
    'no WorkloadEntry',
    { token: 'stranger' },
    'permissionDenied',
    /^namespace default has no WorkloadEntry with serviceAccount stranger; register/,
  ],
  [
    'another’s WorkloadEntry',
    { token: 'machine', metadata: { WorkloadEntry: 'pair-a' } },
    'permissionDenied',
    /has no WorkloadEntry pair-a with serviceAccount postgresql; register it first$/,
  ],
  [
    'a Pod that calls itself a WorkloadEntry',
    { token: 'pod', metadata: { WorkloadEntry: 'postgresql-1-vm' } },
    'permissionDenied',
    /^the token is bound to Pod inventory-1, which is no WorkloadEntry$/,
  ],
  [
    'an ambiguous machine',
    { token: 'pair' },
    'invalidArgument',
    /^2 WorkloadEntries of namespace default have serviceAccount pair: name one/,
  ],
  [
    'a strange entry name',
    { token: 'machine', metadata: { WorkloadEntry: 7 } },
    'invalidArgument',
    /WorkloadEntry is no string/,
  ],
  [
    'another identity',
    { token: 'pod', spiffeId: spiffeIdOf(machine) },
    'permissionDenied',
    /asks for spiffe:.*\/postgresql, but the caller is spiffe:.*\/inventory$/,
  ],
  [
    'another identity at renewal',
    { peer: mesh.workload(pod).certificate, spiffeId: spiffeIdOf(machine) },
    'permissionDenied',
    /asks for spiffe:.*\/postgresql, but the caller is spiffe:.*\/inventory$/,
  ],
  [
    'no request',
    { token: 'pod', csr: '' },
    'invalidArgument',
    /^the certificate request is refused/,
  ],
  ['a negative lifetime', { token: 'pod', validity: -1n }, 'invalidArgument', /negative/],
  [
    'a certificate that has ended',
    { peer: mesh.workload(pod).certificate, atMs: nowMs + 2 * DAY_MS },
    'unauthenticated',
    /^the client certificate expired at 20/,
  ],
  [
    'a certificate of another trust domain',
    { peer: other.workload({ ...pod, trustDomain: 'other.example' }).certificate },
    'unauthenticated',
    /is of trust domain other\.example, not cluster\.local/,
  ],
  [
    'a certificate of a server',
    { peer: mesh.server(['istiod']).certificate },
    'unauthenticated',
    /names no single SPIFFE ID/,
  ],
  [
    'a certificate of the root',
    { peer: rootCertificate() },
    'unauthenticated',
    /is one of an authority/,
  ],
  [
    'a certificate without a workload',
    { peer: mesh.workload({ ...pod, workload: undefined }).certificate },
    'permissionDenied',
    /names no Pod and no WorkloadEntry/,
  ],
  [
    'a deregistered machine',
    { peer: mesh.workload(machine).certificate, entries: [] },
    'permissionDenied',
    /has no WorkloadEntry postgresql-1-vm of service account postgresql any more$/,
  ],
  [
    'an API server that is away',
    { token: 'pod', review: () => Promise.reject(unreachable()) },
    'unavailable',
    /^the caller cannot be checked now: connect ECONNREFUSED$/,
  ],
];

for (const [what, question, code, message] of REFUSALS) {
  test(`refused: ${what} (${code})`, async () => {
    await assert.rejects(ask(question), (error) => {
      assert(error instanceof GrpcStatusError, String(error));
      assert.match(error.message, message);
      assert.equal(error.code, GrpcStatus[code] satisfies GrpcCode);
      return true;
    });
  });
}

function jwt(claims: object): string {
  const encode = (value: object): string =>
    Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${encode({ alg: 'RS256' })}.${encode(claims)}.c2lnbmF0dXJl`;
}

function rootCertificate(): X509Certificate {
  const [root] = mesh.authority.roots;
  assert(root);
  return root;
}

function unreachable(): OperatorError {
  return new OperatorError('API_SERVER_UNREACHABLE', 'connect ECONNREFUSED', {
    remedy: 'start it',
  });
}

test('what is asked for, given and refused is counted', async () => {
  const counters = newCertificateCounters();
  const method = methodFor({}, undefined, undefined, counters);
  await ask({ token: 'pod' }, method);
  await assert.rejects(ask({ token: 'nonsense' }, method));
  await assert.rejects(ask({ token: 'person' }, method));
  await assert.rejects(ask({ token: 'pod', csr: 'nonsense' }, method));
  assert.deepEqual(counters, { requests: 4, issued: 1, unauthenticated: 2, unreadable: 1 });
});

test('who is refused is told with where it came from, and what it says it is', async () => {
  const refused: Refusal[] = [];
  const method = methodFor({ onRefused: (refusal) => refused.push(refusal) });
  await assert.rejects(
    ask({ token: 'machine', metadata: { WorkloadEntry: 'pair-a' } }, method),
    GrpcStatusError,
  );
  await assert.rejects(ask({ token: 'pod', spiffeId: 'spiffe://x/ns/y/sa/z' }, method));
  assert.deepEqual(
    refused.map(({ entry }) => entry),
    ['pair-a', ''],
  );
  assert.match(refused[0]?.reason ?? '', /has no WorkloadEntry pair-a/);
  assert.match(refused[1]?.reason ?? '', /asks for spiffe:..x.ns.y.sa.z, but the caller is/);
  assert(refused.every(({ remote }) => remote !== ''));
});
