import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { makePrivateDir, parseState, readFileIfPresent, writeFileAtomic } from './files.ts';

async function temporaryDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'isthmus-files-'));
  t.after(() => rm(dir, { recursive: true }));
  return dir;
}

const isCode = (code: string) => (error: unknown) =>
  error instanceof OperatorError && error.code === code;

test('a file is replaced as a whole, for its owner only', async (t) => {
  const dir = await temporaryDir(t);
  const path = join(dir, 'state.json');
  await writeFile(path, 'old', { mode: 0o644 });
  await writeFile(`${path}.new`, 'left by a crash', { mode: 0o644 });
  await writeFileAtomic(path, 'new');
  assert.equal(await readFile(path, 'utf8'), 'new');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(dir), ['state.json']);
});

test('what cannot be written is named, and the old content stays', async (t) => {
  const dir = await temporaryDir(t);
  await mkdir(join(dir, 'taken'));
  await writeFile(join(dir, 'taken/old'), 'old');
  await assert.rejects(writeFileAtomic(join(dir, 'taken'), 'new'), isCode('STORE_FAILED'));
  assert.equal(await readFile(join(dir, 'taken/old'), 'utf8'), 'old');
  assert.deepEqual(await readdir(dir), ['taken']);
  await assert.rejects(writeFileAtomic('/dev/null/x', 'new'), isCode('STORE_FAILED'));
  await assert.rejects(makePrivateDir('/dev/null/x'), isCode('STORE_FAILED'));
});

test('no file is undefined; a file that cannot be read is an error', async (t) => {
  const dir = await temporaryDir(t);
  assert.equal(await readFileIfPresent(join(dir, 'none')), undefined);
  assert.equal(await readFileIfPresent('/dev/null/none'), undefined);
  await assert.rejects(readFileIfPresent(dir), isCode('FILE_UNREADABLE'));
});

test('a directory is closed to others, also one that was there before', async (t) => {
  const dir = join(await temporaryDir(t), 'a/b');
  await mkdir(dir, { recursive: true, mode: 0o755 });
  await makePrivateDir(dir);
  assert.equal((await stat(dir)).mode & 0o777, 0o700);
});

test('state that is no object is no state', () => {
  assert.deepEqual(parseState('{"a":1}'), { a: 1 });
  for (const text of [undefined, '', '{', 'null', '1']) assert.deepEqual(parseState(text), {});
});
