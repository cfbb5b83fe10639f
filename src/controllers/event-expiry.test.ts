import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVENT } from '#kube/resources.ts';
import { planExpiry } from './event-expiry.ts';

const SAID = '2026-11-22T12:00:00Z';
const SAID_MS = Date.parse(SAID);
const MINUTE_MS = 60_000;

test('an Event goes an hour after it was said last', () => {
  const metadata = { name: 'e', namespace: 'shop', creationTimestamp: '2026-11-22T11:00:00Z' };
  const event = { metadata, lastTimestamp: SAID };
  const early = planExpiry(event, SAID_MS + 59 * MINUTE_MS);
  assert.deepEqual(early, { writes: [], againMs: MINUTE_MS });
  const late = planExpiry(event, SAID_MS + 60 * MINUTE_MS);
  assert.deepEqual(late.writes, [{ verb: 'remove', type: EVENT, object: event }]);
});

test('newer Events, and such as say nothing of their time, go too', () => {
  const metadata = { name: 'e', creationTimestamp: SAID };
  const later = SAID_MS + 90 * MINUTE_MS;
  assert.equal(
    planExpiry({ metadata, eventTime: '2026-11-22T13:00:00.000001Z' }, later).againMs,
    30 * MINUTE_MS,
  );
  assert.equal(planExpiry({ metadata }, later).writes.length, 1);
  assert.equal(planExpiry({ metadata: { name: 'e' } }, later).writes.length, 1);
});
