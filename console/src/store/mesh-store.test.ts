import assert from 'node:assert/strict';
import { test } from 'node:test';
import { libraryStory, nodeOf, storyNodes } from '../../../test/browser/mock/story.ts';
import type { MeshEvent } from '../api/types.ts';
import { MeshStore, type Topic } from './mesh-store.ts';

const NOW_MS = Date.UTC(2026, 10, 23, 12);
const VM = 'wl:inventory/postgresql-1-vm';

function loaded(): MeshStore {
  const store = new MeshStore();
  store.load(libraryStory(NOW_MS), { browserMs: NOW_MS - 5_000 });
  return store;
}

const apply = (store: MeshStore, ...events: readonly MeshEvent[]): void =>
  store.apply(events.map((event, index) => ({ revision: store.revision + index + 1, event })));

function heard(store: MeshStore, topics: readonly Topic[], work: () => void): string[] {
  const calls: string[] = [];
  const stops = topics.map((topic) => store.subscribe(topic, () => calls.push(topic)));
  work();
  for (const stop of stops) stop();
  return calls;
}

test('the snapshot is what is there, and how far the clocks are apart', () => {
  const store = loaded();
  assert.deepEqual(
    store.nodes().map(({ name }) => name),
    ['frontend', 'postgres-library', 'postgresql-1-vm'],
  );
  assert.equal(store.skewMs, 5_000);
  assert.equal(store.samples.of(1)?.toClientBytes, 3_420);
  assert.equal(store.samples.of(2), undefined);
});

test('only who follows what changed is told, and once', () => {
  const store = loaded();
  const { vm } = storyNodes(NOW_MS);
  const topics = ['nodes', `node:${VM}`, 'node:wl:inventory/frontend', 'edges', 'samples'] as const;
  const calls = heard(store, topics, () =>
    apply(
      store,
      { type: 'node.upsert', node: { ...vm, health: 'unhealthy' } },
      { type: 'node.upsert', node: { ...vm, health: 'unknown' } },
    ),
  );
  assert.deepEqual(calls, ['nodes', `node:${VM}`]);
  assert.equal(store.node(VM)?.health, 'unknown');
});

test('a list stays the same object until it changes', () => {
  const store = loaded();
  const before = store.nodes();
  apply(store, { type: 'sample', atMs: NOW_MS, samples: [[1, 1, 2, 3, 0, 0, 0, 0]] });
  assert.equal(store.nodes(), before);
  const node = nodeOf(NOW_MS, { name: 'new', kind: 'pod' });
  apply(store, { type: 'node.upsert', node });
  assert.notEqual(store.nodes(), before);
});

test('who left is news, with what was known of them', () => {
  const store = loaded();
  apply(store, { type: 'node.gone', id: VM, atMs: NOW_MS });
  assert.equal(store.node(VM), undefined);
  const [news] = store.news();
  assert(news?.kind === 'gone');
  assert.equal(news.node.name, 'postgresql-1-vm');
});

test('a certificate that was renewed replaces the old one', () => {
  const store = loaded();
  const certificate = store.node(VM)?.certificate;
  assert(certificate);
  const renewed = { ...certificate, serial: 'ff', rotations: 13 };
  apply(store, { type: 'cert.upsert', node: VM, certificate: renewed });
  assert.equal(store.node(VM)?.certificate?.rotations, 13);
});

test('an event of a newer control plane is left alone', () => {
  const store = loaded();
  const event: unknown = { type: 'weather', degrees: 21 };
  apply(store, event as MeshEvent);
  assert.equal(store.nodes().length, 3);
});

test('samples of any index fit, and hostile ones change nothing', () => {
  const store = loaded();
  for (const index of [100_000, -1, 0.5, Number.NaN]) {
    apply(store, { type: 'sample', atMs: NOW_MS, samples: [[index, 7, 7, 1, 0, 0, 0, 0]] });
  }
  assert.equal(store.samples.of(100_000)?.open, 1);
  assert.equal(store.samples.of(1)?.open, 4);
  assert.equal(store.samples.of(0)?.open, 2);
});

test('a snapshot loaded anew leaves nothing of before', () => {
  const store = loaded();
  apply(store, { type: 'node.upsert', node: nodeOf(NOW_MS, { name: 'ghost', kind: 'vm' }) });
  store.load({ ...libraryStory(NOW_MS), samples: [] }, { browserMs: NOW_MS });
  assert.equal(store.nodes().length, 3);
  assert.equal(store.samples.of(1), undefined);
});

test('an edge that nobody reports any more has no numbers, until somebody does', () => {
  const store = loaded();
  const { status } = libraryStory(NOW_MS);
  const keys = store.nodes().flatMap(({ instances }) => instances.map(({ key }) => key));
  assert.equal(store.samples.of(1)?.open, 4);
  const calls = heard(store, ['silences', 'samples'], () =>
    apply(store, { type: 'config.sync', status: { ...status, silent: keys } }),
  );
  assert.deepEqual(calls.toSorted(), ['samples', 'silences']);
  assert.equal(store.samples.of(1), undefined);
  // An old number that comes again is no new one.
  apply(store, { type: 'sample', atMs: NOW_MS, samples: [[1, 0, 0, 4, 0, 0, 0, 0]] });
  assert.equal(store.samples.of(1), undefined);
  apply(store, { type: 'config.sync', status: { ...status, silent: keys.slice(0, 1) } });
  assert.equal(store.samples.of(1)?.open, 4);
  apply(store, { type: 'config.sync', status });
  assert.equal(store.silences().byNode.size, 0);
});
