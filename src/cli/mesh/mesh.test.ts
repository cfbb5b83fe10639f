import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MeshEdge, MeshNode, Snapshot } from '#api/graph.ts';
import type { Connection } from '#api/history.ts';
import { OperatorError } from '#base/operator-error.ts';
import { renderScreen } from '../commands/top.ts';
import { renderGraph, withinNamespace } from './graph.ts';
import { findNode } from './names.ts';
import { isMeshEvent, isSnapshot, MeshState } from './state.ts';
import { Tap } from './tap.ts';
import { renderSummary, renderTop, topRows } from './top.ts';
import { renderBytes, renderShare, renderSpan } from './units.ts';

const NOW = Date.parse('2026-11-22T10:00:05Z');

const node = (id: string, more: Partial<MeshNode> = {}): MeshNode => ({
  id,
  kind: 'pod',
  name: id.split('/')[1] ?? id,
  namespace: /^wl:([^/]+)\//.exec(id)?.[1] ?? '',
  network: '',
  addresses: [],
  services: [],
  ports: [],
  version: '',
  identity: '',
  instances: [],
  health: 'healthy',
  certificate: null,
  join: null,
  state: 'member',
  changedAtMs: 0,
  ...more,
});

const edge = (more: Partial<MeshEdge> = {}): MeshEdge => ({
  id: 'e1',
  index: 1,
  from: 'wl:library/inventory',
  to: 'wl:default/db',
  port: 5432,
  protocol: 'tcp',
  application: 'postgres',
  service: '',
  encryption: {
    state: 'mutual',
    share: 1,
    version: 'TLSv1.3',
    cipher: '',
    clientIdentity: '',
    serverIdentity: '',
    seenAtMs: NOW,
  },
  recent: { bytes: 0, encryptedBytes: 0 },
  http: null,
  reporters: [],
  disagreement: null,
  failure: null,
  firstSeenMs: 0,
  lastSeenMs: NOW,
  ...more,
});

const plain = { ...edge().encryption, state: 'plaintext' } as const;

const SNAPSHOT: Snapshot = {
  revision: 7,
  nowMs: NOW,
  mesh: { trustDomain: 'cluster.local', clusterId: 'Kubernetes' },
  networks: [
    { id: '', title: 'Kubernetes: cluster "1"', ranges: [] },
    { id: 'vms', title: 'Virtual machines', ranges: [] },
  ],
  nodes: [
    node('wl:library/inventory', {
      instances: [{ key: 'Pod/library/inventory-7d9f', address: '10.24.2.23', agent: null }],
    }),
    node('wl:default/db', { kind: 'vm', network: 'vms' }),
    node('wl:shop/db'),
    node('host:evil"];\u001B[2Jx', { kind: 'external', name: 'evil"];\u001B[2Jx' }),
  ],
  edges: [
    edge(),
    edge({
      id: 'e2',
      index: 2,
      to: 'host:evil"];\u001B[2Jx',
      port: 443,
      application: '',
      encryption: plain,
    }),
  ],
  samples: [[1, 1234, 3_400_000, 4, 0.5, 0, 0, 0]],
  alerts: [],
  status: {
    proxies: 3,
    proxiesInSync: 2,
    silent: [],
    plaintextEdges: 1,
    nextExpiryMs: NOW + 80_047_000,
    version: '1',
  },
};

test('amounts have SI steps and few digits', () => {
  const amounts = [0, 999, 1000, 1234, 99_949, 99_950, 999_499, 999_500, 3.4e6];
  const texts = ['0 B', '999 B', '1.0 kB', '1.2 kB', '99.9 kB', '100 kB', '999 kB', '1.0 MB'];
  assert.deepEqual(amounts.map(renderBytes), [...texts, '3.4 MB']);
  const spans = [-5, 41_000, 61_000, 3_660_000, 90_000_000];
  assert.deepEqual(spans.map(renderSpan), ['0 s', '41 s', '1 min', '1 h 1 min', '1 d 1 h']);
});

