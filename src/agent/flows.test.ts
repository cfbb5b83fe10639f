import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, assert as assertProperty, constantFrom, nat, property, record } from 'fast-check';
import { Flows, type TcpEntry } from './flows.ts';

const START_MS = 1_000;

const entry = (part: Partial<TcpEntry>): TcpEntry => ({
  logName: 'isthmus-inbound-tcp',
  streamId: 'a',
  kind: 'periodic',
  startedAtMs: START_MS + 1,
  upstreamCluster: 'inbound|5432|tcp|db',
  localPrincipal: 'spiffe://td/ns/n/sa/db',
  peerPrincipal: 'spiffe://td/ns/n/sa/client',
  tags: {},
  receivedBytes: 0,
  sentBytes: 0,
  ...part,
});

const counters = (flows: Flows) =>
  flows
    .list()
    .map(({ connectionsOpened, connectionsClosed, receivedBytes, sentBytes }) => [
      connectionsOpened,
      connectionsClosed,
      receivedBytes,
      sentBytes,
    ]);

test('cumulative entries of one connection become its bytes, once', () => {
  const flows = new Flows(START_MS);
  flows.record(entry({ kind: 'connected' }));
  flows.record(entry({ receivedBytes: 134, sentBytes: 400 }));
  flows.record(entry({ receivedBytes: 134, sentBytes: 400 }));
  flows.record(entry({ kind: 'end', receivedBytes: 139, sentBytes: 441 }));
  assert.deepEqual(counters(flows), [[1, 1, 139, 441]]);
  assert.equal(flows.openConnections, 0);
});

test('a connection that failed has only an end', () => {
  const flows = new Flows(START_MS);
  flows.record(entry({ kind: 'end', receivedBytes: 8 }));
  assert.deepEqual(counters(flows), [[1, 1, 8, 0]]);
});

test('a connection that an earlier agent has counted is taken up where it stands', () => {
  const flows = new Flows(START_MS);
  const old = { startedAtMs: START_MS - 1 };
  flows.record(entry({ ...old, receivedBytes: 1_000_000 }));
  flows.record(entry({ ...old, receivedBytes: 1_000_010 }));
  flows.record(entry({ ...old, kind: 'end', receivedBytes: 1_000_011 }));
  assert.deepEqual(counters(flows), [[0, 1, 11, 0]]);
});

test('both sides of Envoy may use one stream id', () => {
  const flows = new Flows(START_MS);
  flows.record(entry({ receivedBytes: 5 }));
  flows.record(entry({ logName: 'isthmus-outbound-tcp', receivedBytes: 7 }));
  assert.deepEqual(counters(flows), [
    [1, 0, 5, 0],
    [1, 0, 7, 0],
  ]);
});

test('flows beyond the limit are counted together, and nothing is lost', () => {
  const flows = new Flows(START_MS);
  for (let index = 0; index < 10_100; index += 1) {
    const streamId = String(index);
    flows.record(entry({ streamId, kind: 'end', upstreamCluster: streamId, receivedBytes: 1 }));
  }
  assert.equal(flows.list().length, 10_001);
  const total = flows.list().reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
  assert.equal(total, 10_100);
});

test('for any interleaving of connections the counters are the sums of their last entries', () => {
  const step = record({
    streamId: constantFrom('a', 'b', 'c', 'd'),
    received: nat(100),
    sent: nat(100),
  });
  assertProperty(
    property(array(step, { maxLength: 60 }), (steps) => {
      const flows = new Flows(START_MS);
      const last = new Map<string, { received: number; sent: number }>();
      for (const { streamId, received, sent } of steps) {
        const before = last.get(streamId) ?? { received: 0, sent: 0 };
        const now = { received: before.received + received, sent: before.sent + sent };
        last.set(streamId, now);
        flows.record(entry({ streamId, receivedBytes: now.received, sentBytes: now.sent }));
      }
      const sum = (pick: 'received' | 'sent'): number =>
        [...last.values()].reduce((total, value) => total + value[pick], 0);
      const expected = last.size === 0 ? [] : [[last.size, 0, sum('received'), sum('sent')]];
      assert.deepEqual(counters(flows), expected);
    }),
  );
});
