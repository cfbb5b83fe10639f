import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatAgo,
  formatBytes,
  formatCountdown,
  formatDuration,
  formatPercent,
  formatRate,
} from './format.ts';

const SPACE = '\u00A0';
const rate = (value: number | null): string => formatRate(value).replace(SPACE, ' ');

test('rates have SI steps and about three digits', () => {
  const cases: readonly (readonly [number | null, string])[] = [
    [null, '–'],
    [0, '0 B/s'],
    [0.01, '0 B/s'],
    [1.24, '1.2 B/s'],
    [118, '118 B/s'],
    [999.4, '999 B/s'],
    [999.6, '1.0 kB/s'],
    [1_240, '1.2 kB/s'],
    [9_960, '10 kB/s'],
    [999_600, '1.0 MB/s'],
    [3.2e9, '3.2 GB/s'],
  ];
  for (const [value, text] of cases) assert.equal(rate(value), text);
});

test('what is not known is never 0', () => {
  assert.equal(formatBytes(undefined), '–');
  assert.equal(formatPercent(null), '–');
});

test('almost all is not all', () => {
  assert.equal(formatPercent(0.99999), '> 99.9 %');
  assert.equal(formatPercent(0.0001), '< 0.1 %');
  assert.equal(formatPercent(0), '0 %');
  assert.equal(formatPercent(0.29), '29 %');
  assert.equal(formatPercent(0.999), '99.9 %');
  assert.equal(formatPercent(1), '100 %');
  assert.equal(formatPercent(0.834), '83.4 %');
});

test('countdowns and ages', () => {
  assert.equal(formatCountdown(22 * 3_600_000 + 14 * 60_000 + 7_000), '22:14:07');
  assert.equal(formatCountdown(9 * 86_400_000 + 4 * 3_600_000), '9 d 04:00:00');
  assert.equal(formatCountdown(0), 'expired');
  assert.equal(formatDuration(400), '0.4 s');
  assert.equal(formatDuration(38_000), '38 s');
  assert.equal(formatDuration(-61_000), '−61 s');
  assert.equal(formatAgo(1_000, 13_000), '12 s ago');
  assert.equal(formatAgo(10 * 3_600_000, 0), 'in 10 h');
});
