// Rules are written by strangers, and judged before every write: whatever they say, the answer is a
// value or an error of CEL, and soon.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { fuzz } from '../../../test/fuzz/harness.ts';
import { Budget, evaluate } from './evaluate.ts';
import { CelSyntaxError } from '#base/cel/lexer.ts';
import { parseExpression } from '#base/cel/parser.ts';
import { CelError, toCel } from './values.ts';

/** Pieces of which expressions are made, so that noise gets past the parser. */
const PIECES = [
  'self',
  'self.a',
  'self.list',
  '[0]',
  'has(self.a)',
  'self.list.all(x, x > 1)',
  'self.list.exists(x, x == self.a)',
  'self.list.map(x, x * 2)',
  'self.list.filter(x, x != null)',
  'self.list.exists_one(x, x == 1)',
  "'text'.matches('a*')",
  "'text'.find('[')",
  "'a,b'.split(',')",
  'size(self)',
  "duration('1h')",
  "timestamp('2026-01-01T00:00:00Z')",
  'int(self.a)',
  'string(self.a)',
  "url('http://a.b/c').getHost()",
  'type(self)',
  '9223372036854775807',
  '1u',
  '-1',
  '0',
  '1.5e300',
  'null',
  'true',
  "'\\n'",
  '"x"',
  "r'\\d'",
  'b"x"',
  '{"a": 1}',
  '[1, 2]',
  '+',
  '-',
  '*',
  '/',
  '%',
  '==',
  '<',
  'in',
  '&&',
  '||',
  '!',
  '?',
  ':',
  '(',
  ')',
  '.',
  ',',
];

const expression = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 9 }).map((it) => it.join(' ')),
);

const numbers = fc.oneof(fc.integer(), fc.double({ noNaN: true }), fc.constantFrom(0, 2 ** 53));
const self = fc.record({
  a: fc.oneof(numbers, fc.string(), fc.boolean(), fc.constant(null)),
  list: fc.array(fc.oneof(numbers, fc.string()), { maxLength: 4 }),
});

test('an expression is a value, or an error of CEL', () => {
  let valueCount = 0;
  fc.assert(
    fc.property(expression, self, (text, value) => {
      try {
        const parsed = parseExpression(text);
        evaluate(parsed, new Map([['self', toCel(value, undefined)]]), new Budget());
        valueCount += 1;
      } catch (error) {
        assert(error instanceof CelSyntaxError || error instanceof CelError, String(error));
      }
    }),
    fuzz(20_000),
  );
  assert(valueCount > 0, 'some have a value');
});

test('depth and repetition end in an error, not in the stack', () => {
  const piece = fc.constantFrom('(', '[', '!', '-', 'a.', 'a[', 'self.list.all(x,', '1+', '{1:');
  fc.assert(
    fc.property(piece, fc.integer({ min: 1, max: 20_000 }), (piece, times) => {
      try {
        const parsed = parseExpression(`${piece.repeat(times)}1`);
        evaluate(parsed, new Map([['self', toCel({}, undefined)]]), new Budget());
      } catch (error) {
        assert(error instanceof CelSyntaxError || error instanceof CelError, String(error));
      }
    }),
    fuzz(200),
  );
});
