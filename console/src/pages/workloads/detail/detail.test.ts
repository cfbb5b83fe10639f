import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProxyReport } from '../../../api/types.ts';
import { aConnection, anEdge, aSeries } from '../fixtures.ts';
import { flagsText, flagWords } from '../response-flags.ts';
import { appendLines, EMPTY_LOG, LINES_MAX, parseLogFilter } from './log-view.ts';
import { layOut } from './octopus.ts';
import { diffLines, hunksOf, isInternal, portsOf, portsOfCluster, tablesOf } from './proxy-view.ts';
import { CHARTS, isSilent, zoomed } from './series.ts';
import { EMPTY_TAP, filterTap, tapJson, tapReducer, type Tap } from '../../../components/tap.ts';

test('response flags are spelled out, and unknown ones keep their letters', () => {
  assert.equal(
    flagsText('UF,URX'),
    'UF: could not connect upstream; URX: gave up after its retries',
  );
  assert.deepEqual(flagWords('-'), []);
  assert.deepEqual(flagWords(''), []);
  assert.equal(flagWords('ZZ')[0]?.flag, 'ZZ');
});

test('neighbours are placed by name, callers at the left', () => {
  const edges = [
    anEdge({ id: '1', from: 'wl:b', to: 'me' }),
    anEdge({ id: '2', from: 'wl:a', to: 'me', port: 9187 }),
    anEdge({ id: '3', from: 'wl:a', to: 'me', port: 5432 }),
    anEdge({ id: '4', from: 'me', to: 'wl:a' }),
    anEdge({ id: '5', from: 'wl:x', to: 'wl:y' }),
  ];
  const { arms } = layOut('me', edges);
  assert.deepEqual(
    arms.map(({ node, side, edges: of }) => [node, side, of.map(({ id }) => id).join()]),
    [
      ['wl:a', 'left', '3,2'],
      ['wl:b', 'left', '1'],
      ['wl:a', 'right', '4'],
    ],
  );
  const busier = layOut('me', [...edges].toReversed());
  assert.deepEqual(busier, layOut('me', edges), 'the order of arrival means nothing');
});

test('no more neighbours than there is room for, and the rest is counted', () => {
  const edges = Array.from({ length: 11 }, (_, n) =>
    anEdge({ id: `${n}`, from: `wl:${n}`, to: 'me' }),
  );
  const { arms, hidden } = layOut('me', edges);
  assert.deepEqual([arms.length, hidden.left, hidden.right], [8, 3, 0]);
  assert.equal(layOut('alone', []).arms.length, 0);
});

const seen = (tap: Tap, ...ids: string[]): Tap =>
  tapReducer(tap, { type: 'seen', connections: ids.map((id) => aConnection({ id })) });
const ids = (tap: Tap): string => tap.rows.map(({ id }) => id).join();

test('the tap shows the newest first and changes a connection in its place', () => {
  const tap = seen(seen(EMPTY_TAP, '1', '2'), '3', '1');
  assert.equal(ids(tap), '3,2,1');
});

test('a paused tap shows nothing new and counts what waits', () => {
  const paused = seen(tapReducer(seen(EMPTY_TAP, '1'), { type: 'pause' }), '2', '3', '2');
  assert.deepEqual([ids(paused), paused.buffered.size], ['1', 2]);
  const resumed = tapReducer(paused, { type: 'resume' });
  assert.deepEqual([ids(resumed), resumed.buffered.size, resumed.isPaused], ['3,2,1', 0, false]);
});

test('what was before the tap comes below what it has seen, and replaces none of it', () => {
  const seenFirst = seen(EMPTY_TAP, '2');
  const connections = [
    aConnection({ id: '1', openedAtMs: 5 }),
    aConnection({ id: '2', toServerBytes: 9 }),
    aConnection({ id: '3', openedAtMs: 7 }),
  ];
  const tap = tapReducer(seenFirst, { type: 'before', connections });
  assert.deepEqual([ids(tap), tap.rows[0]?.toServerBytes], ['2,3,1', 0]);
});

test('a pause has an end to what it holds', () => {
  const many = Array.from({ length: 2100 }, (_, index) => `${index}`);
  const paused = seen(tapReducer(EMPTY_TAP, { type: 'pause' }), ...many);
  assert.deepEqual([paused.buffered.size, paused.dropped], [2000, 100]);
  assert.equal(tapReducer(paused, { type: 'resume' }).rows.length, 200);
});

test('the tap is filtered by words, and copies as JSON, oldest first', () => {
  const rows = [aConnection({ id: '2', closedAtMs: 5, flags: 'UF' }), aConnection({ id: '1' })];
  assert.deepEqual(
    filterTap(rows, 'closed uf').map(({ id }) => id),
    ['2'],
  );
  assert.equal(filterTap(rows, ' ').length, 2);
  const copied = JSON.parse(tapJson(rows)) as { readonly id: string }[];
  assert.deepEqual(
    copied.map(({ id }) => id),
    ['1', '2'],
  );
});

