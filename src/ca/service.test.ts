import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { create, fromBinary, toBinary, type JsonObject } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { systemClock } from '#base/clock.ts';
import { createLogger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { certificateNameOf, spiffeIdOf, type WorkloadIdentity } from '#base/workload-identity.ts';
import {
  IstioCertificateRequestSchema,
  IstioCertificateResponseSchema,
} from '#gen/istio/v1/auth/ca_pb.js';
import { GrpcStatus, GrpcStatusError, type GrpcCode } from '#grpc/status.ts';
import type { TokenReviewResult } from '#kube/client.ts';
import { parseCertificates } from './certificate-reader.ts';
import { createCertificateRequest, createWorkloadKey } from './csr.ts';
import { createFakeAuthority } from './fake-authority.ts';
import { IssueLimiter } from './issue-limit.ts';
import { parsePeerIdentity } from './peer-identity.ts';
import { createCertificateMethod } from './service.ts';

const nowMs = systemClock.nowMs();
const mesh = createFakeAuthority(nowMs);
const TRUST_DOMAIN = 'cluster.local';
const POD_NAME = 'authentication.kubernetes.io/pod-name';

const pod: WorkloadIdentity = {
  trustDomain: TRUST_DOMAIN,
  namespace: 'default',
  serviceAccount: 'inventory',
  workload: { kind: 'Pod', name: 'inventory-1' },
};
const machine: WorkloadIdentity = {
  trustDomain: TRUST_DOMAIN,
  namespace: 'default',
  serviceAccount: 'postgresql',
  workload: { kind: 'WorkloadEntry', name: 'postgresql-1-vm' },
};

/** Token → what a review says of it. */
const REVIEWS: Readonly<Record<string, TokenReviewResult>> = {
  pod: reviewed('inventory', { [POD_NAME]: ['inventory-1'] }),
  machine: reviewed('postgresql'),
  pair: reviewed('pair'),
  stranger: reviewed('stranger'),
  odd: reviewed('Not_A_Name', { [POD_NAME]: ['x'] }),
  person: { ...reviewed('x'), username: 'kubernetes-admin' },
};

const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  postgresql: ['postgresql-1-vm'],
  pair: ['pair-a', 'pair-b'],
};

test('a Pod gets the identity that its token is bound to', async () => {
  const answer = await ask({ token: 'pod' });
  assert.deepEqual(answer.identity, pod);
  assert(answer.certChain.length >= 2);
  assert.equal(answer.certChain.at(-1), mesh.rootPem);
});

test('a machine gets the identity of its WorkloadEntry, named or the only one', async () => {
  assert.deepEqual((await ask({ token: 'machine' })).identity, machine);
  const metadata = { WorkloadEntry: 'postgresql-1-vm' };
  assert.deepEqual((await ask({ token: 'machine', metadata })).identity, machine);
  const chosen = await ask({ token: 'pair', metadata: { WorkloadEntry: 'pair-b' } });
  assert.equal(chosen.identity.workload?.name, 'pair-b');
});

test('renewal by certificate gives the same identity, without a token or with an ended one', async () => {
  for (const identity of [pod, machine]) {
    const { certificate: peer } = mesh.workload(identity);
    assert.deepEqual((await ask({ peer })).identity, identity);
    assert.deepEqual((await ask({ peer, token: 'ended' })).identity, identity);
  }
});

test('a long name is found again at renewal', async () => {
  const name = `${'a'.repeat(70)}-vm`;
  const identity = { ...machine, workload: { kind: 'WorkloadEntry', name } } as const;
  const { certificate: peer } = mesh.workload(identity);
  const renewed = await ask({ peer, entries: [name] });
  assert.equal(renewed.certificate.subject, peer.subject);
});

test('a request may name the identity that the caller has', async () => {
  assert.deepEqual((await ask({ token: 'pod', spiffeId: spiffeIdOf(pod) })).identity, pod);
});

test('the key is the one that was asked with, the lifetime at most a day', async () => {
  for (const [askedSeconds, seconds] of [
    [0n, 86_400],
    [60n, 60],
    [10n ** 15n, 86_400],
  ] as const) {
    const { certificate, key } = await ask({ token: 'pod', validity: askedSeconds });
    assert(certificate.checkPrivateKey(key));
    const lifetimeMs = certificate.validToDate.getTime() - Math.floor(nowMs / 1000) * 1000;
    assert.equal(lifetimeMs, seconds * 1000);
  }
});

type Question = {
  readonly token?: string;
  readonly peer?: X509Certificate;
  readonly metadata?: JsonObject;
  readonly spiffeId?: string;
  readonly csr?: string;
  readonly validity?: bigint;
  readonly entries?: readonly string[];
  readonly atMs?: number;
  readonly review?: () => Promise<TokenReviewResult>;
};

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

test('a certificate that does not serve may be helped by a token', async () => {
  const { certificate: peer } = mesh.workload(machine);
  const moved = await ask({
    peer,
    token: 'pair',
    metadata: { WorkloadEntry: 'pair-a' },
    entries: [],
  });
  assert.equal(moved.identity.workload?.name, 'pair-a');
});

