import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { differences, mergedText, mergeParts } from './merge.ts';

const kinds = (base: string, theirs: string, mine: string) =>
  mergeParts(base, theirs, mine).map(({ kind }) => kind);

test('changes in different places are both taken', () => {
  const parts = mergeParts('a\nb\nc\nd', 'A\nb\nc\nd', 'a\nb\nc\nD');
  assert.deepEqual(
    parts.map(({ kind }) => kind),
    ['theirs', 'same', 'mine'],
  );
  assert.equal(mergedText(parts, []), 'A\nb\nc\nD');
});

test('the same place changed twice waits for a choice and overwrites nothing', () => {
  const parts = mergeParts('a\nb\nc', 'a\ntheirs\nc', 'a\nmine\nc');
  assert.deepEqual(
    parts.map(({ kind }) => kind),
    ['same', 'conflict', 'same'],
  );
  assert.equal(mergedText(parts, []), undefined);
  assert.equal(mergedText(parts, ['theirs']), 'a\ntheirs\nc');
  assert.equal(mergedText(parts, ['mine']), 'a\nmine\nc');
});

test('what both changed alike is no conflict, what one took away stays away', () => {
  assert.deepEqual(kinds('a\nb', 'a\nx', 'a\nx'), ['same']);
  const parts = mergeParts('a\nb\nc', 'a\nc', 'a\nb\nc\nd');
  assert.equal(mergedText(parts, []), 'a\nc\nd');
});

test('differences are told apart, and those that wait for a choice are counted', () => {
  const parts = mergeParts('a\nb\nc\nd\ne', 'x\nb\nT\nd\nE', 'y\nb\nc\nd\nF');
  const found = differences(parts);
  assert.deepEqual(
    found.map(({ part, conflict }) => `${part.kind} ${conflict}`),
    ['conflict 0', 'theirs 0', 'conflict 1'],
  );
  assert.equal(new Set(found.map(({ key }) => key)).size, found.length);
});

const text = fc
  .array(fc.constantFrom('a', 'b', 'c', 'd', ''), { maxLength: 12 })
  .map((lines) => lines.join('\n'));

test('one side unchanged gives the other side, and all choices of one side give that side', () => {
  fc.assert(
    fc.property(text, text, (base, other) => {
      assert.equal(mergedText(mergeParts(base, other, base), []), other);
      assert.equal(mergedText(mergeParts(base, base, other), []), other);
      assert.equal(mergedText(mergeParts(base, other, other), []), other);
    }),
  );
});

test('the parts of each side, put together, are that side', () => {
  fc.assert(
    fc.property(text, text, text, (base, theirs, mine) => {
      const parts = mergeParts(base, theirs, mine);
      const sides = { base, theirs, mine };
      for (const side of ['theirs', 'mine'] as const) {
        assert.equal(parts.flatMap((part) => part[side]).join('\n'), sides[side]);
      }
    }),
  );
});
