import assert from 'node:assert/strict';
import { test } from 'node:test';
import { membersOf } from './collection.ts';
import type { Collection, DerivationFailure } from './collection.ts';
import { Graph } from './graph.ts';

test('a source shows what was written at the next commit, and the last write counts', () => {
  const graph = new Graph();
  const numbers = graph.source<number>('numbers');
  numbers.set('a', 1);
  numbers.set('a', 2);
  assert.equal(numbers.get('a'), undefined);
  assert.equal(numbers.latest('a'), 2);
  graph.commit();
  assert.equal(numbers.get('a'), 2);
  assert.deepEqual([...numbers.changed], ['a']);
  numbers.set('a', 2);
  graph.commit();
  assert.deepEqual([...numbers.changed], []);
});

test('what was written is looked at in one commit only', () => {
  const graph = new Graph();
  let comparisonCount = 0;
  const numbers = graph.source<number>('numbers', (a, b) => {
    comparisonCount += 1;
    return a === b;
  });
  numbers.set('a', 1);
  graph.commit();
  numbers.set('a', 2);
  graph.commit();
  graph.commit();
  assert.equal(comparisonCount, 1);
});

test('no glitch: every derivation sees settled inputs, runs once, and equal results cut off', () => {
  const graph = new Graph();
  const source = graph.source<number>('source');
  const plusOne = graph.derive('plusOne', source, (value) => value + 1);
  const sum = graph.derive('sum', source, (value, key) => value * 2 + (plusOne.get(key) ?? 0));
  const parity = graph.derive('parity', plusOne, (value) => value % 2);
  const seen: string[] = [];
  graph.derive('sink', parity, (value, key) => {
    const [one = 0, own = 0, both = 0] = [plusOne.get(key), source.get(key), sum.get(key)];
    seen.push(`${one - own} ${both - 3 * own}`);
    return value;
  });
  const only = graph.derive('only', source, (_value, key) => parity.get(key));
  let tailRunCount = 0;
  graph.derive('tail', only, (value) => {
    tailRunCount += 1;
    return value;
  });
  source.set('k', 1);
  graph.commit();
  source.set('k', 2);
  source.set('k', 3);
  graph.commit();
  source.set('k', 6);
  graph.commit();
  assert.deepEqual(seen, ['1 1', '1 1', '1 1']);
  assert.equal(tailRunCount, 2, 'the parity of 1 and 3 is the same');
});

test('a collection made later is filled from what is there', () => {
  const graph = new Graph();
  const source = graph.source<number>('source');
  source.set('a', 1);
  graph.commit();
  const doubled = graph.derive('doubled', source, (value) => value * 2);
  const byParity = graph.index('byParity', source, (value) => [value % 2 === 0 ? 'even' : 'odd']);
  graph.commit();
  assert.equal(doubled.get('a'), 2);
  assert.deepEqual(membersOf(byParity, 'odd'), ['a']);
});

test('a value that was not there yet is waited for', () => {
  const graph = new Graph();
  const wanted = graph.source<string>('wanted');
  const values = graph.source<number>('values');
  const found = graph.derive('found', wanted, (name) => values.get(name) ?? -1);
  wanted.set('w', 'x');
  graph.commit();
  assert.equal(found.get('w'), -1);
  values.set('x', 7);
  graph.commit();
  assert.equal(found.get('w'), 7);
});

test('reading forward, walking, writing and committing inside of a derivation are refused', () => {
  const misuses: Record<string, (graph: Graph) => void> = {
    'd reads later, which is not made before it': (graph) => {
      const source = graph.source<number>('source');
      const later: { read?: Collection<number> } = {};
      graph.derive('d', source, () => later.read?.get('k'));
      later.read = graph.derive('later', source, (value) => value);
      source.set('k', 1);
    },
    'd reads d, which is not made before it': (graph) => {
      const source = graph.source<number>('source');
      const itself: { read?: Collection<number> } = {};
      itself.read = graph.derive('d', source, () => itself.read?.get('other'));
      source.set('k', 1);
    },
    'a derivation walks over source: read keys, found through an index': (graph) => {
      const source = graph.source<number>('source');
      graph.derive('d', source, () => [...source.entries()].length);
      source.set('k', 1);
    },
    'keys of an index must not depend on source': (graph) => {
      const source = graph.source<number>('source');
      graph.index('i', source, () => [String(source.get('other'))]);
      source.set('k', 1);
    },
    'source is written inside of a commit': (graph) => {
      const source = graph.source<number>('source');
      graph.derive('d', source, (value, key) => source.set(key, value));
      source.set('k', 1);
    },
    'commit() was called inside of a commit': (graph) => {
      const source = graph.source<number>('source');
      graph.derive('d', source, () => graph.commit());
      source.set('k', 1);
    },
  };
  for (const [message, misuse] of Object.entries(misuses)) {
    const graph = new Graph();
    misuse(graph);
    assert.throws(
      () => graph.commit(),
      (error: Error) => error.cause instanceof Error && error.cause.message === message,
      message,
    );
  }
});

