// After any sequence of commits: what is incremental equals what is computed from nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { fuzz } from '../../test/fuzz/harness.ts';
import { membersOf } from './collection.ts';
import type { Collection } from './collection.ts';
import { Graph } from './graph.ts';
import type { Source } from './source.ts';

type Item = { readonly size: number; readonly groups: readonly string[] };
/** What was written, as plain maps. */
type World = {
  readonly items: Map<string, Item>;
  readonly settings: Map<string, number>;
  readonly wanted: Map<string, string>;
};
/** A key and its value from now on; undefined deletes. */
type Written<V> = { readonly key: string; readonly value: V | undefined };
type Change =
  | ({ readonly kind: 'items' } & Written<Item>)
  | ({ readonly kind: 'settings' } & Written<number>)
  | ({ readonly kind: 'wanted' } & Written<string>);
type Values = Map<string, unknown>;
type Picture = Record<'members' | 'sums' | 'fragile' | 'known' | 'answers', Values>;

const GROUPS = ['red', 'green', 'blue'];
const group = fc.constantFrom(...GROUPS);
const item: fc.Arbitrary<Item> = fc.record({ size: fc.nat(3), groups: fc.uniqueArray(group) });
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 3 });
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    kind: fc.constant('items' as const),
    key: fc.constantFrom('a', 'b', 'c', 'd'),
    value: optional(item),
  }),
  fc.record({
    kind: fc.constant('settings' as const),
    key: fc.constantFrom('limit', 'void', ...GROUPS),
    value: optional(fc.nat(4)),
  }),
  fc.record({
    kind: fc.constant('wanted' as const),
    key: fc.constantFrom('w1', 'w2', 'w3'),
    value: optional(group),
  }),
);
/** Commits of several changes each; fast-check's own default size would keep them short. */
const sequences = fc.array(fc.array(change, { maxLength: 5, size: 'max' }), {
  maxLength: 20,
  size: 'max',
});
const options = fuzz(3000);

/** The limit above which `fragile` throws; it reads one more setting, so that deps come and go. */
function fragileOf(
  item: Item,
  read: { setting: (key: string) => number | undefined; sum: (group: string) => unknown },
): string | undefined {
  const limit = read.setting('limit') ?? 4;
  if (item.size === 0) return undefined;
  if (item.size + (read.setting('blue') ?? 0) > limit) throw new RangeError('over the limit');
  return `${item.size} of ${String(read.sum(item.groups[0] ?? 'none'))}`;
}

/** The five collections as a graph, counting how often each cell runs. */
function incremental() {
  const graph = new Graph({ onFailures: () => undefined });
  const runs = new Map<string, number>();
  const ran = (name: string): void => void runs.set(name, (runs.get(name) ?? 0) + 1);
  const items = graph.source<Item>('items', (a, b) => JSON.stringify(a) === JSON.stringify(b));
  const settings = graph.source<number>('settings');
  const wanted = graph.source<string>('wanted');
  const members = graph.index('members', items, ({ groups }) => groups);
  const sums = graph.derive('sums', members, (_members, key) => {
    ran(`sums ${key}`);
    if (settings.get('void') === 1) return undefined;
    const sizes = membersOf(members, key).map((name) => items.get(name)?.size ?? 0);
    return sizes.reduce((sum, size) => sum + size, settings.get(key) ?? 0);
  });
  const fragile = graph.derive('fragile', items, (item, key) => {
    ran(`fragile ${key}`);
    return fragileOf(item, { setting: (key) => settings.get(key), sum: (key) => sums.get(key) });
  });
  const known = graph.union('known', [sums, settings]);
  const answers = graph.derive('answers', wanted, (name, key) => {
    ran(`answers ${key}`);
    const texts = membersOf(members, name).map((key) => fragile.get(key));
    return `${String(sums.get(name))} ${String(known.get(name))} ${texts.join()}`;
  });
  const read = { members, sums, fragile, known, answers };
  return { graph, runs, sources: { items, settings, wanted }, read };
}

