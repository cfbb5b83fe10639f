// Ages, idleness and connect times of an edge's connections, and which are listed when there are
// too many.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EdgeRecord } from './edge-record.ts';
import { edgeReport } from './edge-report.ts';
import { LiveConnections, type LiveConnection } from './live-connections.ts';

const NOW_MS = 1_800_000_000_000;
const MINUTE_MS = 60_000;

const edgeOf = (protocol: 'tcp' | 'http' = 'tcp'): EdgeRecord =>
  new EdgeRecord({
    id: protocol,
    index: 1,
    from: 'wl:default/a',
    to: 'wl:default/b',
    port: 5432,
    protocol,
    application: '',
    service: '',
    firstSeenMs: 0,
    lastSeenMs: 0,
  });

function open(
  connections: LiveConnections,
  edge: EdgeRecord,
  at: {
    readonly openedAtMs: number;
    readonly movedAtMs?: number;
    readonly connectMs?: number;
    readonly client?: string;
    readonly reporter?: 'source' | 'destination';
  },
): LiveConnection {
  const { openedAtMs, movedAtMs = openedAtMs, connectMs = null, client = '' } = at;
  const { reporter = 'source' } = at;
  edge.open[reporter] += 1;
  return connections.open({
    edge,
    reporter,
    openedAtMs,
    movedAtMs,
    connectMs,
    client,
    server: client === '' ? '' : '10.0.0.2:5432',
    encryption: 'tls',
    principals: { clientIdentity: '', serverIdentity: '' },
    toServer: 0,
    toClient: 0,
  });
}

test('a pool is told by age, with those that idle and how long connecting took', () => {
  const connections = new LiveConnections();
  const edge = edgeOf();
  open(connections, edge, { openedAtMs: NOW_MS - 2000, connectMs: 3 });
  open(connections, edge, { openedAtMs: NOW_MS - 50 * MINUTE_MS, connectMs: 17.04 });
  const used = open(connections, edge, { openedAtMs: NOW_MS - 50 * MINUTE_MS, connectMs: 0.5 });
  connections.move(used, 'source', { toServer: 1, toClient: 0 }, NOW_MS - 9000);
  const over = open(connections, edge, { openedAtMs: NOW_MS - 9000, connectMs: 0.4 });
  edge.open.source -= 1;
  connections.close(over, NOW_MS - 8000, '');
  open(connections, edgeOf(), { openedAtMs: NOW_MS }); // another's
  edge.open.source += 2; // in a crowd
  const report = edgeReport(edge, connections.of(edge), NOW_MS);
  assert(report.open);
  const { count, others, idle, ages, oldestMs } = report.open;
  assert.deepEqual([count, others, idle, oldestMs], [3, 2, 1, 50 * MINUTE_MS]);
  assert.deepEqual(
    ages.filter((age) => age.count > 0),
    [
      { upToMs: 10_000, count: 1 },
      { upToMs: 60 * MINUTE_MS, count: 2 },
    ],
  );
  assert.deepEqual(report.connect, { count: 4, p50Ms: 0.5, p95Ms: 17, maxMs: 17 });
});

test('of requests there are no connections to tell of, and what is not known is null', () => {
  const report = edgeReport(edgeOf('http'), [], NOW_MS);
  assert.deepEqual([report.open, report.connect, report.edge.http], [null, null, null]);
  const none = edgeReport(edgeOf(), [], NOW_MS);
  assert.equal(none.open?.oldestMs, null);
});

test('how long connecting took is the client’s proxy’s word, whoever tells first', () => {
  const connections = new LiveConnections();
  const edge = edgeOf();
  const client = '10.0.0.1:40000';
  const first = open(connections, edge, { openedAtMs: NOW_MS, client, reporter: 'destination' });
  assert.equal(first.connectMs, null);
  const same = open(connections, edge, { openedAtMs: NOW_MS + 3, client, connectMs: 4 });
  assert.equal(same, first);
  assert.equal(first.connectMs, 4);
});

test('connections that are over make room before those that a pool keeps', () => {
  const connections = new LiveConnections();
  const edge = edgeOf();
  for (let at = 0; at < 100; at++) open(connections, edge, { openedAtMs: NOW_MS - MINUTE_MS });
  for (let at = 0; at < 30_000; at++) {
    connections.close(open(connections, edge, { openedAtMs: NOW_MS }), NOW_MS, '');
  }
  const listed = [...connections.of(edge)];
  assert(listed.length <= 10_000);
  assert.equal(listed.filter(({ closedAtMs }) => closedAtMs === null).length, 100);
  for (let at = 0; at < 30_000; at++) open(connections, edge, { openedAtMs: NOW_MS });
  assert([...connections.of(edge)].length <= 10_000);
});