test('the busiest edge comes first; what nobody reported is no zero', () => {
  const state = new MeshState(SNAPSHOT);
  const rows = topRows(state, undefined);
  const [first = '', ...lines] = renderTop(rows).split('\n');
  assert.match(first, /^FROM +TO +PROTOCOL +ENCRYPTED +→ TO SERVER +← TO CLIENT +OPEN/);
  assert.match(
    lines[0] ?? '',
    /^inventory\.library +db\.default:5432 +postgres +mTLS +1\.2 kB\/s +3\.4 MB\/s +4 +0\.5 +0 +-/,
  );
  assert.match(lines[1] ?? '', /PLAINTEXT +- +- +- +- +- +-$/);
  assert.equal(rows[1]?.toServer, null);
});

test('of requests it says how many failed and how long they took, if there are any', () => {
  const http = [edge({ index: 1, protocol: 'http' }), edge({ id: 'e2', index: 2, port: 80 })];
  const sample = [1, 100, 200, 0, 0, 0, 12, 8, 0.0123, null, 4.2, 31, 1840] as const;
  const state = new MeshState({ ...SNAPSHOT, edges: http, samples: [sample] });
  const rows = topRows(state, undefined);
  const [first = '', asked = '', other = ''] = renderTop(rows).split('\n');
  assert.match(first, /REQ\/S +ERRORS +4XX +P50 +P95 +P99 +LAST FAILURE$/);
  assert.match(asked, / 12 +1\.2 % +- +4\.2 ms +31 ms +1\.8 s +-$/);
  assert.match(other, / - +- +- +- +- +- +-$/);
  assert.equal(rows[0]?.clientErrorShare, null);
  assert.doesNotMatch(renderTop(topRows(new MeshState(SNAPSHOT), undefined)), /P95/);
});

test('a share is never rounded to none or all', () => {
  const shares = [0, 0.0001, 0.0123, 0.5, 0.9999, 1].map(renderShare);
  assert.deepEqual(shares, ['0 %', '< 0.1 %', '1.2 %', '50 %', '> 99.9 %', '100 %']);
});

test("other people's names do not move the cursor", () => {
  const state = new MeshState(SNAPSHOT);
  assert(!renderTop(topRows(state, undefined)).includes('\u001B'));
  const moment = { state, what: 'samples' } as const;
  const screen = renderScreen(moment, undefined, { rows: 4, columns: 20 });
  const escape = '\u001B';
  assert.deepEqual(
    [
      ...new Set(
        screen
          .split(escape)
          .slice(1)
          .map((part) => part.slice(0, 2)),
      ),
    ],
    ['[H', '[K', '[J'],
  );
  assert.match(screen, /… 3 more/);
});

test('the summary says how the mesh is', () => {
  assert.equal(
    renderSummary(new MeshState(SNAPSHOT)),
    '10:00:05 · 2 of 3 proxies in sync · 1 plaintext edge · next certificate ends in 22 h 14 min',
  );
  const unknown = { ...SNAPSHOT, status: { ...SNAPSHOT.status, nextExpiryMs: null } };
  assert.match(renderSummary(new MeshState(unknown)), /certificate ends unknown/);
});

test('events change what they are about', () => {
  const state = new MeshState(SNAPSHOT);
  assert(state.apply({ type: 'sample', atMs: NOW + 1000, samples: [[1, 0, 0, 0, 0, 0, 0, 0]] }));
  assert(state.apply({ type: 'edge.gone', id: 'e2' }));
  assert(state.apply({ type: 'node.upsert', node: node('wl:a/b') }));
  assert(state.apply({ type: 'node.gone', id: 'wl:shop/db', atMs: NOW }));
  assert.equal(topRows(state, undefined)[0]?.toServer, 0);
  assert.equal(state.edges.size, 1);
  assert.deepEqual([...state.nodes.keys()].includes('wl:shop/db'), false);
  assert.equal(state.apply({ type: 'reset', reason: '' }), false);
});

