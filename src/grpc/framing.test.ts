import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { frameHead, MessageReader } from './framing.ts';
import { GrpcStatus } from './status.ts';

const MESSAGE_BYTES_MAX = 10_000;
const messages = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 });

function framed(bodies: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(bodies.flatMap((body) => [frameHead(body.length), body]));
}

test('any way of cutting the bytes gives the same messages', () => {
  fc.assert(
    fc.property(
      messages,
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
      (bodies, cuts) => {
        const bytes = framed(bodies);
        const reader = new MessageReader({ messageBytesMax: MESSAGE_BYTES_MAX });
        const read: Buffer[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const end = at + (cuts[turn % cuts.length] ?? 1);
          for (const message of reader.read(bytes.subarray(at, end)))
            read.push(Buffer.from(message));
          at = end;
        }
        assert.deepEqual(
          read,
          bodies.map((body) => Buffer.from(body)),
        );
        assert.equal(reader.isInsideMessage, false);
      },
    ),
  );
});

test('a message that lies whole in one chunk is not copied', () => {
  const bytes = framed([Buffer.from('abc')]);
  const [message] = new MessageReader({ messageBytesMax: 10 }).read(bytes);
  assert.equal(message?.buffer, bytes.buffer);
});

test('a message larger than allowed is refused at its head', () => {
  const reader = new MessageReader({ messageBytesMax: 4 });
  assert.throws(() => [...reader.read(frameHead(5))], { code: GrpcStatus.resourceExhausted });
});

test('a compressed message is refused', () => {
  const reader = new MessageReader({ messageBytesMax: 4 });
  assert.throws(() => [...reader.read(Uint8Array.of(1, 0, 0, 0, 1, 7))], {
    code: GrpcStatus.unimplemented,
  });
});

test('a large message that arrives byte by byte does not take memory ahead of its bytes', () => {
  const reader = new MessageReader({ messageBytesMax: 1 << 30 });
  const before = process.memoryUsage().arrayBuffers;
  assert.deepEqual([...reader.read(frameHead(1 << 30))], []);
  for (let i = 0; i < 1000; i++) assert.deepEqual([...reader.read(Uint8Array.of(1))], []);
  assert(process.memoryUsage().arrayBuffers - before < 1 << 20);
  assert.equal(reader.isInsideMessage, true);
});
