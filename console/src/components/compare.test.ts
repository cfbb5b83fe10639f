import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alignedTo, comparedWindow } from './compare.ts';

test('another edge is of the same time, another time of the same length', () => {
  const window = { fromMs: 1_000, toMs: 5_000 };
  assert.deepEqual(comparedWindow({ kind: 'edge', id: 'e' }, window), window);
  assert.deepEqual(comparedWindow({ kind: 'time', atMs: 3_000 }, window), {
    fromMs: -1_000,
    toMs: 3_000,
  });
});

test('what is coarser stands for all of its time, and what is not known for nothing', () => {
  const other = { atMs: [0, 10_000, 20_000], stepSeconds: 10 };
  const at = [100_000, 101_000, 109_000, 110_000, 121_000, 130_000];
  assert.deepEqual(alignedTo(at, other, [1, null, 3], 100_000), [1, 1, 1, null, 3, null]);
  assert.deepEqual(alignedTo([7_300], { atMs: [7_000], stepSeconds: 1 }, [5], 0), [5]);
  assert.deepEqual(alignedTo([], other, [1], 0), []);
});