test('an agent in a loop is held back, and its neighbour is not', async () => {
  const method = methodFor({});
  const limiter = new IssueLimiter({ burst: 2, refillMs: 1000, workloadsMax: 10 });
  const limited = methodFor({}, limiter);
  for (let count = 0; count < 2; count += 1) await ask({ token: 'pod' }, limited);
  await assert.rejects(ask({ token: 'pod' }, limited), (error) => {
    assert(error instanceof GrpcStatusError && error.code === GrpcStatus.resourceExhausted);
    return /^inventory-1 asks for certificates too often; try again in 1 s$/.test(error.message);
  });
  assert.deepEqual((await ask({ token: 'machine' }, limited)).identity, machine);
  assert.deepEqual((await ask({ token: 'pod' }, method)).identity, pod);
});

test('what is logged tells who got what, and no secret', async () => {
  const lines: string[] = [];
  const log = createLogger('ca', { sink: (line) => lines.push(line) });
  await ask({ token: 'pod' }, methodFor({}, undefined, log));
  assert.match(
    lines.join('\n'),
    /certificate issued spiffeId=spiffe:.*workload=inventory-1 serial=/,
  );
  assert.doesNotMatch(lines.join('\n'), /BEGIN|token=/);
});

test('no bytes make the service do anything but refuse or certify the caller', async () => {
  const text = fc.oneof(
    fc.string(),
    fc.constant(spiffeIdOf(machine)),
    fc.constant(spiffeIdOf(pod)),
  );
  const field = fc.oneof(fc.string(), fc.integer(), fc.constantFrom('pair-a', 'postgresql-1-vm'));
  const request = fc.record({
    token: fc.constantFrom('pod', 'machine', 'pair', 'stranger', 'nonsense'),
    spiffeId: fc.option(text, { nil: undefined }),
    metadata: fc.option(fc.record({ WorkloadEntry: field }), { nil: undefined }),
    validity: fc.bigInt({ min: -10n, max: 10n ** 12n }),
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ token, spiffeId, metadata, validity }) => {
      const question = {
        token,
        validity,
        ...(spiffeId && { spiffeId }),
        ...(metadata && { metadata }),
      };
      try {
        const { identity } = await ask(question);
        const review = REVIEWS[token];
        assert(review?.isAuthenticated);
        const account = `system:serviceaccount:${identity.namespace}:${identity.serviceAccount}`;
        assert.equal(account, review.username);
        assert.equal(identity.workload?.kind, token === 'pod' ? 'Pod' : 'WorkloadEntry');
        if (spiffeId) assert.equal(spiffeId, spiffeIdOf(identity));
      } catch (error) {
        if (!(error instanceof GrpcStatusError)) throw error;
      }
    }),
    { numRuns: 300 },
  );
  const method = methodFor({});
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      const call = {
        metadata: { authorization: 'Bearer pod' },
        peer: undefined,
        remoteAddress: 't',
      };
      const failing = method(bytes, call, new AbortController().signal);
      await assert.rejects(failing, GrpcStatusError);
    }),
    { numRuns: 300 },
  );
});

function methodFor(
  { entries, atMs, review }: Question,
  limiter: IssueLimiter = new IssueLimiter(),
  log = createLogger('ca', { sink: () => undefined }),
) {
  const entriesOf = (serviceAccount: string): readonly string[] =>
    (serviceAccount === 'postgresql' ? entries : undefined) ?? ENTRIES[serviceAccount] ?? [];
  return createCertificateMethod({
    trustDomain: TRUST_DOMAIN,
    audiences: ['istio-ca'],
    authority: () => mesh.authority,
    clock: { ...systemClock, nowMs: () => atMs ?? nowMs },
    limiter,
    log,
    reviewToken: async (token) => {
      const problem = { isAuthenticated: false, problem: 'invalid bearer token' } as const;
      return review ? review() : (REVIEWS[token] ?? problem);
    },
    directory: {
      entries: async ({ serviceAccount }) => entriesOf(serviceAccount),
      find: async (kind, { serviceAccount }, certificateName) => {
        const pods = ['inventory-0', 'inventory-1'];
        const names = kind === 'Pod' ? pods : entriesOf(serviceAccount);
        return names.find((name) => certificateNameOf(name) === certificateName);
      },
    },
  });
}

async function ask(question: Question, method = methodFor(question)) {
  const key = createWorkloadKey();
  const { token, peer, metadata, spiffeId, validity = 0n } = question;
  const csr =
    question.csr ?? createCertificateRequest(key, spiffeId === undefined ? {} : { spiffeId });
  const request = create(IstioCertificateRequestSchema, {
    csr,
    validityDuration: validity,
    ...(metadata && { metadata }),
  });
  const bytes = await method(
    toBinary(IstioCertificateRequestSchema, request),
    {
      metadata: token === undefined ? {} : { authorization: `Bearer ${token}` },
      peer,
      remoteAddress: 'test',
    },
    new AbortController().signal,
  );
  const { certChain } = fromBinary(IstioCertificateResponseSchema, bytes);
  const parsed = parseCertificates(certChain[0] ?? '');
  const [certificate] = parsed.ok ? parsed.value : [];
  assert(certificate);
  const identity = parsePeerIdentity(certificate, { trustDomain: TRUST_DOMAIN, nowMs });
  assert(identity.ok);
  return { certChain, certificate, identity: identity.value, key };
}

function reviewed(name: string, extra: Record<string, readonly string[]> = {}) {
  return {
    isAuthenticated: true,
    username: `system:serviceaccount:default:${name}`,
    groups: [],
    extra,
    audiences: ['istio-ca'],
  } as const;
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
