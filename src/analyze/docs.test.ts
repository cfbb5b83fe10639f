// docs/analyze.md lists every code that analysis can find, and no other.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ANALYZERS } from './analyzers.ts';

const PAGE = new URL('../../docs/analyze.md', import.meta.url);

/** `| IST0101 | Error | ReferencedResourceNotFound | what it is about |` */
const ROW = /^\| (IS[TM]\d{4}) +\| (\w+) +\| (\w+) +\| (\S.*\S) +\|$/gm;

test('every code is documented with its level and name, and every documented code exists', () => {
  const types = new Map(
    ANALYZERS.flatMap(({ finds }) => finds).map(({ code, level, name }) => [
      code,
      `${code} ${level} ${name}`,
    ]),
  );
  const rows = [...readFileSync(PAGE, 'utf8').matchAll(ROW)];
  assert.deepEqual(
    rows.map(([, code, level, name]) => `${code} ${level} ${name}`).toSorted(),
    [...types.values()].toSorted(),
  );
});
