import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeOutside } from './outside.ts';

const GOOD = { url: 'http://127.0.0.1:8080/', isPage: true, book: 'A Book', rows: 1 };

const SIGHTS: readonly (readonly [Partial<typeof GOOD>, ok: boolean, says: RegExp])[] = [
  [{}, true, /^the page answers at http.*in PostgreSQL once$/],
  [{ isPage: false }, false, /does not answer with the library's page$/],
  [{ book: '', rows: 0 }, false, /takes no book$/],
  [{ rows: 2 }, false, /in PostgreSQL 2 times$/],
];

for (const [change, ok, says] of SIGHTS) {
  test(`a visit: ${says.source}`, () => {
    const check = judgeOutside({ ...GOOD, ...change });
    assert.equal(check.ok, ok);
    assert.match(check.says, says);
  });
}
