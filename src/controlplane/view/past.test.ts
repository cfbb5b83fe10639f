import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { CertificateView } from '#api/graph.ts';
import { apply, meshOf, remove } from '#model/mesh-of.ts';
import type { StreamStatus } from '#xds/status.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { Past } from '../past/past.ts';
import { edgeOf, FakeFlows } from './fake-flows.ts';
import { MeshView } from './mesh-view.ts';
import { NO_AGENTS } from './nothing.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const vm = (name: string, version: string): string => `
kind: WorkloadEntry
metadata: { name: ${name}, labels: { app: ${name} } }
spec: { address: 10.128.0.14, labels: { app: ${name}, version: ${version} }, serviceAccount: db }
`;
const certificate = (serial: string): CertificateView => ({
  identity: 'spiffe://cluster.local/ns/default/sa/db',
  serial,
  notBeforeMs: NOW,
  notAfterMs: NOW + 3_600_000,
  limitedBy: 'leaf',
  issuer: '',
  rotateAtMs: NOW + 1_800_000,
  rotations: 0,
  source: 'issued',
});

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'past-'));
});
afterEach(() => rmSync(stateDir, { recursive: true }));

/** As isthmusd is started: nothing is known at first, then the objects are. */
function started(clock: FakeClock, yaml: string, serial = '') {
  const mesh = meshOf('kind: Namespace\nmetadata: { name: default }');
  const flows = new FakeFlows();
  const past = new Past({ stateDir, clock });
  const seen = { serial };
  const streams: StreamStatus[] = [];
  const view = new MeshView({
    mesh,
    flows,
    agents: NO_AGENTS,
    xds: { status: () => streams },
    certificateOf: () => (seen.serial === '' ? undefined : certificate(seen.serial)),
    joins: () => [],
    past,
    clock,
  });
  apply(mesh, yaml);
  view.beginPast();
  const marks = (): readonly string[] =>
    view.marks.marks({ fromMs: 0, toMs: clock.nowMs() + 1 }).map(({ text }) => text);
  return { mesh, flows, past, view, seen, streams, marks };
}

test('nodes, edges and encryption are of then, with the rates of then', async () => {
  const clock = new FakeClock(NOW);
  const { mesh, flows, view, past } = started(clock, vm('db', 'v1'));
  using _ = past;
  const asked: number[] = [];
  flows.samplesAt = (atMs, edges) => {
    asked.push(atMs, ...edges.map(({ index }) => index));
    return Promise.resolve([[1, 700, 70, 2, 0, 0, 0, 0]]);
  };
  const { encryption } = edgeOf(1);
  const plain = { ...encryption, state: 'plaintext' } as const;
  flows.table.set('e1', edgeOf(1, { from: 'ip:10.0.0.9', encryption: plain }));
  view.refresh();
  clock.advance(60_000);
  flows.table.set('e1', edgeOf(1, { from: 'ip:10.0.0.9' }));
  flows.table.set('e2', edgeOf(2, { from: 'ip:10.0.0.7' }));
  apply(mesh, vm('db', 'v2'));
  view.refresh();
  clock.advance(60_000);
  remove(mesh, vm('db', 'v2'));
  flows.table.clear();
  view.refresh();
  assert.deepEqual(view.snapshot().nodes, []);
  const then = await view.snapshotAt(NOW + 30_000);
  assert.equal(then.atMs, NOW + 30_000);
  assert.deepEqual(
    then.edges.map(({ id, encryption: { state } }) => [id, state]),
    [['e1', 'plaintext']],
  );
  assert.equal(then.status.plaintextEdges, 1);
  assert.deepEqual(
    then.nodes.map(({ id, version }) => [id, version]),
    [
      ['wl:default/db', 'v1'],
      ['ip:10.0.0.9', ''],
    ],
  );
  assert.deepEqual(then.samples, [[1, 700, 70, 2, 0, 0, 0, 0]]);
  assert.deepEqual(asked, [NOW + 30_000, 1]);
  const later = await view.snapshotAt(NOW + 90_000);
  assert.equal(later.nodes.find(({ name }) => name === 'db')?.version, 'v2');
  assert.equal(later.edges.length, 2);
});

test('who has left is known as it was last, and so are its edges', () => {
  const clock = new FakeClock(NOW);
  const { mesh, flows, view, past, marks } = started(clock, vm('db', 'v1'));
  using _ = past;
  flows.table.set('e1', edgeOf(1, { from: 'ip:10.0.0.9' }));
  view.refresh();
  assert.equal(view.lastKnown('wl:default/db')?.leftAtMs, null);
  clock.advance(1000);
  remove(mesh, vm('db', 'v1'));
  view.refresh();
  // The edge still leads to it: it is on the map, as gone.
  assert.equal(view.node('wl:default/db')?.state, 'gone');
  assert.equal(view.lastKnown('wl:default/db')?.leftAtMs, NOW + 1000);
  assert.deepEqual(marks(), ['db left']);
  clock.advance(60_000);
  flows.table.clear();
  view.refresh();
  assert.equal(view.node('wl:default/db'), undefined);
  const { leftAtMs, node } = view.lastKnown('wl:default/db') ?? {};
  assert.deepEqual([leftAtMs, node?.version, node?.kind], [NOW + 1000, 'v1', 'vm']);
  const edge = view.lastKnown('edge:e1');
  assert.equal(edge?.leftAtMs, NOW + 61_000);
  assert.equal(edge.edge?.encryption.state, 'mutual');
  assert.deepEqual(
    edge.ends.map(({ id }) => id),
    ['ip:10.0.0.9', 'wl:default/db'],
  );
  assert.deepEqual(marks(), ['db left']);
  assert.equal(view.lastKnown('wl:default/nobody'), undefined);
});

test('a restart forgets nothing, and takes nothing that is still there for news', async () => {
  const clock = new FakeClock(NOW);
  {
    const { flows, view, past, marks } = started(
      clock,
      `${vm('db', 'v1')}---${vm('old', 'v1')}`,
      'aa',
    );
    using _ = past;
    flows.table.set('e1', edgeOf(1, { from: 'ip:10.0.0.9', to: 'wl:default/old' }));
    view.refresh();
    assert.deepEqual(marks(), ['db has a certificate', 'old has a certificate']);
    clock.advance(5000);
  }
  clock.advance(60_000);
  const { flows, view, past, seen, marks } = started(clock, vm('db', 'v1'));
  using _ = past;
  assert.deepEqual(marks().slice(2), ['old left while the control plane was away']);
  const then = await view.snapshotAt(NOW + 1000);
  assert.deepEqual([then.nodes.length, then.atMs], [3, NOW + 1000]);
  assert.equal((await view.snapshotAt(NOW + 30_000)).atMs, NOW + 5000);
  // An edge of the history leads to who has left: it is shown as it was.
  flows.table.set('e1', edgeOf(1, { from: 'ip:10.0.0.9', to: 'wl:default/old' }));
  seen.serial = 'aa';
  view.refresh();
  const { kind, state, version } = view.node('wl:default/old') ?? {};
  assert.deepEqual([kind, state, version], ['vm', 'gone', 'v1']);
  assert.equal(marks().length, 3);
  seen.serial = 'bb';
  clock.advance(1000);
  view.refresh();
  assert.deepEqual(marks().slice(3), ['db has a new certificate']);
});

test('who reported before a restart and does not come back is silent, and has not "never called"', () => {
  const clock = new FakeClock(NOW);
  {
    const { view, past, streams } = started(clock, vm('db', 'v1'));
    using _ = past;
    const id = 'WorkloadEntry/default/db';
    const counts = { names: 0, unknown: 0, refusals: 0 };
    const stream = { id, nodeId: id, remoteAddress: '', connectedAtMs: NOW, counts, types: [] };
    streams.push(stream);
    view.refresh();
    assert.equal(view.node('wl:default/db')?.instances[0]?.agent?.isConnected, true);
  }
  clock.advance(60_000);
  const { view, past } = started(clock, vm('db', 'v1'));
  using _ = past;
  assert.equal(view.node('wl:default/db')?.instances[0]?.agent?.isConnected, false);
  // All agents are away for a moment when isthmusd has just started.
  assert.deepEqual(view.snapshot().status.silent, []);
  clock.advance(10_000);
  view.refresh();
  const { silent, silentSinceMs } = view.snapshot().status;
  assert.deepEqual([silent, silentSinceMs], [['WorkloadEntry/default/db'], [NOW]]);
});