test('a derivation that throws keeps its value, is reported, and is tried again', () => {
  const reported: DerivationFailure[][] = [];
  const graph = new Graph({ onFailures: (failures) => reported.push([...failures]) });
  const source = graph.source<number>('source');
  const limit = graph.source<number>('limit');
  const bounded = graph.derive('bounded', source, (value) => {
    if (value > (limit.get('limit') ?? 0)) throw new RangeError(`${value} is over the limit`);
    return value;
  });
  const other = graph.derive('other', source, (value) => value + 1);
  const names = (): string[] =>
    reported.splice(0).flatMap((list) => list.map((f) => `${f.collection} ${f.key}`));

  limit.set('limit', 5);
  source.set('k', 3);
  graph.commit();
  assert.deepEqual(names(), []);
  source.set('k', 9);
  graph.commit();
  assert.deepEqual(names(), ['bounded k']);
  assert.equal(bounded.get('k'), 3, 'the last good value');
  assert.deepEqual([...bounded.changed], []);
  assert.equal(other.get('k'), 10, 'the commit is whole');
  assert.equal(graph.failures().length, 1);
  graph.commit();
  assert.deepEqual(names(), [], 'nothing changed, nothing is tried');
  limit.set('limit', 9);
  graph.commit();
  assert.equal(bounded.get('k'), 9, 'what it read before it threw made it run again');
  assert.deepEqual(graph.failures(), []);
  limit.set('limit', 1);
  graph.commit();
  source.delete('k');
  graph.commit();
  assert.equal(bounded.get('k'), undefined, 'a value does not outlive its parent');
  assert.deepEqual(graph.failures(), []);
});

test('without a reporter the commit throws, complete', () => {
  const graph = new Graph();
  const source = graph.source<number>('source');
  graph.derive('bad', source, () => {
    throw new Error('no');
  });
  const good = graph.derive('good', source, (value) => value);
  source.set('k', 1);
  assert.throws(() => graph.commit(), /deriving bad k/);
  assert.equal(good.get('k'), 1);
  source.set('k', 2);
  source.set('l', 3);
  assert.throws(() => graph.commit(), AggregateError);
  assert.equal(good.get('l'), 3);
});

test('an index whose function throws leaves the member where it was', () => {
  const graph = new Graph({ onFailures: () => undefined });
  const source = graph.source<string>('source');
  const byName = graph.index('byName', source, (value) => {
    if (value === '') throw new Error('nameless');
    return [value];
  });
  source.set('k', 'a');
  graph.commit();
  source.set('k', '');
  graph.commit();
  assert.deepEqual(membersOf(byName, 'a'), ['k']);
  assert.deepEqual(
    graph.failures().map(({ key }) => key),
    ['k'],
  );
  source.delete('k');
  graph.commit();
  assert.equal(byName.get('a'), undefined);
  assert.deepEqual(graph.failures(), []);
});

test('demand: a wanted key costs itself, whatever else there is', () => {
  const graph = new Graph();
  const values = graph.source<number>('values');
  const wanted = graph.source<string>('wanted');
  const doubled = graph.derive('doubled', values, (value) => value * 2);
  const answers = graph.derive('answers', wanted, (name) => doubled.get(name));
  for (let n = 0; n < 10_000; n += 1) values.set(`v${n}`, n);
  graph.commit();

  const runsOf = (change: () => void): number => {
    const before = graph.computationCount;
    change();
    graph.commit();
    return graph.computationCount - before;
  };
  assert.equal(
    runsOf(() => wanted.set('w', 'v7')),
    1,
  );
  assert.equal(answers.get('w'), 14);
  assert.equal(
    runsOf(() => values.set('v7', 8)),
    2,
  );
  assert.equal(
    runsOf(() => values.set('v8', 9)),
    1,
  );
  assert.equal(
    runsOf(() => wanted.delete('w')),
    0,
  );
  assert.equal(answers.cellCount, 0);
});

test('nothing is left behind', () => {
  const graph = new Graph({ onFailures: () => undefined });
  const source = graph.source<number>('source');
  const asked = graph.source<number>('asked');
  const index = graph.index('index', source, (value) => [`g${value}`]);
  const union = graph.union('union', [source, asked]);
  const none = graph.derive('none', source, (value) => {
    if (asked.get(`t${value}`) === 1) throw new Error('no');
    return undefined;
  });
  const sizes = graph.derive(
    'sizes',
    index,
    (members, key) => members.size + (asked.get(key) ?? 0),
  );
  for (let n = 0; n < 100; n += 1) {
    source.set(`x${n}`, n);
    asked.set(`t${n}`, n % 2);
    graph.commit();
    source.set(`y${n}`, n);
    source.delete(`y${n}`);
    source.delete(`x${n}`);
    asked.delete(`t${n}`);
    graph.commit();
  }
  const collections = [source, asked, index, union, none, sizes];
  assert.deepEqual(
    collections.map(({ cellCount }) => cellCount),
    [0, 0, 0, 0, 0, 0],
  );
  assert.deepEqual(
    collections.map(({ size }) => size),
    [0, 0, 0, 0, 0, 0],
  );
});
