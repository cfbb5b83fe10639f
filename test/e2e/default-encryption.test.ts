// Who says nothing of mutual TLS has it: with a mesh whose settings do not name enableAutoMtls, all
// that passes between the regions is encrypted, from the first byte of the first connection.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectionsTo, countMarker, isTlsOnly } from '#lab/connections.ts';
import { enterSandbox } from '#lab/enter.ts';
import { Writer } from '#lab/library.ts';
import { LibraryMesh, meshConfig, TARGET } from '#lab/library-mesh.ts';

await enterSandbox();

const MARKER = 'nobody-on-the-way-reads-this';
const BOOKS = 3;
const BOOKS_LIMIT_MS = 10_000;

let mesh: LibraryMesh;

before(async () => {
  mesh = await LibraryMesh.create({ env: process.env });
});

after(async () => {
  await mesh[Symbol.asyncDispose]();
});

test('the settings say nothing of mutual TLS', () => {
  assert.doesNotMatch(JSON.stringify(meshConfig(undefined)), /enableAutoMtls/);
});

test('nothing of what the client says is readable between the regions', async () => {
  const capture = await mesh.cloud.capture('default');
  const writer = Writer.start(mesh.client.machine, { ...TARGET, note: MARKER });
  await writer.waitForMore(BOOKS, BOOKS_LIMIT_MS);
  assert(await writer.finish());
  const { segments, droppedPackets } = await capture.finish();

  assert.equal(droppedPackets, 0, 'the capture is whole');
  const connections = connectionsTo(TARGET.port, segments);
  assert(connections.length >= BOOKS, `${connections.length} connections`);
  for (const connection of connections) {
    assert(isTlsOnly(connection), `${connection.client} sent something beside TLS records`);
    assert.equal(countMarker(connection, MARKER), 0);
  }
  const payloads = Buffer.concat(segments.map(({ payload }) => payload));
  assert(!payloads.includes(MARKER), 'on no port at all');
  assert.deepEqual(writer.failures, []);
});

test('and it was said: PostgreSQL has it', async () => {
  const sql = `SELECT count(*) >= ${BOOKS} FROM books WHERE note = '${MARKER}'`;
  assert.deepEqual(await mesh.postgres.query(sql), ['t']);
});
