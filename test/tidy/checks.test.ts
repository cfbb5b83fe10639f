// docs/console-checks.md names tests that there are, for all forty checks.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const CHECKS = 40;

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('every check of the console has a test of that name', () => {
  const rows = read('docs/console-checks.md')
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter(([, number = '']) => /^\d+$/.test(number));
  const numbers = new Set(rows.map(([, number]) => Number(number)));
  assert.deepEqual(
    [...numbers],
    Array.from({ length: CHECKS }, (_, index) => index + 1),
  );
  for (const [, number, , , file, name = ''] of rows) {
    assert(
      name !== '' && read(`test/browser/${file}.test.ts`).includes(name),
      `${number}: ${name}`,
    );
  }
});
