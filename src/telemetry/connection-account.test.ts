import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert as assertProperty, constantFrom, nat, property, record } from 'fast-check';
import { ConnectionAccount, type ConnectionEntry } from './connection-account.ts';

const START_MS = 1_000;

const entry = (part: Partial<ConnectionEntry>): ConnectionEntry => ({
  logName: 'isthmus-inbound-tcp',
  streamId: 'a',
  stage: 'periodic',
  startedAtMs: START_MS + 1,
  receivedBytes: 0,
  sentBytes: 0,
  ...part,
});

/** Opened, closed, received, sent: the sums of what all entries add. */
function total(account: ConnectionAccount, entries: readonly Partial<ConnectionEntry>[]): number[] {
  const sums = [0, 0, 0, 0];
  for (const part of entries) {
    const { opened, closed, receivedBytes, sentBytes } = account.record(entry(part));
    for (const [index, value] of [opened, closed, receivedBytes, sentBytes].entries()) {
      sums[index] = (sums[index] ?? 0) + value;
    }
  }
  return sums;
}

test('cumulative entries of one connection become its bytes, once', () => {
  const account = new ConnectionAccount(START_MS);
  const sums = total(account, [
    { stage: 'connected' },
    { receivedBytes: 134, sentBytes: 400 },
    { receivedBytes: 134, sentBytes: 400 },
    { stage: 'end', receivedBytes: 139, sentBytes: 441 },
  ]);
  assert.deepEqual(sums, [1, 1, 139, 441]);
  assert.equal(account.openConnections, 0);
});

test('a connection that failed has only an end', () => {
  const account = new ConnectionAccount(START_MS);
  assert.deepEqual(total(account, [{ stage: 'end', receivedBytes: 8 }]), [1, 1, 8, 0]);
});

test('a connection that an earlier agent has counted is taken up where it stands', () => {
  const old = { startedAtMs: START_MS - 1 };
  const sums = total(new ConnectionAccount(START_MS), [
    { ...old, receivedBytes: 1_000_000 },
    { ...old, receivedBytes: 1_000_010 },
    { ...old, stage: 'end', receivedBytes: 1_000_011 },
  ]);
  assert.deepEqual(sums, [0, 1, 11, 0]);
});

test('both sides of Envoy may use one stream id', () => {
  const account = new ConnectionAccount(START_MS);
  const sums = total(account, [
    { receivedBytes: 5 },
    { logName: 'isthmus-outbound-tcp', receivedBytes: 7 },
  ]);
  assert.deepEqual(sums, [2, 0, 12, 0]);
});

test('connections whose end was lost do not pile up', () => {
  const account = new ConnectionAccount(START_MS);
  for (let index = 0; index < 65_540; index += 1)
    account.record(entry({ streamId: String(index) }));
  assert.equal(account.openConnections, 65_536);
});

test('for any interleaving of connections the sums are those of their last entries', () => {
  const step = record({
    streamId: constantFrom('a', 'b', 'c', 'd'),
    received: nat(100),
    sent: nat(100),
  });
  assertProperty(
    property(array(step, { maxLength: 60 }), (steps) => {
      const last = new Map<string, { received: number; sent: number }>();
      const entries = steps.map(({ streamId, received, sent }) => {
        const before = last.get(streamId) ?? { received: 0, sent: 0 };
        const now = { received: before.received + received, sent: before.sent + sent };
        last.set(streamId, now);
        return { streamId, receivedBytes: now.received, sentBytes: now.sent };
      });
      const sum = (pick: 'received' | 'sent'): number =>
        [...last.values()].reduce((whole, value) => whole + value[pick], 0);
      const sums = total(new ConnectionAccount(START_MS), entries);
      assert.deepEqual(sums, [last.size, 0, sum('received'), sum('sent')]);
    }),
  );
});
