import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../object.ts';
import type { ValidationRule } from '../schema/schema.ts';
import { compileStructural } from '../schema/structural.ts';
import { renderViolation } from '../violation.ts';
import { Budget, evaluate } from './evaluate.ts';
import { CelSyntaxError } from '#base/cel/lexer.ts';
import { parseExpression } from '#base/cel/parser.ts';
import { ruleProblem as problemOf, validateRules } from './rules.ts';
import { CelError, toCel } from './values.ts';

const SELF = {
  name: 'unix:///x',
  port: 80,
  list: [1, 2, 3],
  map: { a: 'x', b: 'y' },
  items: [{ n: 1 }, { n: 2 }, { n: 1 }],
  'dashed-name': true,
  namespace: 'ns',
};

function valueOf(text: string): unknown {
  const variables = new Map([['self', toCel(SELF, undefined)]]);
  return evaluate(parseExpression(text), variables, new Budget());
}

const CASES: readonly (readonly [string, unknown])[] = [
  ['1 + 2 * 3', 7n],
  ['(1 + 2) * 3', 9n],
  ['7 / 2', 3n],
  ['7.0 / 2.0', 3.5],
  ['-7 % 3', -1n],
  ['1 == 1.0', true],
  ['"a" + \'b\'', 'ab'],
  [String.raw`"\t\"" == '\t"'`, true],
  [String.raw`r"\d" == "\\d"`, true],
  [String.raw`r"""a"\d"""  == "a\"\\d" && '''it's\n''' == "it\'s\n"`, true],
  [`"""two\nlines""" == "two\\nlines" && """""" == ""`, true],
  ['isIP("10.0.0.1") && isIP("::1") && !isIP("10.0.0.01") && !isIP("::ffff:10.0.0.1")', true],
  ['"ABC".matches("^(?i)b*abc$") && "x\\ny".matches("(?s)x.y") && !"A".matches("a")', true],
  ['isCIDR("10.0.0.0/8") && !isCIDR("10.0.0.0/33") && !isCIDR("10.0.0.0")', true],
  ['[1, 2] + [3]', [1n, 2n, 3n]],
  ['1 < 2 && 2 <= 2 || false', true],
  ['true ? 1 : 2', 1n],
  ['false ? 1 : true ? 2 : 3', 2n],
  ['!(1 in [2])', true],
  ['"a" in self.map', true],
  ['has(self.name) && !has(self.other)', true],
  ['self.list[1]', 2n],
  ['self.map["b"]', 'y'],
  ['self.map.b', 'y'],
  ['self.__namespace__ == "ns" && self.dashed__dash__name', true],
  ['self.list.all(x, x > 0)', true],
  ['self.list.exists(x, x == 2)', true],
  ['self.items.exists_one(x, x.n == 2)', true],
  ['self.items.exists_one(x, x.n == 1)', false],
  ['self.list.filter(x, x != 2).map(x, x * 10)', [10n, 30n]],
  ['self.list.map(x, x > 1, x)', [2n, 3n]],
  ['self.map.all(k, self.map[k].size() == 1)', true],
  ['size("ä€") == 2 && [].size() == 0 && {"a": 1}.size() == 1', true],
  ['self.name.startsWith("unix://") && self.name.substring(7) == "/x"', true],
  ['self.name.matches("^unix:") && !self.name.endsWith("/")', true],
  ['int("42") == 42 && string(42) == "42" && double("1.5") == 1.5', true],
  ['duration("1h30m") == duration("90m") && duration("1s") > duration("1ms")', true],
  ['url("https://a.b:80/c").getScheme() == "https" && isURL("x") == false', true],
  ['url("https://a.b:81/c").getPort() == "81"', true],
  ['"a,b".split(",").join("-").upperAscii()', 'A-B'],
  ['[3, 1].sum() == 4 && "abc".indexOf("c") == 2', true],
  // errors do not matter where the other side decides
  ['false && self.missing', false],
  ['self.missing == 1 && false', false],
  ['self.missing == 1 || true', true],
  ['[1, 0].exists(x, 1 / x == 1)', true],
];

for (const [text, expected] of CASES) {
  test(`CEL: ${text}`, () => assert.deepEqual(valueOf(text), expected));
}

const FAILURES: readonly (readonly [string, RegExp])[] = [
  ['self.missing', /no such key: missing/],
  ['self.list[9]', /index out of bounds/],
  ['1 / 0', /division by zero/],
  ['1 + "a"', /no such overload: int \+ string/],
  ['1 + 1.0', /no such overload/],
  ['"a" < 1', /have no order/],
  ['int("x")', /type conversion error from 'string' to 'int'/],
  ['duration("1x")', /type conversion error from 'string' to 'google\.protobuf\.Duration'/],
  ['url("a b").getHost()', /invalid URI for request/],
  ['self.list.all(x, x)', /no such overload/],
  ['true && self.missing == 1', /no such key/],
  ['"abc".substring(2, 9)', /index out of range/],
  ['9223372036854775807 + 1', /integer overflow/],
];

