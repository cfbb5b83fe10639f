import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { coalesce } from './coalesce.ts';

test('many calls in one turn run the work once, and later calls run it again', async () => {
  let runs = 0;
  const settle = coalesce(() => runs++);
  settle();
  settle();
  assert.equal(runs, 0);
  await nextTurn();
  assert.equal(runs, 1);
  settle();
  await nextTurn();
  assert.equal(runs, 2);
});

test('a call made by the work itself is not lost', async () => {
  let runs = 0;
  const settle: () => void = coalesce(() => {
    if (++runs < 3) settle();
  });
  settle();
  for (let turn = 0; turn < 4; turn++) await nextTurn();
  assert.equal(runs, 3);
});
