import assert from 'node:assert/strict';
import { test } from 'node:test';
import { largeMesh } from '../../../../test/browser/mock/large.ts';
import { edgeOf, libraryStory, nodeOf, storyNodes } from '../../../../test/browser/mock/story.ts';
import type { Snapshot } from '../../api/types.ts';
import { parseFind } from '../../find/parse.ts';
import { Samples } from '../../store/samples.ts';
import { DRAWN_MAX, sceneOf, type Scene } from './scene.ts';
import { edgeLine, edgeName, encryptionWords } from './words.ts';

const NOW_MS = Date.UTC(2026, 10, 23, 12);

function scene(
  snapshot: Snapshot,
  view: { ns?: string[]; hide?: string; group?: 'namespace' } = {},
): Scene {
  const hide = parseFind(view.hide ?? '');
  assert(hide.isValid);
  const samples = new Samples();
  for (const sample of snapshot.samples) samples.set(sample, NOW_MS);
  return sceneOf({
    nodes: snapshot.nodes,
    edges: snapshot.edges,
    networks: snapshot.networks,
    view: { ns: view.ns ?? [], group: view.group ?? 'network' },
    hide: hide.expression,
    samples,
    isSilent: () => false,
    nowMs: NOW_MS,
  });
}

const names = ({ nodes }: Scene): string[] => nodes.map(({ name }) => name).toSorted();

test('a scope shows its own and their direct peers', () => {
  const story = libraryStory(NOW_MS);
  const { vm } = storyNodes(NOW_MS);
  const other = nodeOf(NOW_MS, { name: 'report', kind: 'pod', namespace: 'batch' });
  const lonely = nodeOf(NOW_MS, { name: 'lonely', kind: 'pod', namespace: 'other' });
  const mesh = {
    ...story,
    nodes: [...story.nodes, other, lonely],
    edges: [...story.edges, edgeOf(NOW_MS, other, vm, { index: 5, port: 5432 })],
  };
  assert.deepEqual(names(scene(mesh, { ns: ['batch'] })), ['postgresql-1-vm', 'report']);
  assert.equal(scene(mesh, { ns: ['batch'] }).edges.length, 1);
});

test('what is hidden takes its edges along', () => {
  const shown = scene(libraryStory(NOW_MS), { hide: 'kind=vm' });
  assert.deepEqual(names(shown), ['frontend', 'postgres-library']);
  assert.equal(shown.edges.length, 1);
});

test('networks are groups, with what the control plane calls them', () => {
  const { nodes, groups } = scene(libraryStory(NOW_MS));
  const vm = nodes.find(({ name }) => name === 'postgresql-1-vm');
  assert.equal(groups.get(vm?.group ?? '')?.title, 'VM network: us-east1-b');
  assert.equal(groups.get('net:')?.detail, '10.24.0.0/14');
  const by = scene(libraryStory(NOW_MS), { group: 'namespace' }).groups;
  assert.deepEqual(
    [...by.values()].map(({ title }) => title),
    ['Namespace inventory'],
  );
});

test('above the limit groups stand for workloads, and lose none', () => {
  const mesh = largeMesh(NOW_MS, DRAWN_MAX + 1, 500);
  const shown = scene(mesh);
  assert(shown.isCollapsed);
  const members = shown.nodes.reduce((sum, node) => sum + node.members.length, 0);
  assert.equal(members, DRAWN_MAX + 1);
  const [edge] = shown.edges;
  assert(edge);
  assert(!scene(largeMesh(NOW_MS, DRAWN_MAX, 500)).isCollapsed);
});

test('edges between the same two run beside each other', () => {
  const story = libraryStory(NOW_MS);
  const { library, vm } = storyNodes(NOW_MS);
  const more = [5433, 5434].map((port, index) =>
    edgeOf(NOW_MS, library, vm, { index: 7 + index, port }),
  );
  const back = edgeOf(NOW_MS, vm, library, { index: 9, port: 8080 });
  const { edges } = scene({ ...story, edges: [...story.edges, ...more, back] });
  const lanes = edges.filter(({ to, from }) => [to, from].includes(vm.id)).map(({ lane }) => lane);
  assert.equal(new Set(lanes).size, 4);
});

test('an edge says what flows which way, and never what is not known', () => {
  const { edges } = scene(libraryStory(NOW_MS));
  const edge = edges[1];
  assert(edge);
  const samples = new Samples();
  const ends = { from: 'a', to: 'b' };
  assert.equal(edgeLine(edge, samples, 'rate'), '–');
  assert.match(edgeName(edge, ends, samples), /^a to b, TCP 5432, mTLS .*, traffic not reported$/);
  samples.set([1, 1_240, 3_420, 4, 0, 0, 0, 0], NOW_MS);
  assert.equal(
    edgeLine(edge, samples, 'rate').replaceAll('\u00a0', ' '),
    '→ 1.2 kB/s  ← 3.4 kB/s · 4 conn',
  );
  assert.equal(edgeLine(edge, samples, 'conn'), '4 open · 0 opened/s · 0 failed/s');
  assert.equal(edgeLine(edge, samples, 'latency'), '–');
  assert.equal(edgeLine(edge, samples, 'identity'), 'sa/postgres-library → sa/postgresql');
  samples.set([1, 0, 0, 4, 0, 0, 0, 0], NOW_MS);
  assert.equal(edgeLine(edge, samples, 'rate'), 'idle · 4 conn');
});

test('of several edges the worst encryption is what they are called', () => {
  const [edge] = libraryStory(NOW_MS).edges;
  assert(edge);
  const as = (state: 'plaintext' | 'unknown' | 'one-sided') => ({
    ...edge,
    encryption: { ...edge.encryption, state },
  });
  assert.equal(encryptionWords([edge]), 'mTLS seen by both ends');
  assert.equal(encryptionWords([edge, as('plaintext')]), 'partly plaintext');
  assert.equal(encryptionWords([edge, as('unknown')]), 'encryption unknown');
  assert.equal(encryptionWords([as('one-sided')]), 'mTLS reported by one end');
});
