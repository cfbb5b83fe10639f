import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { KubeStatusError } from './status.ts';
import { parseWatchEvent, readLines } from './watch-stream.ts';

test('lines are the same however the bytes are cut', async () => {
  const cases = fc.tuple(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat(20)));
  await fc.assert(
    fc.asyncProperty(cases, async ([texts, cuts]) => {
      const lines = texts.map((text) => text.replaceAll(/\n/g, ' ').toWellFormed());
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      const expected = lines.filter((line) => line !== '');
      assert.deepEqual(await collect(readLines(cut(bytes, cuts))), expected);
    }),
  );
});

test('a line may be as long as the limit and no longer', async () => {
  const chunks = ['x'.repeat(6), 'x'.repeat(4), '\n', 'y\n'];
  assert.deepEqual(await collect(readLines(bytesOf(chunks), 10)), ['x'.repeat(10), 'y']);
  await assert.rejects(collect(readLines(bytesOf(['x'.repeat(6), 'x'.repeat(5)]), 10)), /over 10/);
});

test('a stream that ends inside a line has broken off', async () => {
  await assert.rejects(collect(readLines(bytesOf(['a\nb']))), /middle of an event/);
});

test('an ERROR without a code still ends the watch', () => {
  assert.throws(() => parseWatchEvent('{"type":"ERROR","object":{}}'), KubeStatusError);
});

test('no line but an event is taken for one', () => {
  const fields = fc.record(
    {
      type: fc.oneof(fc.constantFrom('ADDED', 'BOOKMARK', 'ERROR'), fc.anything()),
      object: fc.oneof(fc.record({ metadata: fc.anything() }), fc.anything()),
    },
    { requiredKeys: [] },
  );
  const line = fc.oneof(
    fc.string(),
    fc.json(),
    fields.map((it) => JSON.stringify(it)),
  );
  fc.assert(
    fc.property(line, (text) => {
      try {
        const event = parseWatchEvent(text);
        if (event.type === 'BOOKMARK') assert.equal(typeof event.resourceVersion, 'string');
        else assert(event.object.metadata.name.length > 0);
      } catch (error) {
        assert(error instanceof Error && !(error instanceof TypeError), String(error));
      }
    }),
  );
});

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

async function* bytesOf(texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

/** The bytes in pieces of these sizes, then the rest. */
async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const size of sizes) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
  yield bytes.subarray(at);
}
