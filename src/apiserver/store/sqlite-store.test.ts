import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import {
  configMap,
  drop,
  keyOf,
  put,
  testStoreContract,
} from '../../../test/fakes/store-contract.ts';
import { SqliteStore } from './sqlite-store.ts';

testStoreContract('SQLite in memory', () => SqliteStore.open(':memory:'));

function temporaryFolder(t: { after(fn: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-store-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a reopened file has the objects, the revision and the history of before', (t) => {
  const path = join(temporaryFolder(t), 'state', 'store.db');
  let revision = 0;
  {
    using store = SqliteStore.open(path);
    put(store, keyOf('a'), '1');
    put(store, keyOf('a'), '2');
    drop(store, keyOf('a'));
    store.compact(1);
    revision = store.revision;
  }
  using store = SqliteStore.open(path);
  assert.equal(store.revision, revision);
  assert.equal(store.compactedRevision, 1);
  assert.equal(store.events({ resource: 'configmaps', after: 1, limit: 9 }).length, 2);
});

test('the database and its log are readable by their owner only', (t) => {
  const folder = join(temporaryFolder(t), 'state');
  const path = join(folder, 'store.db');
  using store = SqliteStore.open(path);
  put(store, keyOf('a'), '1');
  for (const file of [path, `${path}-wal`]) assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
});

test('a second server on the same file is refused with the reason', (t) => {
  const path = join(temporaryFolder(t), 'store.db');
  using store = SqliteStore.open(path);
  put(store, keyOf('a'), '1');
  assert.throws(
    () => SqliteStore.open(path),
    (error) => error instanceof OperatorError && /in use by another process/.test(error.message),
  );
});

test('a file that is no database is refused with a remedy', (t) => {
  const path = join(temporaryFolder(t), 'store.db');
  writeFileSync(path, 'this is no database\n'.repeat(1_000));
  assert.throws(
    () => SqliteStore.open(path),
    (error) =>
      error instanceof OperatorError &&
      error.code === 'STORE_FAILED' &&
      /restore the folder from a backup/.test(error.remedy),
  );
});

test('history is bounded by revisions', () => {
  using store = SqliteStore.open(':memory:', { historyRevisionsMax: 100 });
  for (let value = 0; value < 1_200; value += 1) put(store, keyOf('a'), String(value));
  assert(store.revision - store.compactedRevision <= 100 + 500, 'compacted once in 500 writes');
  assert(store.revision - store.compactedRevision >= 100);
});

test('history is bounded by bytes', () => {
  using store = SqliteStore.open(':memory:', { historyBytesMax: 100_000 });
  const large = 'x'.repeat(10_000);
  for (let value = 0; value < 50; value += 1) put(store, keyOf('a'), large + String(value));
  assert(store.revision - store.compactedRevision <= 11);
});

test('a full disk refuses the write, keeps all before it, and recovers', (t) => {
  const path = join(temporaryFolder(t), 'store.db');
  using store = SqliteStore.open(path, { databaseBytesMax: 300_000 });
  const before = put(store, keyOf('kept'), '1');
  const { revision } = store;
  const tooLarge = configMap(keyOf('huge'), 'x'.repeat(400_000));
  assert.throws(
    () => store.create(keyOf('huge'), tooLarge),
    (error) =>
      error instanceof OperatorError &&
      /no space is left/.test(error.message) &&
      /free space/.test(error.remedy),
  );
  assert.equal(store.revision, revision);
  assert.equal(store.get(keyOf('huge')), undefined);
  assert.deepEqual(store.get(keyOf('kept')), before);
  put(store, keyOf('kept'), '2');
  assert.equal(store.revision, revision + 1);
});

test('when nothing fits any more, history makes room', () => {
  using store = SqliteStore.open(':memory:', { databaseBytesMax: 400_000 });
  const large = 'x'.repeat(50_000);
  for (let value = 0; value < 30; value += 1) put(store, keyOf('a'), large + String(value));
  assert(store.compactedRevision > 0, 'the oldest states had to go');
  drop(store, keyOf('a'));
});

/** Writes for ever and says each acknowledged value; killed in the middle of it. */
const WRITER = `
  import { SqliteStore } from ${JSON.stringify(new URL('sqlite-store.ts', import.meta.url).href)};
  import { keyOf, put } from ${JSON.stringify(new URL('../../../test/fakes/store-contract.ts', import.meta.url).href)};
  const store = SqliteStore.open(process.argv[1]);
  for (let value = 0; ; value += 1) {
    put(store, keyOf('a' + (value % 7)), String(value));
    process.stdout.write(value + '\\n');
  }`;

test('every acknowledged write survives kill -9', async (t) => {
  const path = join(temporaryFolder(t), 'store.db');
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', WRITER, path];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let acknowledged = -1;
  const exited = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged = Number(line);
    if (acknowledged === 200) child.kill('SIGKILL'); // what is in the pipe still counts
  }
  await exited;
  using store = SqliteStore.open(path);
  const values = store
    .list({ resource: 'configmaps' })
    .map((object) => Number(Object.values(Object(object['data']))[0]));
  assert(acknowledged >= 200);
  assert(
    Math.max(...values) >= acknowledged,
    `wrote ${acknowledged}, found ${Math.max(...values)}`,
  );
  assert.equal(store.revision, Math.max(...values) + 1);
});
