import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { FakeKubeClient } from '#kube/fake-kube-client.ts';
import { POD, WORKLOAD_ENTRY } from '#kube/resources.ts';
import { certificateNameOf } from '#base/workload-identity.ts';
import { IssueLimiter } from './issue-limit.ts';
import { renewalDelayMs } from './renewal.ts';
import { describeTokenProblem } from './token-problem.ts';
import { createKubeDirectory } from './workload-directory.ts';

const HOUR_MS = 3_600_000;
const window = { notBeforeMs: 0, notAfterMs: 24 * HOUR_MS };
for (const [what, nowMs, jitter, expectedMs] of [
  ['fresh', 0, 0, 12 * HOUR_MS],
  ['fresh, with all the jitter', 0, 1, 9.6 * HOUR_MS],
  ['a little before half', 11 * HOUR_MS, 0, HOUR_MS],
  ['at half', 12 * HOUR_MS, 0, 0],
  ['long over', 100 * HOUR_MS, 0.5, 0],
  ['not begun', -HOUR_MS, 0, 13 * HOUR_MS],
] as const) {
  test(`a certificate that is ${what} is renewed in ${expectedMs / HOUR_MS} h`, () => {
    assert.equal(renewalDelayMs(window, nowMs, jitter), expectedMs);
  });
}

test('renewal always leaves at least half of the lifetime to try', () => {
  const times = fc.record({
    notBeforeMs: fc.nat(),
    lifetimeMs: fc.integer({ min: 1, max: 10 ** 9 }),
    nowMs: fc.nat(),
    jitter: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
  fc.assert(
    fc.property(times, ({ notBeforeMs, lifetimeMs, nowMs, jitter }) => {
      const delayMs = renewalDelayMs(
        { notBeforeMs, notAfterMs: notBeforeMs + lifetimeMs },
        nowMs,
        jitter,
      );
      assert(delayMs >= 0);
      if (delayMs > 0) assert(nowMs + delayMs <= notBeforeMs + lifetimeMs / 2 + 1e-3);
    }),
  );
});

test('a workload gets its burst, then one for each refill, and never more', () => {
  const limits = { burst: 3, refillMs: 1000, workloadsMax: 100 };
  const steps = fc.array(fc.nat(2500), { maxLength: 40 });
  fc.assert(
    fc.property(steps, (pauses) => {
      const limiter = new IssueLimiter(limits);
      let nowMs = 0;
      let taken = 0;
      for (const pauseMs of pauses) {
        nowMs += pauseMs;
        const waitMs = limiter.take('a', nowMs);
        if (waitMs === 0) taken += 1;
        else assert.equal(limiter.take('a', nowMs + waitMs - 1) > 0, true, 'not a moment earlier');
        assert(taken <= limits.burst + nowMs / limits.refillMs);
      }
    }),
  );
});

test('what is remembered of workloads is bounded', () => {
  const limiter = new IssueLimiter({ burst: 1, refillMs: 1000, workloadsMax: 2 });
  for (const name of ['a', 'b', 'c']) assert.equal(limiter.take(name, 0), 0);
  assert.equal(limiter.take('a', 0), 0, 'forgotten');
  assert.equal(limiter.take('c', 0), 1000, 'remembered');
});

test('no token makes its description throw or repeat it', () => {
  const part = fc.oneof(
    fc.string(),
    fc.json().map((text) => Buffer.from(text).toString('base64url')),
    fc
      .record({ exp: fc.anything(), aud: fc.anything() })
      .map((claims) => Buffer.from(JSON.stringify(claims) ?? '').toString('base64url')),
  );
  const token = fc.array(part, { maxLength: 4 }).map((parts) => parts.join('.'));
  fc.assert(
    fc.property(token, fc.nat(), (text, nowMs) => {
      const options = { audiences: ['istio-ca'], reported: 'no', nowMs };
      const problem = describeTokenProblem(text, options);
      assert(problem.length > 0);
      if (text.length > 40) assert(!problem.includes(text));
    }),
  );
});

test('the directory finds a workload by its name in certificates, cut or not', async () => {
  const client = new FakeKubeClient();
  const directory = createKubeDirectory(client);
  const holder = { namespace: 'n', serviceAccount: 'sa' };
  const { signal } = new AbortController();
  const long = `${'a'.repeat(64)}-1`;
  const exact = 'b'.repeat(64);
  for (const name of [long, `${'a'.repeat(64)}-2`, exact, 'short']) {
    client.kind(WORKLOAD_ENTRY).put({ namespace: 'n', name }, { spec: { serviceAccount: 'sa' } });
  }
  client.kind(WORKLOAD_ENTRY).put({ namespace: 'n', name: 'other' }, { spec: {} });
  client
    .kind(WORKLOAD_ENTRY)
    .put({ namespace: 'm', name: 'far' }, { spec: { serviceAccount: 'sa' } });
  for (const name of [long, exact, 'short']) {
    const found = await directory.find('WorkloadEntry', holder, certificateNameOf(name), signal);
    assert.equal(found, name);
  }
  for (const name of ['other', 'far', 'none', certificateNameOf(`${long}0`)]) {
    assert.equal(await directory.find('WorkloadEntry', holder, name, signal), undefined, name);
  }
  assert.equal((await directory.entries(holder, signal)).length, 4);
  const unnamed = { namespace: 'n', serviceAccount: 'default' };
  assert.deepEqual(await directory.entries(unnamed, signal), ['other']);
});

test('a Pod is held by the service account that it runs as', async () => {
  const client = new FakeKubeClient();
  client.kind(POD).put({ namespace: 'n', name: 'p' }, { spec: { serviceAccountName: 'sa' } });
  const directory = createKubeDirectory(client);
  const { signal } = new AbortController();
  const find = (serviceAccount: string) =>
    directory.find('Pod', { namespace: 'n', serviceAccount }, 'p', signal);
  assert.equal(await find('sa'), 'p');
  assert.equal(await find('default'), undefined);
});
