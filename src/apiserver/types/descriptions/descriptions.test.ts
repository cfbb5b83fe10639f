import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TYPES } from '../tables.ts';
import { parseDescriptions } from './notation.ts';
import { DESCRIPTIONS } from './tables.ts';

test('what is described is there', () => {
  const strange = [...DESCRIPTIONS].flatMap(([type, { fields }]) => {
    const table = TYPES.get(type);
    if (!table) return [type];
    const names = new Set(table.map(({ name }) => name));
    return [...fields.keys()].filter((name) => !names.has(name)).map((name) => `${type}.${name}`);
  });
  assert.deepEqual(strange, []);
});

test('a description may go on over lines', () => {
  const read = parseDescriptions('a.B: One\n  and two.\n  c: Three:\n    four.\n  d: Five.\n');
  assert.deepEqual(read.get('a.B'), {
    text: 'One and two.',
    fields: new Map([
      ['c', 'Three: four.'],
      ['d', 'Five.'],
    ]),
  });
  assert.throws(() => parseDescriptions('  c: d'), /a description of nothing/);
  assert.throws(() => parseDescriptions('a.B: x\na.B: y'), /described twice/);
});
