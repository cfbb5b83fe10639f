import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  afterEnd,
  goDuration,
  isRestarted,
  KUBELET_BACKOFF,
  NEVER_ENDED,
  restartDelayMs,
} from './restart.ts';
import { parseQuantity, quantityIn } from './quantity.ts';

test('delays: none, then doubled from 10 s up to 300 s', () => {
  let history = NEVER_ENDED;
  const delays = Array.from({ length: 9 }, () => {
    history = afterEnd(history, 100, KUBELET_BACKOFF);
    return restartDelayMs(history, KUBELET_BACKOFF) / 1000;
  });
  assert.deepEqual(delays, [0, 10, 20, 40, 80, 160, 300, 300, 300]);
});

test('a container that ran for ten minutes begins afresh', () => {
  const crashed = { endsInRow: 7 };
  assert.equal(afterEnd(crashed, 599_999, KUBELET_BACKOFF).endsInRow, 8);
  assert.equal(afterEnd(crashed, 600_000, KUBELET_BACKOFF).endsInRow, 1);
});

test('policies', () => {
  assert.deepEqual(
    (['Always', 'OnFailure', 'Never'] as const).map((policy) => [
      isRestarted(policy, 0),
      isRestarted(policy, 1),
    ]),
    [
      [true, true],
      [false, true],
      [false, false],
    ],
  );
});

const DURATIONS: readonly [number, string][] = [
  [800, '800ms'],
  [1500, '1.5s'],
  [10_000, '10s'],
  [160_000, '2m40s'],
  [300_000, '5m0s'],
  [3_600_000, '1h0m0s'],
];

for (const [ms, expected] of DURATIONS) {
  test(`${ms} ms as Go writes it`, () => assert.equal(goDuration(ms), expected));
}

const QUANTITIES: readonly [string, number | undefined][] = [
  ['250m', 0.25],
  ['1.5', 1.5],
  ['.5', 0.5],
  ['64Mi', 67_108_864],
  ['1e3', 1000],
  ['2k', 2000],
  ['', undefined],
  ['1KB', undefined],
  ['x', undefined],
];

for (const [text, expected] of QUANTITIES) {
  test(`quantity "${text}"`, () => assert.equal(parseQuantity(text), expected));
}

test('quantities in divisors are rounded up, but not for a rounding error', () => {
  assert.equal(quantityIn('1.1', '1'), '2');
  assert.equal(quantityIn('300m', '100m'), '3');
  assert.equal(quantityIn('1Gi', '0'), '1073741824');
  assert.equal(quantityIn('x', '1'), undefined);
});
