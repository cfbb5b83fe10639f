// What was promised is read again after a restart, or it is said that it cannot be.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { recordFile } from './record-file.ts';

const folder = await mkdtemp(join(tmpdir(), 'record-file-'));
after(() => rm(folder, { recursive: true }));

const isText = (value: unknown): value is string => typeof value === 'string';
const failed = { name: 'OperatorError', code: 'STORE_FAILED' };

test('what is saved is read by the next one; no file is no records', async () => {
  const path = join(folder, 'state', 'file.json');
  assert.deepEqual(await recordFile(path, isText).load(), []);
  await recordFile(path, isText).save(['a', 'b']);
  assert.deepEqual(await recordFile(path, isText).load(), ['a', 'b']);
});

for (const text of ['', '{', 'null', '[]', '{"version":2,"records":[]}', '{"version":1}']) {
  test(`${text || 'an empty file'} is a failure, and left alone`, async () => {
    const path = join(folder, 'spoiled.json');
    await writeFile(path, text);
    await assert.rejects(recordFile(path, isText).load(), failed);
    assert.equal(await readFile(path, 'utf8'), text);
  });
}

test('one record that is none of ours is a failure, too', async () => {
  const path = join(folder, 'foreign.json');
  await writeFile(path, '{"version":1,"records":["a",7]}');
  await assert.rejects(recordFile(path, isText).load(), failed);
});

test('a file that cannot be written is one, and the old content stays', async () => {
  const path = join(folder, 'kept.json');
  await recordFile(path, isText).save(['a']);
  await assert.rejects(recordFile(join(path, 'below'), isText).save(['b']), failed);
  assert.deepEqual(await recordFile(path, isText).load(), ['a']);
});
