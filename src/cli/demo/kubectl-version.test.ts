import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertKubectl, minorOf } from './kubectl-version.ts';

const version = (minor: string): string =>
  JSON.stringify({ clientVersion: { major: '1', minor, gitVersion: `v1.${minor}.0` } });

test('the version is read, a vendor’s too; anything else is none', () => {
  assert.equal(minorOf(version('34')), 34);
  assert.equal(minorOf(version('30+')), 30);
  for (const text of ['', '{}', '[]', 'Client Version: v1.20', version('next')]) {
    assert.equal(minorOf(text), undefined, text);
  }
});

test('an old kubectl, one that is none, and a missing one are one sentence each', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-kubectl-'));
  const env = { PATH: folder };
  const install = (answer: string): void => {
    writeFileSync(join(folder, 'kubectl'), `#!/bin/sh\necho '${answer}'\n`);
    chmodSync(join(folder, 'kubectl'), 0o755);
  };
  try {
    await assert.rejects(assertKubectl(env), { code: 'TOOL_MISSING' });
    install(version('20'));
    await assert.rejects(assertKubectl(env), {
      message: /kubectl on the PATH is of version 1\.20$/,
    });
    install('unknown');
    await assert.rejects(assertKubectl(env), { message: /does not say its version$/ });
    install(version('30'));
    await assertKubectl(env);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
