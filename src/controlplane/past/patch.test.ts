import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { patched, patchOf } from './patch.ts';

const clone = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('a patch makes the second of the first, and is whole where they are not alike', () => {
  const fields = fc.record({
    a: fc.jsonValue({ maxDepth: 2 }),
    b: fc.record({ x: fc.jsonValue({ maxDepth: 1 }), y: fc.constantFrom(1, 2, null) }),
    c: fc.constantFrom(1, 2),
  });
  const any = fc.oneof(fields, fc.jsonValue());
  fc.assert(
    fc.property(any, any, (before, after) => {
      const patch = patchOf(clone(before), clone(after));
      if (patch === undefined) return;
      const sent = JSON.parse(JSON.stringify(patch)); // on the way it is JSON
      assert.equal(JSON.stringify(patched(clone(before), sent)), JSON.stringify(after));
    }),
    { numRuns: 500 },
  );
});

test('what differs is named, one field down', () => {
  const before = { id: 'e', at: 1, encryption: { state: 'mutual', seen: 1 }, list: [1] };
  const after = { ...before, at: 2, encryption: { state: 'mutual', seen: 5 }, list: [1] };
  assert.deepEqual(patchOf(before, after), { at: 2, 'encryption.seen': 5 });
  assert.deepEqual(patchOf(before, structuredClone(before)), {});
});

test('names with a dot, other fields and what has become undefined are told as a whole', () => {
  assert.equal(patchOf({ 'a.b': 1 }, { 'a.b': 2 }), undefined);
  assert.equal(patchOf({ a: 1 }, { a: 1, b: 2 }), undefined);
  assert.equal(patchOf({ a: 1 }, { a: undefined }), undefined);
  assert.deepEqual(patchOf({ a: { 'x.y': 1 } }, { a: { 'x.y': 2 } }), { a: { 'x.y': 2 } });
  assert.equal(patchOf([1], [2]), undefined);
});

test('a name that objects have of themselves is a name like any other', () => {
  const before: unknown = JSON.parse('{"__proto__": 1, "a": 2}');
  const after: unknown = JSON.parse('{"__proto__": 3, "a": 2}');
  const patch = patchOf(before, after);
  assert(patch);
  assert.equal(JSON.stringify(patched(before, patch)), JSON.stringify(after));
});
