import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '../status.ts';
import { BODY_BYTES_MAX, readJson, readYaml } from './body.ts';

function codeOf(read: () => unknown): number {
  try {
    read();
  } catch (error) {
    if (error instanceof StatusError) return error.status.code;
    throw error;
  }
  return 200;
}

const BODIES: readonly (readonly [string, Uint8Array, number])[] = [
  ['an object', Buffer.from('{"a":1}'), 200],
  ['nothing', Buffer.from(''), 400],
  ['half an object', Buffer.from('{"a":'), 400],
  ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 400],
  ['too many bytes', Buffer.alloc(BODY_BYTES_MAX + 1, 0x20), 413],
  ['too deep a list', Buffer.from('['.repeat(100_000)), 400],
  ['too deep a whole list', Buffer.from('['.repeat(1_000) + ']'.repeat(1_000)), 400],
  ['a field that means the prototype', Buffer.from('{"a":{"__proto__":1}}'), 400],
];

for (const [what, body, code] of BODIES) {
  test(`JSON: ${what} is ${code}`, () =>
    assert.equal(
      codeOf(() => readJson(body)),
      code,
    ));
}

const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
for (let level = 0; level < 8; level += 1) {
  const [from, to] = ['abcdefghi'[level], 'abcdefghi'[level + 1]];
  bomb.push(`${to}: &${to} [${Array.from({ length: 9 }, () => `*${from}`).join(',')}]`);
}

const YAML: readonly (readonly [string, string, number])[] = [
  ['an object', 'a: 1\nb: [x, y]', 200],
  ['JSON', '{"a":1}', 200],
  ['two values of one field', 'a: 1\na: 2', 400],
  ['a broken block', 'a: [', 400],
  ['aliases that multiply', bomb.join('\n'), 400],
  ['too deep a list', '['.repeat(5_000) + ']'.repeat(5_000), 400],
];

for (const [what, text, code] of YAML) {
  test(`YAML: ${what} is ${code}`, () =>
    assert.equal(
      codeOf(() => readYaml(Buffer.from(text))),
      code,
    ));
}

test('YAML reads dates and numbers as Kubernetes does', () => {
  const text = 'a: 2026-11-22T12:00:00Z\nb: "1"\nc: 1\nd: yes\ne: ~';
  assert.deepEqual(readYaml(Buffer.from(text)), {
    a: '2026-11-22T12:00:00Z',
    b: '1',
    c: 1,
    d: 'yes',
    e: null,
  });
});
