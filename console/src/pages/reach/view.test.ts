import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MeshNode, ReachResult, ReachStep } from '../../api/types.ts';
import {
  announcement,
  decisive,
  fromChoices,
  givenIn,
  nodesNamed,
  portChoices,
  questionOf,
  questionPath,
  questionProblem,
  stepViews,
  toChoices,
  whyCommand,
} from './view.ts';

const step = (name: ReachStep['name'], change: Partial<ReachStep> = {}): ReachStep => ({
  name,
  verdict: 'passed',
  source: 'configured',
  summary: '',
  evidence: [],
  object: null,
  fix: null,
  ...change,
});

const result = (change: Partial<ReachResult>): ReachResult => ({
  from: 'wl:default/library',
  to: 'wl:default/pg',
  host: 'pg.default',
  port: 5432,
  verdict: 'cannot',
  summary: 'Cannot connect — stopped at step 6 of 11: Network.',
  steps: [],
  atMs: 0,
  command: '',
  ...change,
});

const node = (name: string, change: Partial<MeshNode> = {}): MeshNode => ({
  id: `wl:default/${name}`,
  kind: 'pod',
  name,
  namespace: 'default',
  network: '',
  addresses: [],
  services: [],
  ports: [],
  version: '',
  identity: '',
  instances: [],
  health: 'unknown',
  certificate: null,
  join: null,
  state: 'member',
  changedAtMs: 0,
  ...change,
});

const PG_HOST = 'pg.default.svc.cluster.local';
const NODES = [
  node('library10'),
  node('library2', {
    ports: [{ port: 80, name: 'http', protocol: 'http', service: 'library.default' }],
  }),
  node('pg', {
    kind: 'vm',
    addresses: ['10.128.0.14'],
    services: [PG_HOST],
    ports: [{ port: 5432, name: 'tcp-postgres', protocol: 'tcp', service: PG_HOST }],
  }),
  node('x', { kind: 'unknown', id: 'ip:10.1.2.3', namespace: '', name: '10.1.2.3' }),
];

test('there are eleven steps, and those that the answer lacks are not reached', () => {
  const views = stepViews(result({ steps: [step('name')] }));
  assert.deepEqual(
    views.map(({ number }) => number),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  );
  assert.equal(views[0]?.words, 'passed');
  assert.equal(views[10]?.words, 'not reached');
});

test('the first step that failed is the one to look at, before any that is not known', () => {
  const steps = [
    step('name', { verdict: 'unknown' }),
    step('network', { verdict: 'failed', summary: 'timed out after 3.0 s' }),
    step('tls', { verdict: 'failed' }),
  ];
  const answer = result({ steps });
  assert.equal(decisive(stepViews(answer))?.name, 'network');
  assert.equal(
    announcement(answer),
    'Cannot connect — stopped at step 6 of 11: Network. timed out after 3.0 s',
  );
  assert.equal(decisive(stepViews(result({ steps: steps.slice(0, 1) })))?.name, 'name');
  assert.equal(decisive(stepViews(result({ steps: [step('name')] }))), undefined);
});

test('strangers cannot be asked from; services come before workloads', () => {
  assert.deepEqual(
    fromChoices(NODES).map(({ value }) => value),
    ['library2.default', 'library10.default', 'pg.default'],
  );
  assert.deepEqual(toChoices(NODES)[0], { value: PG_HOST, detail: 'service' });
});

test('a name means a workload, a host, its short form or an address', () => {
  for (const name of ['wl:default/pg', 'pg.default', PG_HOST, 'pg', '10.128.0.14']) {
    assert.deepEqual(
      nodesNamed(NODES, name).map(({ id }) => id),
      ['wl:default/pg'],
      name,
    );
  }
  assert.deepEqual(nodesNamed(NODES, ''), []);
  assert.deepEqual(portChoices(NODES, 'pg'), [{ value: '5432', detail: 'tcp-postgres' }]);
});

test('a question is a link and a command that a shell takes as it is', () => {
  const asked = { from: 'a b', to: "x'y", port: 5432 };
  assert.equal(questionPath(asked), '/reach?from=a+b&to=x%27y&port=5432');
  assert.equal(whyCommand(asked), `isthmus why 'a b' 'x'\\''y:5432'`);
  assert.equal(
    whyCommand({ from: 'a.b', to: 'fd00::1', port: 80 }),
    "isthmus why a.b '[fd00::1]:80'",
  );
  assert.equal(whyCommand({ from: 'a.b', to: 'c.d', port: 0 }), 'isthmus why a.b c.d');
});

test('a link from another page may name an end by its id, or only one end', () => {
  const given = givenIn('?from=wl:default/library&to=host:db.example.com&port=5432&x=1');
  assert.deepEqual(given, { from: 'library.default', to: 'db.example.com', port: '5432' });
  assert.deepEqual(questionOf(given), { ...given, port: 5432 });
  assert.equal(questionOf(givenIn('?to=wl:default/library')), undefined);
});

test('what is no question says what is missing', () => {
  assert.equal(questionProblem('a', 'b', ''), '');
  assert.match(questionProblem('', 'b', '1'), /who connects/);
  assert.match(questionProblem('a', ' ', '1'), /where to/);
  for (const port of ['0', '65536', '1.5', 'x'])
    assert.match(questionProblem('a', 'b', port), /number/);
});