test('what was never reported is silent, and no zero', () => {
  const [throughput, , , requests] = CHARTS;
  assert(throughput && requests);
  assert.equal(isSilent(aSeries(3), throughput), false);
  assert.equal(isSilent(aSeries(3), requests), true);
  const zeros = aSeries(3, { requests: [0, 0, 0] });
  assert.equal(isSilent(zeros, requests), false, 'a zero was reported');
});

test('a brush chooses a part of every column', () => {
  const part = zoomed(aSeries(10, { open: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] }), {
    fromMs: 2_500,
    toMs: 5_100,
  });
  assert.deepEqual(
    [part.atMs, part.open],
    [
      [3000, 4000, 5000],
      [3, 4, 5],
    ],
  );
  for (const column of [part.toServerBytes, part.requestMs]) assert.equal(column.length, 3);
  assert.equal(zoomed(aSeries(10), { fromMs: 2_000, toMs: 2_100 }).atMs.length, 10, 'a slip');
  assert.equal(zoomed(aSeries(10), null).atMs.length, 10);
});

const REPORT: ProxyReport = {
  instance: 'WorkloadEntry/default/vm',
  atMs: 0,
  listeners: [
    {
      name: 'virtualInbound',
      address: '0.0.0.0:15006',
      chains: ['5432_mtls'],
      ports: [5432, 15006],
    },
    { name: '0.0.0.0_9080', address: '0.0.0.0:9080', chains: ['http'], ports: [9080] },
  ],
  clusters: [
    { name: 'inbound|5432||', service: '', endpoints: [] },
    {
      name: 'outbound|9080||catalog',
      service: 'catalog',
      endpoints: [{ address: '10.0.0.1:9080', health: 'HEALTHY', network: '' }],
    },
    { name: 'dst|240.240.0.7:5432', service: 'db', endpoints: [] },
  ],
  routes: [{ name: '9080', domains: ['catalog'] }],
  sync: [],
  stats: {},
};

test('the tables show what serves one port, and how much is left out', () => {
  assert.deepEqual(portsOf(REPORT), [5432, 9080]);
  const { listeners, clusters, routes, left } = tablesOf(REPORT, 5432);
  assert.deepEqual(
    [listeners.map(({ name }) => name), clusters.map(({ name }) => name), routes.length, left],
    [['virtualInbound'], ['inbound|5432||', 'dst|240.240.0.7:5432'], 0, { shown: 3, of: 6 }],
  );
  assert.equal(tablesOf(REPORT, null).left.shown, 6);
  assert.deepEqual(portsOfCluster({ name: 'xds-grpc', service: '', endpoints: [] }), []);
});

test('what leads to its own agent is internal, what passes through is not', () => {
  const names = ['xds-grpc', 'sds-grpc', 'als-grpc', 'PassthroughCluster', 'inbound|5432||'];
  assert.deepEqual(
    names.filter((name) => !isInternal({ name })),
    ['PassthroughCluster', 'inbound|5432||'],
  );
});

test('what was meant and what is in force are compared line by line', () => {
  const lines = diffLines('a\nb\nc', 'a\nx\nc');
  assert.deepEqual(
    lines.map(({ side, text }) => `${side[0]}${text}`),
    ['ba', 'ib', 'ax', 'bc'],
  );
  assert.deepEqual(
    diffLines('', 'new').map(({ side }) => side),
    ['acknowledged'],
  );
  assert.deepEqual(diffLines('', ''), []);
});

test('equal stretches of a comparison are left out', () => {
  const text = (change: string): string =>
    Array.from('abcdefghij', (letter) => (letter === 'e' ? change : letter)).join('\n');
  const hunks = hunksOf(diffLines(text('e'), text('E')), 1);
  assert.deepEqual(
    hunks.map((line) => line?.text ?? '…'),
    ['…', 'd', 'e', 'E', 'f', '…'],
  );
});

test('the log keeps its newest lines and their numbers', () => {
  const line = (text: string) => ({ instance: 'i', source: 'agent' as const, atMs: null, text });
  const some = appendLines(EMPTY_LOG, [line('a'), line('b')]);
  const all = appendLines(
    some,
    Array.from({ length: LINES_MAX }, () => line('c')),
  );
  assert.deepEqual([all.lines.length, all.dropped, all.lines[0]?.number], [LINES_MAX, 2, 3]);
});

test('the log is filtered by a regular expression; one that is none says why', () => {
  const filter = parseLogFilter('upstream.*5432');
  assert(filter.ok && filter.matches('UPSTREAM connect 10.0.0.1:5432') && !filter.matches('5432'));
  const wrong = parseLogFilter('(');
  assert(!wrong.ok);
  assert.match(wrong.problem, /group/i);
  assert.equal(parseLogFilter('x'.repeat(201)).ok, false);
});