for (const [text, message] of FAILURES) {
  test(`CEL fails: ${text}`, () => {
    assert.throws(
      () => valueOf(text),
      (error) => error instanceof CelError && message.test(error.message),
    );
  });
}

for (const text of [
  '1 +',
  '(1',
  'a.',
  '"a',
  '1 2',
  '#',
  'has(a)',
  'self.all(1, true)',
  '['.repeat(500),
]) {
  test(`not CEL: ${text.slice(0, 20)}`, () => {
    assert.throws(() => parseExpression(text), CelSyntaxError);
  });
}

test('a rule that cannot be served is found when it is read', () => {
  const ruleProblem = (rule: ValidationRule) => problemOf(rule, true);
  assert.equal(ruleProblem({ rule: 'self.a == 1' }), undefined);
  assert.match(ruleProblem({ rule: 'slef.a == 1' }) ?? '', /undeclared reference to 'slef'/);
  assert.match(ruleProblem({ rule: 'self.all(x, y)' }) ?? '', /undeclared reference to 'y'/);
  assert.match(ruleProblem({ rule: 'frob(self)' }) ?? '', /undeclared reference to 'frob'/);
  assert.match(ruleProblem({ rule: 'self ==' }) ?? '', /compilation failed/);
  assert.equal(ruleProblem({ rule: 'self == oldSelf' }), undefined);
  const uncorrelated = problemOf({ rule: 'self == oldSelf' }, false);
  assert.match(uncorrelated ?? '', /oldSelf cannot be used on the uncorrelatable portion/);
  assert.match(ruleProblem({ rule: ' ' }) ?? '', /rule is not specified/);
});

test('rules about a change look at what was before, where that is known', () => {
  const rules = (rule: string, message: string) => ({
    'x-kubernetes-validations': [{ rule, message }],
  });
  const item = {
    type: 'object',
    properties: { name: { type: 'string' }, size: { type: 'integer' } },
    ...rules('self.size >= oldSelf.size', 'must not shrink'),
  };
  const list = { type: 'array', items: item };
  const byName = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] };
  const properties = {
    fixed: { type: 'string', ...rules('self == oldSelf', 'is immutable') },
    byKey: { type: 'object', additionalProperties: item },
    listed: { ...list, ...byName },
  };
  const { schema, violations } = compileStructural({ type: 'object', properties }, '');
  assert.deepEqual(violations, []);
  const before = {
    fixed: 'a',
    byKey: { k: { size: 2 } },
    listed: [
      { name: 'x', size: 2 },
      { name: 'y', size: 2 },
    ],
  };
  const after = {
    fixed: 'b',
    byKey: { k: { size: 1 }, fresh: { size: 0 } },
    listed: [
      { name: 'z', size: 0 },
      { name: 'y', size: 1 },
    ],
  };
  const say = (value: Json, previous?: Json) =>
    validateRules(schema, value, previous).map(renderViolation);
  assert.deepEqual(say(after), [], 'nothing of a new object');
  assert.deepEqual(say(before, before), []);
  assert.deepEqual(say({ ...before, fixed: 'b' }, { ...before, fixed: undefined }), []);
  assert.deepEqual(say(after, before), [
    'fixed: Invalid value: "b": is immutable',
    'byKey[k]: Invalid value: "object": must not shrink',
    'listed[1]: Invalid value: "object": must not shrink',
  ]);
  const unkeyed = compileStructural({ type: 'object', properties: { list } }, '');
  assert.match(unkeyed.violations.map(renderViolation).join(), /oldSelf cannot be used/);
});

test('nested loops end before they hurt', () => {
  const many = Array.from({ length: 1_000 }, (_, index) => index);
  const rule = 'self.all(a, self.all(b, self.all(c, a + b + c >= 0)))';
  const { schema } = compileStructural(
    {
      type: 'object',
      properties: {
        l: {
          type: 'array',
          items: { type: 'integer' },
          'x-kubernetes-validations': [{ rule }],
        },
      },
    },
    '',
  );
  const [violation] = validateRules(schema, { l: many });
  assert.match(violation?.text ?? '', /cost too much/);
});

test('violations carry the path, the message, the reason and the field of the rule', () => {
  const rules = [
    {
      rule: 'self.min <= self.max',
      messageExpression: '"min " + string(self.min) + " is too large"',
    },
    {
      rule: 'self.max < 10',
      reason: 'FieldValueForbidden',
      fieldPath: '.max',
      message: 'too large',
    },
    { rule: 'self.max != 20' },
  ];
  const number = { type: 'integer' };
  const range = {
    type: 'object',
    properties: { min: number, max: number },
    'x-kubernetes-validations': rules,
  };
  const map = { type: 'object', additionalProperties: range };
  const { schema } = compileStructural({ type: 'object', properties: { spec: map } }, '');
  const found = validateRules(schema, { spec: { a: { min: 30, max: 20 } } });
  assert.deepEqual(found.map(renderViolation), [
    'spec[a]: Invalid value: "object": min 30 is too large',
    'spec[a].max: Invalid value: "object": too large',
    'spec[a]: Invalid value: "object": failed rule: self.max != 20',
  ]);
  assert.equal(found[1]?.reason, 'FieldValueForbidden');
});
