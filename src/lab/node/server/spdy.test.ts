import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  encodeData,
  encodePing,
  encodeReset,
  encodeSynReply,
  SpdyDecoder,
  SpdyError,
} from './spdy-frames.ts';
import { DICTIONARY, HeaderDecoder, HeaderEncoder } from './spdy-headers.ts';

/** RFC 1950 §8.2. */
function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  return high * 65_536 + low;
}

test('the dictionary is that of SPDY/3, by the checksum with which every first block begins', () => {
  assert.equal(DICTIONARY.length, 1423);
  assert.equal(adler32(DICTIONARY).toString(16), 'e3c6a7c2');
});

test('header blocks of one direction depend on those before', async () => {
  const encoder = new HeaderEncoder();
  const decoder = new HeaderDecoder();
  const pairs = new Map([
    ['streamtype', 'data'],
    ['port', '8080'],
  ]);
  const first = await encoder.encode(pairs);
  assert.equal(first.toString('hex', 0, 6), '78bbe3c6a7c2');
  assert.deepEqual(await decoder.decode(first), pairs);
  const second = await encoder.encode(pairs);
  assert(second.length < first.length);
  assert.deepEqual(await decoder.decode(second), pairs);
  assert.deepEqual(await decoder.decode(await encoder.encode(new Map())), new Map());
  encoder.close();
  decoder.close();
});

test('names are compared in lower case', async () => {
  const encoder = new HeaderEncoder();
  const decoder = new HeaderDecoder();
  const block = await encoder.encode(new Map([['StreamType', 'Error']]));
  assert.deepEqual(await decoder.decode(block), new Map([['streamtype', 'Error']]));
  encoder.close();
  decoder.close();
});

test('a block that is none is refused', async () => {
  for (const block of [Buffer.from('nonsense'), Buffer.alloc(5_000)]) {
    const decoder = new HeaderDecoder();
    await assert.rejects(decoder.decode(block), SpdyError);
    decoder.close();
  }
});

test('frames arrive whole, however they are cut', () => {
  const bytes = Buffer.concat([
    Buffer.from('800300010000001000000003000000000000616263646566', 'hex'),
    encodeData(3, Buffer.from('hello')),
    encodeData(3, Buffer.alloc(0), true),
    encodeReset(5),
    encodePing(7),
    encodeSynReply(3, Buffer.of(1)),
    Buffer.from('8003000700000000', 'hex'),
  ]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: bytes.length }), (cut) => {
      const decoder = new SpdyDecoder();
      const frames = [];
      for (let start = 0; start < bytes.length; start += cut) {
        frames.push(...decoder.add(bytes.subarray(start, start + cut)));
      }
      assert.deepEqual(frames, [
        { kind: 'syn-stream', stream: 3, isLast: false, headers: Buffer.from('abcdef') },
        { kind: 'data', stream: 3, isLast: false, data: Buffer.from('hello') },
        { kind: 'data', stream: 3, isLast: true, data: Buffer.alloc(0) },
        { kind: 'rst-stream', stream: 5 },
        { kind: 'ping', id: 7 },
        { kind: 'other' },
        { kind: 'goaway' },
      ]);
    }),
  );
});

test('whatever comes, the decoder refuses it or waits for more', () => {
  const wrong = [
    '8002000100000000',
    '80030001000000040000',
    '0000000100ffffff',
    '8003000300000000',
  ];
  for (const hex of wrong.filter((it) => it !== '80030001000000040000')) {
    assert.throws(() => new SpdyDecoder().add(Buffer.from(hex, 'hex')), SpdyError, hex);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        new SpdyDecoder().add(Buffer.from(bytes));
      } catch (error) {
        assert(error instanceof SpdyError);
      }
    }),
  );
});
