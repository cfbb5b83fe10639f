import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planUpkeep, sessionEndMs } from './session-upkeep.ts';
import type { SessionClock, UpkeepAction } from './session-upkeep.ts';

const LIMITS = { pingIntervalMs: 30, pingTimeoutMs: 20, idleMsMax: 600, ageMsMax: 5000 };
const BUSY: SessionClock = {
  retireAtMs: 5000,
  idleSinceMs: undefined,
  pingedAtMs: 1000,
  isPingAnswered: true,
};

const CASES: readonly [string, Partial<SessionClock>, nowMs: number, UpkeepAction][] = [
  ['a busy session is left alone', {}, 1029, 'none'],
  ['it is pinged when the interval is over', {}, 1030, 'ping'],
  ['an unanswered ping is waited for', { isPingAnswered: false }, 1019, 'none'],
  ['a peer that does not answer is dropped', { isPingAnswered: false }, 1020, 'destroy'],
  ['an old session is retired', {}, 5000, 'retire'],
  ['an idle session is retired', { idleSinceMs: 400 }, 1000, 'retire'],
  ['an idle session is pinged like any other', { idleSinceMs: 500 }, 1030, 'ping'],
  ['a dead peer is dropped, not retired', { isPingAnswered: false }, 6000, 'destroy'],
];

for (const [title, change, nowMs, expected] of CASES) {
  test(title, () => assert.equal(planUpkeep({ ...BUSY, ...change }, LIMITS, nowMs), expected));
}

test('ages are spread over the last tenth of the limit', () => {
  const end = (jitter: number): number =>
    sessionEndMs({ nowMs: 100, ageMsMax: 1000, jitter, certificateEndMs: undefined });
  assert.deepEqual([end(0), end(0.5), end(1)], [1100, 1050, 1000]);
});

test('a session ends with its certificate', () => {
  const limits = { nowMs: 100, ageMsMax: Number.POSITIVE_INFINITY, jitter: 0.3 };
  assert.equal(sessionEndMs({ ...limits, certificateEndMs: 700 }), 700);
});
