import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MeshEdge } from '../../../api/types.ts';
import type { EdgeNumbers } from '../../../store/samples.ts';
import { aNode, anEdge } from '../fixtures.ts';
import { listQueryParams, parseListQuery, sortedBy } from './query.ts';
import { COLUMNS, kindText, trafficOf, workloadRow, type WorkloadRow } from './rows.ts';
import { hasWords, selectRows } from './select.ts';

const query = (text: string): ReturnType<typeof parseListQuery> =>
  parseListQuery(new URLSearchParams(text));
const edgeWith = (facts: Partial<MeshEdge['encryption']>): MeshEdge =>
  anEdge({ encryption: { ...anEdge().encryption, ...facts } });
const numbers = (facts: Partial<EdgeNumbers>): EdgeNumbers => ({
  toServerBytes: 0,
  toClientBytes: 0,
  open: 0,
  opened: 0,
  failed: 0,
  requests: 0,
  requestMs: 0,
  errorShare: null,
  clientErrorShare: null,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
  ...facts,
});

test('a VM has every column that a pod has', () => {
  const vm = workloadRow(aNode(), [anEdge()]);
  const pod = workloadRow(aNode({ kind: 'pod', id: 'wl:default/library' }), [anEdge()]);
  assert.deepEqual(Object.keys(vm.cells), Object.keys(pod.cells));
  for (const cell of Object.values(vm.cells)) assert.notEqual(cell.text, '');
  assert.equal(kindText(aNode()), 'VM');
  assert.equal(kindText(aNode({ kind: 'pod' })), 'pod ×1');
});

test('a fact that is missing says why, and is never drawn as well', () => {
  const [instance] = aNode().instances;
  assert(instance);
  const silent = aNode({
    identity: '',
    health: 'unknown',
    instances: [{ ...instance, agent: null }],
  });
  const { cells, isProblem } = workloadRow(silent, []);
  assert.equal(cells.identity.text, 'unknown (agent never called)');
  assert.equal(cells.sync.title, 'agent never called');
  assert.deepEqual([cells.status.text, cells.status.tone], ['unknown', 'unknown']);
  assert.equal(cells.encrypted.text, 'no traffic');
  assert.equal(isProblem, false);
  const stranger = workloadRow(aNode({ kind: 'unknown', identity: '', namespace: '' }), []);
  assert.match(stranger.cells.identity.title, /means nothing to the mesh/);
  assert.equal(stranger.path, '');
});

test('the encrypted share of several edges is that of all their bytes', () => {
  const carried = (bytes: number, encryptedBytes: number): MeshEdge =>
    anEdge({ recent: { bytes, encryptedBytes } });
  const cell = (...inbound: MeshEdge[]): string =>
    workloadRow(aNode(), inbound).cells.encrypted.text;
  assert.equal(cell(carried(10, 10), carried(990, 990)), '100 %');
  assert.equal(cell(carried(900, 900), carried(100, 30)), '93 %');
  assert.equal(cell(carried(1e6, 1e6), carried(10, 0)), '> 99.9 %');
  assert.equal(cell(carried(1e6, 10)), '< 0.1 %');
  assert.equal(cell(carried(0, 0)), 'no traffic');
  const unknown = edgeWith({ state: 'unknown', share: null });
  assert.equal(cell(unknown), 'unknown');
  assert.equal(cell(unknown, carried(10, 10)), '100 % of reported');
  assert.equal(workloadRow(aNode(), [carried(10, 5)]).isProblem, true);
});

test('a refused configuration is a problem with the proxy’s words', () => {
  const [instance] = aNode().instances;
  assert(instance?.agent);
  const rejection = '0.0.0.0:3306: cannot bind';
  const agent = { ...instance.agent, acknowledged: 3, rejection };
  const row = workloadRow(aNode({ instances: [{ ...instance, agent }] }), []);
  assert.deepEqual(
    [row.cells.sync.text, row.cells.sync.title, row.isProblem],
    ['3/4 rejected', rejection, true],
  );
});

test('traffic without a sample is unknown, and of several edges their sum', () => {
  assert.deepEqual(trafficOf([undefined]), { toServer: null, toClient: null, open: null });
  const samples = [
    numbers({ toServerBytes: 1, open: 1 }),
    undefined,
    numbers({ toServerBytes: 2 }),
  ];
  assert.deepEqual(trafficOf(samples), { toServer: 3, toClient: 0, open: 1 });
});

test('the address says order, filters and density, and survives a round trip', () => {
  const texts = ['', 'sort=-rate', 'kind=vm&network=mesh&problems=1&q=pg&rows=dense', 'network=a'];
  for (const text of texts) {
    const params = Object.entries(listQueryParams(query(text)));
    const kept = params.flatMap(([name, value]): [string, string][] =>
      value === null ? [] : [[name, value]],
    );
    assert.deepEqual(query(new URLSearchParams(kept).toString()), query(text), text);
    assert.equal(kept.length, [...new URLSearchParams(text)].length, `nothing extra: ${text}`);
  }
  assert.equal(query('sort=nonsense').sort, 'name');
  assert.equal(query('').network, null);
  assert.equal(query('network=mesh').network, '');
});

test('a second click on a head turns the order round', () => {
  const once = sortedBy(query(''), 'rate');
  assert.deepEqual([once.sort, once.isDescending], ['rate', false]);
  assert.equal(sortedBy(once, 'rate').isDescending, true);
  assert.equal(sortedBy(sortedBy(once, 'rate'), 'name').isDescending, false);
});

const ROWS: readonly WorkloadRow[] = [
  workloadRow(aNode({ id: 'wl:default/vm-10', name: 'vm-10' }), []),
  workloadRow(aNode({ id: 'wl:default/vm-9', name: 'vm-9', version: '' }), []),
  workloadRow(
    aNode({ id: 'wl:prod/web', name: 'web', kind: 'pod', network: '', version: 'v2' }),
    [],
  ),
];
const select = (text: string): string[] =>
  selectRows(ROWS, query(text), {
    live: () => null,
    isFound: (row) => hasWords(row, query(text).find),
  }).map(({ node }) => node.name);

test('rows are filtered by kind, network and words, and numbers in names count', () => {
  assert.deepEqual(select(''), ['vm-9', 'vm-10', 'web']);
  assert.deepEqual(select('kind=vm'), ['vm-9', 'vm-10']);
  assert.deepEqual(select('network=mesh'), ['web']);
  assert.deepEqual(select('q=WEB+pod'), ['web']);
  assert.deepEqual(select('problems=1'), []);
});

test('what is not known comes last, whichever way round', () => {
  assert.deepEqual(select('sort=version'), ['vm-10', 'web', 'vm-9']);
  assert.deepEqual(select('sort=-version'), ['web', 'vm-10', 'vm-9']);
});

test('columns that live are sorted by what they show now', () => {
  const order = (row: WorkloadRow): number | null =>
    row.node.name === 'web' ? null : row.id.length;
  const selection = { live: order, isFound: () => true };
  const rows = selectRows(ROWS, query('sort=-rate'), selection);
  const names = rows.map(({ node }) => node.name);
  assert.deepEqual(names, ['vm-10', 'vm-9', 'web']);
  assert(COLUMNS.includes('rate'));
});
