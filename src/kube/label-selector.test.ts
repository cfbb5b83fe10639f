import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelMatch, labelsMatch } from './label-selector.ts';

const labels = { app: 'web', tier: 'front', zone: '7' };
const expression = (key: string, operator: string, ...values: string[]) => ({
  matchExpressions: [{ key, operator, values }],
});

test('a selector selects by labels and by expressions', () => {
  const rows: readonly (readonly [unknown, boolean])[] = [
    [undefined, false],
    [{}, true],
    [{ matchLabels: { app: 'web' } }, true],
    [{ matchLabels: { app: 'web', tier: 'back' } }, false],
    [{ matchLabels: { app: 'web' }, ...expression('tier', 'In', 'back') }, false],
    [expression('tier', 'In', 'front', 'back'), true],
    [expression('none', 'In', ''), false],
    [expression('tier', 'NotIn', 'front'), false],
    [expression('none', 'NotIn', 'front'), true],
    [expression('tier', 'Exists'), true],
    [expression('none', 'Exists'), false],
    [expression('tier', 'DoesNotExist'), false],
    [expression('none', 'DoesNotExist'), true],
    [expression('zone', 'Gt', '6'), true],
    [expression('zone', 'Gt', '7'), false],
    [expression('zone', 'Lt', '8'), true],
    [expression('tier', 'Lt', '8'), false],
    [expression('tier', 'Resembles', 'front'), false],
  ];
  for (const [selector, selects] of rows) {
    assert.equal(labelMatch(selector)(labels), selects, JSON.stringify(selector));
  }
});

test("a Service's selector without labels selects nothing", () => {
  assert.equal(labelsMatch({ app: 'web' })(labels), true);
  assert.equal(labelsMatch({ app: 'web', tier: 'back' })(labels), false);
  assert.equal(labelsMatch({})(labels), false);
  assert.equal(labelsMatch(undefined)(labels), false);
});
