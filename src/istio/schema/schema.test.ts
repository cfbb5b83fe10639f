import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderViolation } from '../object.ts';
import type { Violation } from '../object.ts';
import { object } from './object-schema.ts';
import { INVALID, Reading } from './reading.ts';
import { boolean, integer, list, map, string, word } from './schema.ts';
import type { Schema, Static } from './schema.ts';

function problemsOf(schema: Schema<unknown>, value: unknown): readonly string[] {
  const violations: Violation[] = [];
  const read = schema.read(value, new Reading('spec', violations));
  assert.equal(read === INVALID, violations.length > 0);
  return violations.map(renderViolation);
}

const port = object(
  {
    name: string({ lengthMin: 1, lengthMax: 5, pattern: /^[a-z]*$/ }),
    number: integer({ min: 1 }),
  },
  { required: ['name'] },
);
const spec = object(
  {
    ports: list(port, { itemsMin: 1, itemsMax: 3, keyField: 'name' }),
    labels: map(string(), { keysMin: 1, keysMax: 2 }),
    mode: word(['A', 'B']),
    isOn: boolean(),
    weight: integer({ max: 10 }),
    either: string(),
    or: string(),
  },
  {
    required: ['ports'],
    oneOf: ['either', 'or'],
    rules: [
      {
        cel: 'self.mode != "A" || has(self.weight)',
        message: 'A needs a weight',
        holds: ({ mode, weight }) => mode !== 'A' || weight !== undefined,
      },
    ],
  },
);
const ports = [{ name: 'tcp' }];

const CASES: readonly (readonly [value: unknown, problems: readonly string[]])[] = [
  [{ ports }, []],
  [{ ports, mode: null, weight: null }, []],
  [{}, ['spec.ports: Required value']],
  [{ ports: null }, ['spec.ports: Required value']],
  [
    { ports, mode: 'C', port: 1, weight: 11 },
    [
      'spec.mode: Unsupported value: "C": supported values: "A", "B"',
      'unknown field "spec.port"',
      'spec.weight: Invalid value: 11: spec.weight in body should be less than or equal to 10',
    ],
  ],
  ['text', ['spec: Invalid value: "string": spec in body must be of type object: "string"']],
  [
    { ports: [1, { name: 2 }, null] },
    [
      'spec.ports[0]: Invalid value: "integer": spec.ports[0] in body must be of type object: "integer"',
      'spec.ports[1].name: Invalid value: "integer": spec.ports[1].name in body must be of type string: "integer"',
      'spec.ports[2]: Invalid value: "null": spec.ports[2] in body must be of type object: "null"',
    ],
  ],
  [
    { ports: [{ name: 'tcp', number: 0 }, { name: '' }, { name: 'TCP' }] },
    [
      'spec.ports[0].number: Invalid value: 0: spec.ports[0].number in body should be greater than or equal to 1',
      'spec.ports[1].name: Invalid value: "": spec.ports[1].name in body should be at least 1 chars long',
      `spec.ports[2].name: Invalid value: "TCP": spec.ports[2].name in body should match '^[a-z]*$'`,
    ],
  ],
  [
    { ports: [{ name: 'toolong' }, { name: 'a', number: 1.5 }] },
    [
      'spec.ports[0].name: Too long: may not be more than 5 bytes',
      'spec.ports[1].number: Invalid value: "number": spec.ports[1].number in body must be of type integer: "number"',
    ],
  ],
  [{ ports: [{ name: 'a' }, { name: 'a' }] }, ['spec.ports[1]: Duplicate value: {"name":"a"}']],
  [
    { ports: [] },
    ['spec.ports: Invalid value: 0: spec.ports in body should have at least 1 items'],
  ],
  [
    { ports: [...ports, ...ports, ...ports, ...ports] },
    ['spec.ports: Too many: 4: must have at most 3 items'],
  ],
  [
    { ports, labels: {}, isOn: 'yes' },
    [
      'spec.labels: Invalid value: 0: spec.labels in body should have at least 1 properties',
      'spec.isOn: Invalid value: "string": spec.isOn in body must be of type boolean: "string"',
    ],
  ],
  [
    { ports, labels: { a: 'b', c: 'd', e: 'f' } },
    ['spec.labels: Too many: 3: must have at most 2 items'],
  ],
  [
    { ports, labels: { a: 1 } },
    [
      'spec.labels[a]: Invalid value: "integer": spec.labels[a] in body must be of type string: "integer"',
    ],
  ],
  [{ ports, either: 'x', or: 'y' }, ['spec: Invalid value: only one of either, or']],
  [{ ports, mode: 'A' }, ['spec: Invalid value: A needs a weight']],
  [
    { ports, mode: 'A', weight: 11 },
    ['spec.weight: Invalid value: 11: spec.weight in body should be less than or equal to 10'],
  ],
];

for (const [value, problems] of CASES) {
  test(`reading ${JSON.stringify(value).slice(0, 70)}`, () => {
    assert.deepEqual(problemsOf(spec, value), problems);
  });
}

test('what is read is a fresh value of the static type, without nulls', () => {
  const value = { ports: [{ name: 'tcp', number: null }], labels: { a: 'b', c: null }, mode: null };
  const read = spec.read(value, new Reading('spec', []));
  assert(read !== INVALID);
  const typed: Static<typeof spec> = read;
  assert.deepEqual(typed, { ports: [{ name: 'tcp' }], labels: { a: 'b' } });
  assert.notEqual(typed.ports, value.ports);
});

test('lengths are counted in characters, as OpenAPI does', () => {
  assert.deepEqual(problemsOf(string({ lengthMax: 2 }), '🐘🐘'), []);
});

test('names that every object inherits are no fields', () => {
  const value: unknown = JSON.parse('{"ports":[{"name":"a"}],"__proto__":{},"constructor":1}');
  const problems = ['unknown field "spec.__proto__"', 'unknown field "spec.constructor"'];
  assert.deepEqual(problemsOf(spec, value), problems);
});

test('a hopeless object is not described to its end, nor a long value repeated', () => {
  const fields = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`field${n}`, 1]));
  assert.equal(problemsOf(spec, { ports, ...fields }).length, 64);
  const [problem = ''] = problemsOf(spec, { ports, mode: 'x'.repeat(100_000) });
  assert(problem.length < 500);
});

test('the OpenAPI of a schema', () => {
  assert.deepEqual(spec.openapi, {
    type: 'object',
    required: ['ports'],
    properties: {
      ports: {
        type: 'array',
        minItems: 1,
        maxItems: 3,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
        items: {
          type: 'object',
          required: ['name'],
          properties: {
            name: { type: 'string', minLength: 1, maxLength: 5, pattern: '^[a-z]*$' },
            number: { type: 'integer', minimum: 1 },
          },
        },
      },
      labels: {
        type: 'object',
        additionalProperties: { type: 'string' },
        minProperties: 1,
        maxProperties: 2,
      },
      mode: { type: 'string', enum: ['A', 'B'] },
      isOn: { type: 'boolean' },
      weight: { type: 'integer', maximum: 10 },
      either: { type: 'string' },
      or: { type: 'string' },
    },
    oneOf: [
      { not: { anyOf: [{ required: ['either'] }, { required: ['or'] }] } },
      { required: ['either'] },
      { required: ['or'] },
    ],
    'x-kubernetes-validations': [
      { rule: 'self.mode != "A" || has(self.weight)', message: 'A needs a weight' },
    ],
  });
});
