// docs/errors.md and the codes in the code are the same list.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('every error code is documented, and every documented code exists', () => {
  const union = /type ErrorCode =([^;]+);/.exec(read('src/base/operator-error.ts'))?.[1] ?? '';
  const inCode = [...union.matchAll(/'([A-Z_]+)'/g)].map((match) => match[1]);
  const inDocs = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(
    (match) => match[1],
  );
  assert(inCode.length > 10);
  assert.deepEqual(inDocs, inCode);
});
