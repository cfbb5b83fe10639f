import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aCertificate, HOUR_MS } from '../workloads/fixtures.ts';
import {
  certificateState,
  consequenceOf,
  countdownText,
  rotationOf,
  sourceText,
  toneOf,
} from './countdown.ts';

const DAY_MS = 24 * HOUR_MS;

test('colours follow the share of life that is left, not the hours', () => {
  const tone = (leftMs: number): string =>
    toneOf(certificateState(aCertificate(), DAY_MS - leftMs));
  assert.equal(tone(DAY_MS), 'neutral');
  assert.equal(tone(DAY_MS * 0.2 + 1), 'neutral');
  assert.equal(tone(DAY_MS * 0.2), 'warn');
  assert.equal(tone(1), 'warn');
  assert.equal(tone(0), 'bad');
  const short = aCertificate({ notAfterMs: 120_000 });
  assert.equal(toneOf(certificateState(short, 60_000)), 'neutral', 'half of two minutes is plenty');
});

test('no certificate that is known of is unknown, and neither none nor well', () => {
  const state = certificateState(null, 0);
  assert.equal(toneOf(state), 'unknown');
  assert.equal(countdownText(state), 'unknown');
  assert.equal(sourceText(null), 'unknown');
  assert.deepEqual(rotationOf(null, 0), { text: '–', isOverdue: false });
});

test('the countdown is a clock, and then says how long ago', () => {
  const text = (nowMs: number): string => countdownText(certificateState(aCertificate(), nowMs));
  assert.equal(text(DAY_MS - (22 * HOUR_MS + 14 * 60_000 + 7_999)), '22:14:07');
  assert.equal(text(DAY_MS - 1), '00:00:00');
  assert.equal(text(DAY_MS + 130_000), 'expired 2 m ago');
});

test('a rotation is overdue half a minute after its time, not in the same second', () => {
  const certificate = aCertificate({ rotations: 12 });
  const at = (ms: number): string => rotationOf(certificate, ms).text;
  assert.equal(at(11 * HOUR_MS), 'in 60 m ×12');
  assert.equal(at(12 * HOUR_MS + 5_000), 'now ×12');
  assert.equal(at(12 * HOUR_MS + 41 * 60_000), 'overdue 41 m ×12');
  assert.equal(rotationOf(certificate, 12 * HOUR_MS + 31_000).isOverdue, true);
});

test('what an end means is said, with what ends first', () => {
  const root = aCertificate({ limitedBy: 'root' });
  const say = (certificate: typeof root, nowMs: number, open: number): string =>
    consequenceOf(certificate, certificateState(certificate, nowMs), open);
  assert.equal(say(aCertificate(), 0, 0), '');
  assert.equal(say(aCertificate(), DAY_MS * 0.9, 0), 'rotation overdue');
  assert.equal(say(root, 0, 0), 'limited by the root');
  assert.match(say(root, DAY_MS * 0.9, 0), /^renew what signs it \(the root ends first\)$/);
  assert.match(
    say(root, DAY_MS, 1),
    /^new connections fail, 1 open one continues \(the root ends first\)$/,
  );
  assert.match(say(aCertificate(), DAY_MS, 3), /3 open ones continue$/);
  assert.equal(say(aCertificate(), DAY_MS, 0), 'new connections fail');
});
