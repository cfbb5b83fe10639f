import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  CLOSE,
  encodeClose,
  encodeFrame,
  FrameDecoder,
  FrameError,
  OPCODE,
} from './websocket-frames.ts';

/** As a client sends it: masked. */
function masked(opcode: number, payload: Uint8Array, mask = Buffer.of(1, 2, 3, 4)): Buffer {
  const frame = encodeFrame(opcode, payload);
  const headerBytes = frame.length - payload.length;
  frame[1] = (frame[1] ?? 0) | 0x80;
  const body = Buffer.from(payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0)));
  return Buffer.concat([frame.subarray(0, headerBytes), mask, body]);
}

test('frames of any size arrive whole, however they are cut', () => {
  const sizes = fc.constantFrom(0, 1, 125, 126, 65_535, 65_536);
  fc.assert(
    fc.property(
      fc.array(sizes, { maxLength: 4 }),
      fc.integer({ min: 1, max: 70_000 }),
      (all, cut) => {
        const payloads = all.map((size, index) => Buffer.alloc(size, index + 1));
        const bytes = Buffer.concat(payloads.map((payload) => masked(OPCODE.binary, payload)));
        const decoder = new FrameDecoder();
        const got: Buffer[] = [];
        for (let start = 0; start < bytes.length; start += cut) {
          got.push(
            ...decoder.add(bytes.subarray(start, start + cut)).map(({ payload }) => payload),
          );
        }
        assert.deepEqual(
          got.map((it) => it.toString('hex')),
          payloads.map((it) => it.toString('hex')),
        );
      },
    ),
    { numRuns: 30 },
  );
});

const WRONG: readonly [says: string, bytes: Buffer, code: number][] = [
  ['a frame that is not masked', encodeFrame(OPCODE.binary, Buffer.of(1)), CLOSE.protocolError],
  ['reserved bits', Buffer.of(0xc2, 0x80), CLOSE.protocolError],
  ['a ping in pieces', Buffer.of(0x09, 0x80, 0, 0, 0, 0), CLOSE.protocolError],
  ['a ping that is too long', masked(OPCODE.ping, Buffer.alloc(126)), CLOSE.protocolError],
  ['a frame that is too big', Buffer.from('82ff0000000100000000', 'hex'), CLOSE.tooBig],
];

for (const [says, bytes, code] of WRONG) {
  test(`${says} is refused`, () => {
    const isRefused = (error: unknown): boolean =>
      error instanceof FrameError && error.code === code;
    assert.throws(() => new FrameDecoder().add(bytes), isRefused);
  });
}

test('whatever comes, the decoder refuses it or waits for more', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        new FrameDecoder().add(Buffer.from(bytes));
      } catch (error) {
        assert(error instanceof FrameError);
      }
    }),
  );
});

test('goodbye carries its code', () => {
  assert.equal(encodeClose(1000).toString('hex'), '880203e8');
});
