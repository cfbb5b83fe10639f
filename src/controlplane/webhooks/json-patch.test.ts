import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { applyJsonPatch } from '#apiserver/patch/json-patch.ts';
import type { Json } from '#apiserver/object.ts';
import { diffJson } from './json-patch.ts';

test('a container more is one operation', () => {
  const before = { spec: { containers: [{ name: 'a' }] } };
  const after = { spec: { containers: [{ name: 'a' }, { name: 'b' }], volumes: [] } };
  assert.deepEqual(diffJson(before, after), [
    { op: 'add', path: '/spec/containers/-', value: { name: 'b' } },
    { op: 'add', path: '/spec/volumes', value: [] },
  ]);
});

test('names are escaped', () => {
  assert.deepEqual(diffJson({}, { 'a/b~c': 1 }), [{ op: 'add', path: '/a~1b~0c', value: 1 }]);
});

const { json } = fc.letrec<{ json: Json; list: Json[]; object: Record<string, Json> }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, true, 0, 1, 'a', 'b'),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('json'), { maxLength: 4 }),
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c/d', 'e~f', '0'), tie('json'), {
    noNullPrototype: true,
  }),
}));

test('applied to what was, the difference gives what is to be', () => {
  fc.assert(
    fc.property(json, json, (before, after) => {
      const patch: Json = JSON.parse(JSON.stringify(diffJson(before, after)));
      assert(Array.isArray(patch));
      assert.deepEqual(applyJsonPatch(before, patch), { ok: true, value: after });
    }),
    { numRuns: 500 },
  );
});
