import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Series } from '#api/history.ts';
import { meshOf } from '#model/mesh-of.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { edgeOf, FakeFlows } from './fake-flows.ts';
import { MeshView } from './mesh-view.ts';
import { NO_AGENTS } from './nothing.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');

/** Two points, of which the first is known. */
const series = (bytes: number | null): Series => ({
  stepSeconds: 1,
  atMs: [0, 1],
  toServerBytes: [1, bytes],
  toClientBytes: [1, bytes],
  open: [1, bytes === null ? null : 2],
  opened: [0, 0],
  failed: [0, 0],
  requests: [0, 0],
  requestMs: [null, null],
});

test('a moment gone by has what was there then, with the rates of then', () => {
  const flows = new FakeFlows();
  const known: Record<string, number | null> = { old: 700, silent: null };
  flows.series = ({ of }) =>
    'edge' in of && of.edge in known ? series(known[of.edge] ?? null) : undefined;
  const place = { from: 'ip:10.0.0.1', to: 'ip:10.0.0.2' };
  flows.table.set('old', edgeOf(1, { id: 'old', ...place, firstSeenMs: NOW - 60_000 }));
  flows.table.set('silent', edgeOf(2, { id: 'silent', ...place, firstSeenMs: NOW - 60_000 }));
  flows.table.set('new', edgeOf(3, { id: 'new', from: 'ip:10.0.0.3', firstSeenMs: NOW - 1 }));
  const view = new MeshView({
    mesh: meshOf('kind: Namespace\nmetadata: { name: default }'),
    flows,
    agents: NO_AGENTS,
    xds: { status: () => [] },
    certificateOf: () => undefined,
    joins: () => [],
    clock: new FakeClock(NOW),
  });
  const past = view.snapshotAt(NOW - 30_000);
  assert.equal(past.atMs, NOW - 30_000);
  assert.deepEqual(
    past.edges.map(({ id }) => id),
    ['old', 'silent'],
  );
  assert.deepEqual(
    past.nodes.map(({ id }) => id),
    ['ip:10.0.0.1', 'ip:10.0.0.2'],
  );
  // Of the silent one nothing is known of then: that is no zero.
  assert.deepEqual(past.samples, [[1, 700, 700, 2, 0, 0, 0, 0]]);
});
