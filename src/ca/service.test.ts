import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { createLogger } from '#base/log.ts';
import { spiffeIdOf } from '#base/workload-identity.ts';
import { GrpcStatus, GrpcStatusError } from '#grpc/status.ts';
import { ask, machine, mesh, methodFor, nowMs, pod, REVIEWS } from './fake-cluster.ts';
import { IssueLimiter } from './issue-limit.ts';

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
