import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Json, JsonObject } from '../object.ts';
import { builtInKindSchema } from '../schema/built-in.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicMerge, StrategicPatchError } from './strategic-merge.ts';

type JsonCase = readonly [string, Json, readonly Json[], Json | undefined];

const DOCUMENT = { a: { b: [1, 2, 3] }, 'x/y': 1, 'm~n': 2 };

/** RFC 6902 appendix A, in our words; undefined: the patch fails. */
const JSON_PATCHES: readonly JsonCase[] = [
  ['adds a field', {}, [{ op: 'add', path: '/a', value: 1 }], { a: 1 }],
  ['adds into a list', [1, 3], [{ op: 'add', path: '/1', value: 2 }], [1, 2, 3]],
  ['adds at the end', [1], [{ op: 'add', path: '/-', value: 2 }], [1, 2]],
  ['replaces the whole', { a: 1 }, [{ op: 'replace', path: '', value: 2 }], 2],
  ['removes', DOCUMENT, [{ op: 'remove', path: '/a' }], { 'x/y': 1, 'm~n': 2 }],
  ['reads escapes', { 'x/y': 1 }, [{ op: 'replace', path: '/x~1y', value: 2 }], { 'x/y': 2 }],
  ['moves', { a: 1 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
  ['copies', { a: 1 }, [{ op: 'copy', from: '/a', path: '/b' }], { a: 1, b: 1 }],
  [
    'tests',
    { a: [1, { b: 2 }] },
    [{ op: 'test', path: '/a/1', value: { b: 2 } }],
    { a: [1, { b: 2 }] },
  ],
  ['a failed test', { a: 1 }, [{ op: 'test', path: '/a', value: 2 }], undefined],
  ['no such field', {}, [{ op: 'remove', path: '/a' }], undefined],
  ['no such parent', {}, [{ op: 'add', path: '/a/b', value: 1 }], undefined],
  ['an index past the end', [1], [{ op: 'add', path: '/2', value: 1 }], undefined],
  ['an index with zeros', [1], [{ op: 'replace', path: '/00', value: 1 }], undefined],
  ['no pointer', {}, [{ op: 'add', path: 'a', value: 1 }], undefined],
  ['an unknown operation', {}, [{ op: 'merge', path: '/a' }], undefined],
  ['an inherited field', {}, [{ op: 'replace', path: '/constructor', value: 1 }], undefined],
  [
    'all or nothing',
    { a: 1 },
    [
      { op: 'remove', path: '/a' },
      { op: 'remove', path: '/a' },
    ],
    undefined,
  ],
];

for (const [title, document, operations, expected] of JSON_PATCHES) {
  test(`JSON patch: ${title}`, () => {
    const patched = applyJsonPatch(document, operations);
    if (expected === undefined) assert.equal(patched.ok, false);
    else assert.deepEqual(patched, { ok: true, value: expected });
  });
}

test('JSON patch: copies cannot grow without end', () => {
  const double = Array.from({ length: 60 }, () => ({ op: 'copy', from: '', path: '/-' }));
  assert.equal(applyJsonPatch([1], double).ok, false);
});

test('merge patch: fields are set, removed by null, and lists replaced', () => {
  const target = { a: 'b', c: { d: 'e', f: 'g' }, l: [1] };
  const patch = { a: 'z', c: { f: null }, l: [2], n: { x: null, y: 1 } };
  assert.deepEqual(applyMergePatch(target, patch), { a: 'z', c: { d: 'e' }, l: [2], n: { y: 1 } });
});

test('merge patch: applying the same patch twice changes nothing more', () => {
  const json = fc
    .jsonValue({ maxDepth: 3 })
    .map((value): Json => JSON.parse(JSON.stringify(value)));
  fc.assert(
    fc.property(json, json, (target, patch) => {
      const once = applyMergePatch(target, patch);
      assert.deepEqual(applyMergePatch(once, patch), once);
    }),
    { numRuns: 300 },
  );
});

const POD = builtInKindSchema('core.Pod');

function containers(...items: JsonObject[]): JsonObject {
  return { spec: { containers: items } };
}

type StrategicCase = readonly [string, JsonObject, JsonObject, JsonObject];

const STRATEGIC: readonly StrategicCase[] = [
  [
    'joins a list by its key',
    containers({ name: 'a', image: '1' }, { name: 'b', image: '1' }),
    containers({ name: 'b', image: '2' }),
    containers({ name: 'a', image: '1' }, { name: 'b', image: '2' }),
  ],
  [
    'adds what has a new key',
    containers({ name: 'a' }),
    containers({ name: 'c' }),
    containers({ name: 'a' }, { name: 'c' }),
  ],
  [
    'deletes an item by directive',
    containers({ name: 'a' }, { name: 'b' }),
    containers({ name: 'a', $patch: 'delete' }),
    containers({ name: 'b' }),
  ],
  [
    'replaces a list by directive',
    containers({ name: 'a' }, { name: 'b' }),
    containers({ name: 'c' }, { $patch: 'replace' }),
    containers({ name: 'c' }),
  ],
  [
    'orders as told',
    containers({ name: 'a' }, { name: 'b' }),
    {
      spec: {
        $setElementOrder: 'ignored',
        '$setElementOrder/containers': [{ name: 'b' }, { name: 'c' }, { name: 'a' }],
        containers: [{ name: 'c' }],
      },
    },
    containers({ name: 'b' }, { name: 'c' }, { name: 'a' }),
  ],
  [
    'replaces an atomic list',
    { spec: { tolerations: [{ key: 'a' }] } },
    { spec: { tolerations: [{ key: 'b' }] } },
    { spec: { tolerations: [{ key: 'b' }] } },
  ],
  [
    'joins scalars by value',
    { metadata: { finalizers: ['a.io/a'] } },
    { metadata: { finalizers: ['b.io/b', 'a.io/a'] } },
    { metadata: { finalizers: ['a.io/a', 'b.io/b'] } },
  ],
  [
    'deletes scalars by directive',
    { metadata: { finalizers: ['a.io/a', 'b.io/b'] } },
    { metadata: { '$deleteFromPrimitiveList/finalizers': ['a.io/a'] } },
    { metadata: { finalizers: ['b.io/b'] } },
  ],
  [
    'keeps only the named keys',
    { spec: { volumes: [{ name: 'v', emptyDir: {} }] } },
    {
      spec: {
        volumes: [{ name: 'v', $retainKeys: ['name', 'secret'], secret: { secretName: 's' } }],
      },
    },
    { spec: { volumes: [{ name: 'v', secret: { secretName: 's' } }] } },
  ],
  [
    'removes by null, and a map by directive',
    { metadata: { labels: { a: '1', b: '2' }, annotations: { c: '3' } } },
    { metadata: { labels: { a: null }, annotations: { $patch: 'delete' } } },
    { metadata: { labels: { b: '2' } } },
  ],
];

for (const [title, target, patch, expected] of STRATEGIC) {
  test(`strategic merge: ${title}`, () => {
    assert.deepEqual(applyStrategicMerge(target, patch, POD), expected);
  });
}

test('strategic merge: an item without its key is refused', () => {
  const patch = containers({ image: '2' });
  assert.throws(() => applyStrategicMerge(containers(), patch, POD), StrategicPatchError);
});
