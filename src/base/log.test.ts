import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from './log.ts';

const capture = () => {
  const lines: string[] = [];
  return { lines, log: createLogger('xds', { sink: (line) => lines.push(line), nowMs: () => 0 }) };
};

test('a line has time, level, scope, message and fields', () => {
  const { lines, log } = capture();
  log.with({ proxy: 'default/inventory-1' }).info('stream opened', { types: 4, reason: undefined });
  assert.deepEqual(lines, [
    '1970-01-01T00:00:00.000Z info  xds: stream opened proxy=default/inventory-1 types=4',
  ]);
});

test('a hostile field can neither forge a line nor fill the disk', () => {
  const { lines, log } = capture();
  log.warn('refused', { name: 'a\n1970 error xds: forged', long: 'x'.repeat(10_000) });
  assert.equal(lines.length, 1);
  assert(!lines[0]?.includes('\n'));
  assert((lines[0]?.length ?? Infinity) < 3000);
});

test('lines below the level are not written', () => {
  const { lines, log } = capture();
  log.debug('detail');
  assert.deepEqual(lines, []);
});