test('answers of something else are none', () => {
  assert(isSnapshot(JSON.parse(JSON.stringify(SNAPSHOT))));
  for (const other of [null, [], 'x', { ...SNAPSHOT, nodes: 7 }, { ...SNAPSHOT, edges: [{}] }]) {
    assert(!isSnapshot(other));
  }
  assert(isMeshEvent('reset', { type: 'reset', reason: '' }));
  assert(!isMeshEvent('reset', { type: 'sample' }));
});

test('a workload is found by what people call it', () => {
  const idOf = (text: string, namespace?: string): string =>
    findNode(SNAPSHOT.nodes, text, namespace).id;
  assert.equal(idOf('inventory'), 'wl:library/inventory');
  assert.equal(idOf('inventory.library'), 'wl:library/inventory');
  assert.equal(idOf('library/inventory'), 'wl:library/inventory');
  assert.equal(idOf('inventory-7d9f'), 'wl:library/inventory');
  assert.equal(idOf('db', 'shop'), 'wl:shop/db');
  assert.throws(() => idOf('db'), /may be any of db\.default, db\.shop/);
  assert.throws(() => idOf('nobody'), OperatorError);
});

test('a tap tells what has moved since the last line', () => {
  const state = new MeshState(SNAPSHOT);
  const tap = new Tap();
  const connection: Connection = {
    id: 'c1',
    edge: 'e1',
    openedAtMs: NOW,
    closedAtMs: null,
    clientAddress: '10.24.2.23:41820',
    serverAddress: '10.128.0.14:5432',
    toServerBytes: 100,
    toClientBytes: 200,
    encryption: 'tls',
    flags: '',
    seenBy: ['source'],
  };
  const line = (more: Partial<Connection>): string => tapped(more) ?? 'nothing';
  const tapped = (more: Partial<Connection>): string | undefined =>
    tap.line({ ...connection, ...more }, state.edges.get('e1'), (id) => state.nameOf(id));
  assert.equal(
    line({}),
    '10:00:05  open    inventory.library → db.default:5432  → 100 B ← 200 B  mTLS  10.24.2.23:41820 → 10.128.0.14:5432',
  );
  assert.match(line({ toServerBytes: 150 }), /moved .*→ 50 B ← 0 B/);
  const end = { toServerBytes: 150, toClientBytes: 260, closedAtMs: NOW + 3000, flags: 'UF' };
  assert.match(line(end), /^10:00:08 {2}closed .*→ 0 B ← 60 B.* after 3 s {2}flags UF$/);
  assert.equal(line(end), 'nothing'); // as the other end reports it
  assert.match(line({ ...end, toClientBytes: 300 }), /closed .*→ 0 B ← 40 B/);
});

test('a graph for Graphviz holds every name as a name', () => {
  const dot = renderGraph('dot', SNAPSHOT);
  assert.match(dot, /^digraph mesh \{$/m);
  assert.match(dot, /label="Kubernetes: cluster \\"1\\""/);
  assert.match(dot, /"wl:default\/db" \[label="db\\ndefault\\nVM" shape=pentagon\];/);
  assert(!dot.includes('\u001B'));
  assert.match(dot, /-> "host:evil\\"\];/); // the quote is escaped, the string goes on
  assert.match(dot, /label="443 tcp · PLAINTEXT" color=red style=dashed/);
});

test('a graph for Mermaid has entities where it would have syntax', () => {
  const mermaid = renderGraph('mermaid', SNAPSHOT);
  assert.match(mermaid, /^flowchart LR$/m);
  assert.match(mermaid, /n0\(\("inventory · library"\)\)/);
  assert.match(mermaid, /n3\["evil#34;#93;#59;#27;#91;2Jx"\]/);
  assert.match(mermaid, /n0 -\.->\|"443 tcp · PLAINTEXT"\| n3/);
});

test('of one namespace what talks to it stays', () => {
  const within = withinNamespace(SNAPSHOT, 'default');
  assert.deepEqual(
    within.nodes.map(({ id }) => id),
    ['wl:library/inventory', 'wl:default/db'],
  );
  assert.deepEqual(within.edges.length, 1);
  assert.deepEqual(JSON.parse(renderGraph('json', within)), within);
});