/** The same from nothing; `before` is what a throwing `fragile` falls back to. */
function fromScratch(world: World, before: Values): Picture & { readonly failed: string[] } {
  const { items, settings, wanted } = world;
  const failed: string[] = [];
  const members = new Map(
    GROUPS.map((group) => {
      const names = [...items]
        .filter(([, item]) => item.groups.includes(group))
        .map(([key]) => key);
      return [group, names.toSorted()] as const;
    }).filter(([, names]) => names.length > 0),
  );
  const sums = new Map<string, number>();
  for (const [group, names] of settings.get('void') === 1 ? [] : members) {
    const sizes = names.map((name) => items.get(name)?.size ?? 0);
    sums.set(
      group,
      sizes.reduce((sum, size) => sum + size, settings.get(group) ?? 0),
    );
  }
  const fragile: Values = new Map();
  for (const [key, item] of items) {
    try {
      const setting = (key: string) => settings.get(key);
      const value = fragileOf(item, { setting, sum: (key) => sums.get(key) });
      if (value !== undefined) fragile.set(key, value);
    } catch {
      failed.push(key);
      if (before.has(key)) fragile.set(key, before.get(key));
    }
  }
  const known = new Map([...sums.keys(), ...settings.keys()].map((key) => [key, true] as const));
  const answers = new Map(
    [...wanted].map(([key, name]) => {
      const texts = (members.get(name) ?? []).map((key) => fragile.get(key));
      return [key, `${String(sums.get(name))} ${String(known.get(name))} ${texts.join()}`] as const;
    }),
  );
  return { members, sums, fragile, known, answers, failed: failed.toSorted() };
}

const valuesOf = (collection: Collection<unknown>): Values =>
  new Map(
    [...collection.entries()].map(([key, value]) => [
      key,
      value instanceof Set ? [...value].map(String).toSorted() : value,
    ]),
  );

const sorted = (values: Values) => [...values].toSorted(([a], [b]) => (a < b ? -1 : 1));

function write<V>(target: Source<V>, map: Map<string, V>, { key, value }: Written<V>): void {
  if (value === undefined) {
    target.delete(key);
    map.delete(key);
  } else {
    target.set(key, value);
    map.set(key, value);
  }
}

type Engine = ReturnType<typeof incremental>;

function apply({ sources }: Engine, world: World, change: Change): void {
  if (change.kind === 'items') write(sources.items, world.items, change);
  else if (change.kind === 'settings') write(sources.settings, world.settings, change);
  else write(sources.wanted, world.wanted, change);
}

function removeAll({ sources }: Engine, world: World): void {
  for (const kind of ['items', 'settings', 'wanted'] as const) {
    for (const key of world[kind].keys()) sources[kind].delete(key);
  }
}

const emptyWorld = (): World => ({ items: new Map(), settings: new Map(), wanted: new Map() });
const NAMES = ['members', 'sums', 'fragile', 'known', 'answers'] as const;

test('incremental = from scratch, each cell at most once, `changed` exact', () => {
  fc.assert(
    fc.property(sequences, (sequence) => {
      const engine = incremental();
      const world = emptyWorld();
      let before = fromScratch(world, new Map());
      for (const commit of sequence) {
        for (const change of commit) apply(engine, world, change);
        engine.runs.clear();
        engine.graph.commit();
        const after = fromScratch(world, before.fragile);
        for (const name of NAMES) {
          const collection = engine.read[name];
          assert.deepEqual(sorted(valuesOf(collection)), sorted(after[name]), name);
          assert.equal(collection.size, after[name].size, `size of ${name}`);
          const changed = changedKeys(before[name], after[name]);
          assert.deepEqual([...collection.changed].toSorted(), changed, `changed of ${name}`);
        }
        const failed = engine.graph.failures().map(({ key }) => key);
        assert.deepEqual(failed.toSorted(), after.failed);
        for (const [cell, count] of engine.runs) assert.equal(count, 1, `${cell} ran again`);
        before = after;
      }
    }),
    options,
  );
});

function changedKeys(before: Values, after: Values): string[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  const differs = (key: string) =>
    JSON.stringify(before.get(key)) !== JSON.stringify(after.get(key));
  return [...keys].filter(differs).toSorted();
}

test('when all is gone, nothing is left behind', () => {
  fc.assert(
    fc.property(sequences, (sequence) => {
      const engine = incremental();
      const world = emptyWorld();
      for (const commit of sequence) {
        for (const change of commit) apply(engine, world, change);
        engine.graph.commit();
      }
      removeAll(engine, world);
      engine.graph.commit();
      const collections = [...Object.values(engine.sources), ...Object.values(engine.read)];
      for (const { name, cellCount } of collections) assert.equal(cellCount, 0, name);
      assert.deepEqual(engine.graph.failures(), []);
    }),
    options,
  );
});

test('a commit without a change runs nothing', () => {
  fc.assert(
    fc.property(sequences, (sequence) => {
      const engine = incremental();
      const world = emptyWorld();
      for (const commit of sequence) {
        for (const change of commit) apply(engine, world, change);
        engine.graph.commit();
        const { computationCount } = engine.graph;
        for (const [key, value] of world.items) engine.sources.items.set(key, { ...value });
        engine.graph.commit();
        assert.equal(engine.graph.computationCount, computationCount);
      }
    }),
    fuzz(300),
  );
});
