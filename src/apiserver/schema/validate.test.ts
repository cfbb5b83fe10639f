import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WIDGETS } from '../../../test/fakes/api-core.ts';
import type { Json, JsonObject } from '../object.ts';
import { objectAt, objectsAt } from '../object.ts';
import { renderViolation } from '../violation.ts';
import { withDefaults } from './defaults.ts';
import { pruneUnknown } from './prune.ts';
import { compileStructural } from './structural.ts';
import { validateValue } from './validate.ts';

const [version] = objectsAt(objectAt(WIDGETS, 'spec'), 'versions');
const source = objectAt(objectAt(version, 'schema'), 'openAPIV3Schema');
const { schema, violations } = compileStructural(source, '');

function problems(spec: Json): string[] {
  return validateValue(schema, { spec }).map((violation) => renderViolation(violation));
}

test('the test definition is structural', () => {
  assert.deepEqual(violations, []);
});

/** Messages as a real API server gives them. */
const CASES: readonly (readonly [Json, ...string[]])[] = [
  [{ size: 3, port: 'http', note: null, hosts: ['a'], free: { x: [1] }, labels: { a: 'b' } }],
  [{}, 'spec.size: Required value'],
  [
    { size: 33 },
    'spec.size: Invalid value: 33: spec.size in body should be less than or equal to 10',
  ],
  [
    { size: 0 },
    'spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1',
  ],
  [
    { size: 'string' },
    'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
  ],
  [
    { size: 1.5 },
    'spec.size: Invalid value: "number": spec.size in body must be of type integer: "number"',
  ],
  [{ size: 1, grade: 'Z' }, 'spec.grade: Unsupported value: "Z": supported values: "A", "B"'],
  [
    { size: 1, name: 'A' },
    `spec.name: Invalid value: "A": spec.name in body should match '^[a-z]+$'`,
  ],
  [{ size: 1, name: 'toolong' }, 'spec.name: Too long: may not be more than 5 bytes'],
  [{ size: 1, hosts: ['a', 'a'] }, 'spec.hosts[1]: Duplicate value: "a"'],
  [
    { size: 1, labels: { a: 1 } },
    'spec.labels.a: Invalid value: "integer": spec.labels.a in body must be of type string: "integer"',
  ],
  [
    { size: 1, port: 1.5 },
    'spec.port: Invalid value: "number": spec.port in body must be of type integer,string: "number"',
  ],
  [
    { size: null },
    'spec.size: Invalid value: "null": spec.size in body must be of type integer: "null"',
  ],
  [null, 'spec: Invalid value: "null": spec in body must be of type object: "null"'],
];

for (const [spec, ...expected] of CASES) {
  test(`${JSON.stringify(spec)} ${expected.length === 0 ? 'is valid' : 'is refused'}`, () => {
    assert.deepEqual(problems(spec), expected);
  });
}

test('unknown fields are dropped and named, except where they are to be kept', () => {
  const value = {
    spec: { size: 1, bogus: 1, free: { any: { thing: 1 } }, labels: { x: 'y' } },
    metadata: { name: 'a', nonsense: 1 },
    extra: {},
  };
  const { value: pruned, unknown } = pruneUnknown(schema, value);
  assert.deepEqual([...unknown].toSorted(), ['extra', 'metadata.nonsense', 'spec.bogus']);
  assert.deepEqual(pruned, {
    spec: { size: 1, free: { any: { thing: 1 } }, labels: { x: 'y' } },
    metadata: { name: 'a' },
  });
});

test('defaults fill absent fields, and nulls that are not allowed', () => {
  const expected: JsonObject = { spec: { size: 1, grade: 'A' } };
  assert.deepEqual(withDefaults(schema, { spec: { size: 1 } }), expected);
  assert.deepEqual(withDefaults(schema, { spec: { size: 1, grade: null } }), expected);
  assert.deepEqual(withDefaults(schema, { spec: { note: null } }), {
    spec: { note: null, grade: 'A' },
  });
});

test('combinations are named as a whole, without a field', () => {
  const either = compileStructural(
    {
      type: 'object',
      properties: { a: { type: 'string' }, b: { type: 'string' } },
      oneOf: [{ required: ['a'] }, { required: ['b'] }],
      not: { required: ['c'] },
      anyOf: [{ properties: { a: { enum: ['x'] } } }, { required: ['b'] }],
    },
    '',
  );
  assert.deepEqual(either.violations, []);
  const check = (value: Json) => validateValue(either.schema, value, 'spec').map(renderViolation);
  assert.deepEqual(check({ a: 'x' }), []);
  assert.deepEqual(check({ a: 'x', b: 'y' }), [
    '<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives',
  ]);
  assert.deepEqual(check({ a: 'z' }), [
    '<nil>: Invalid value: "": "spec" must validate at least one schema (anyOf)',
  ]);
});

/** What makes a schema not structural, with the field that says so. */
const NOT_STRUCTURAL: readonly (readonly [JsonObject, string])[] = [
  [{ type: 'object', properties: { a: {} } }, 'properties[a].type'],
  [{ type: 'string' }, 'type'],
  [{ properties: {} }, 'type'],
  [{ type: 'object', properties: { a: { type: 'array' } } }, 'properties[a].items'],
  [{ type: 'object', properties: { a: { type: 'set' } } }, 'properties[a].type'],
  [
    { type: 'object', properties: { a: { type: 'string', pattern: '(' } } },
    'properties[a].pattern',
  ],
  [{ type: 'object', $ref: '#/x' }, '$ref'],
  [
    {
      type: 'object',
      properties: { a: { type: 'string' } },
      additionalProperties: { type: 'string' },
    },
    'additionalProperties',
  ],
];

for (const [raw, field] of NOT_STRUCTURAL) {
  test(`not structural: ${JSON.stringify(raw)}`, () => {
    const fields = compileStructural(raw, '').violations.map((violation) => violation.field);
    assert(fields.includes(field), fields.join(', '));
  });
}
