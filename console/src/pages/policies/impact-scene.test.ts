import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowImpact, PolicyImpact } from '../../api/types.ts';
import { flowKey, impactScene } from './impact-scene.ts';

const flow = (from: string, to = 'wl:data/pg', port = 5432): FlowImpact => ({
  from,
  to,
  port,
  clientIdentity: '',
  bytes: 1,
  lastSeenMs: 0,
  openConnections: 0,
  before: 'a',
  after: 'b',
});

const impact = (change: Partial<PolicyImpact>): PolicyImpact => ({
  diagnostics: [],
  refused: [],
  allowed: [],
  moved: [],
  unchanged: [],
  untold: [],
  coverageMs: 0,
  note: '',
  ...change,
});

test('each call is a line between its client and its server, worst first', () => {
  const refused = flow('wl:batch/report');
  const scene = impactScene(
    impact({ unchanged: [flow('wl:data/web'), flow('wl:data/pg')], refused: [refused] }),
    [],
  );
  assert.deepEqual(
    scene.clients.map(({ name }) => name),
    ['report.batch', 'web.data', 'pg.data'],
  );
  assert.deepEqual(
    scene.servers.map(({ name }) => name),
    ['pg.data'],
  );
  assert.deepEqual(scene.lines.map(({ key, effect }) => [key, effect]).slice(0, 1), [
    [flowKey(refused), 'refused'],
  ]);
  const lefts = scene.clients.every(({ point }) => point.x < scene.width / 2);
  assert(lefts && scene.servers.every(({ point }) => point.x > scene.width / 2));
});

test('calls between the same two do not lie on each other', () => {
  const ports = [1, 2, 3, 4].map((port) => flow('wl:a/a', 'host:b', port));
  const { lines, servers } = impactScene(impact({ moved: ports }), []);
  assert.equal(new Set(lines.map(({ path }) => path)).size, 4);
  assert.equal(servers[0]?.kind, 'external');
});

test('what finds no room is counted, and what is refused finds it first', () => {
  const many = Array.from({ length: 40 }, (_, index) => flow(`wl:a/c${index}`));
  const { lines, left } = impactScene(
    impact({ unchanged: many, refused: [flow('wl:z/last')] }),
    [],
  );
  assert.equal(lines.length + left, 41);
  assert.equal(lines[0]?.effect, 'refused');
  assert(left > 30);
});
