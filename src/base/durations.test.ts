import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { fuzz } from '../../test/fuzz/harness.ts';
import { addDurations, DURATION_BOUNDS, DURATION_BUCKETS } from './durations.ts';
import { durationBucket, durationQuantile, noDurations } from './durations.ts';

const counted = (values: readonly number[]) => {
  const counts = noDurations();
  for (const ms of values) {
    const at = durationBucket(ms);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
};

test('twenty-four buckets, from half a millisecond to three minutes', () => {
  assert.equal(DURATION_BUCKETS, 24);
  assert.equal(DURATION_BOUNDS[1], 1);
  assert(Math.abs((DURATION_BOUNDS[0] ?? 0) - 0.562) < 0.001);
  assert(Math.abs((DURATION_BOUNDS.at(-1) ?? 0) - 177_828) < 1);
  assert.deepEqual([0, 1, 1.01, 1e9].map(durationBucket), [0, 1, 2, 23]);
});

test('nothing counted is not known, and what is beyond is at least the last bound', () => {
  assert.equal(durationQuantile(noDurations(), 0.5), null);
  assert.equal(durationQuantile(counted([1e6]), 0.5), DURATION_BOUNDS.at(-1));
});

/** Between the shortest and the longest that have a bound of their own. */
const durations = fc.array(fc.double({ min: 0.57, max: 170_000, noNaN: true }), { minLength: 1 });

test('a quantile is within the bucket of the true one', () => {
  fc.assert(
    fc.property(durations, fc.constantFrom(0.5, 0.95, 0.99), (values, share) => {
      const sorted = values.toSorted((a, b) => a - b);
      const truth = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
      const told = durationQuantile(counted(values), share) ?? 0;
      const factor = Math.max(told / truth, truth / told);
      assert(factor <= 10 ** 0.25 + 1e-9, `${told} for ${truth}`);
    }),
    fuzz(300),
  );
});

test('one of two is between theirs, and what is added is what was counted together', () => {
  fc.assert(
    fc.property(durations, durations, (one, other) => {
      const [a, b] = [counted(one), counted(other)];
      const of = (counts: Float64Array): number => durationQuantile(counts, 0.95) ?? 0;
      const bounds = [of(a), of(b)];
      addDurations(a, b);
      assert.deepEqual(a, counted([...one, ...other]));
      assert(of(a) >= Math.min(...bounds) - 1e-9 && of(a) <= Math.max(...bounds) + 1e-9);
    }),
    fuzz(200),
  );
});
