import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  decodeGrpcMessage,
  encodeGrpcMessage,
  grpcCodeName,
  GrpcStatus,
  parseGrpcCode,
} from './status.ts';

test('a message survives the header', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (message) => {
      const encoded = encodeGrpcMessage(message);
      assert.match(encoded, /^[ -~]*$/);
      assert.equal(decodeGrpcMessage(encoded), message);
    }),
  );
});

test('a message is never too long for a header, nor ever fails to encode', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 3000 }), (message) => {
      assert(encodeGrpcMessage(message).length <= 3 * 4 * 1024);
    }),
  );
  assert.equal(encodeGrpcMessage('\uD800 lone'), '%EF%BF%BD lone');
});

test('a badly encoded message is passed on as it came', () => {
  assert.equal(decodeGrpcMessage('100% sure'), '100% sure');
});

for (const [text, code] of [
  ['0', GrpcStatus.ok],
  ['14', GrpcStatus.unavailable],
  ['17', GrpcStatus.unknown],
  ['-1', GrpcStatus.unknown],
  ['', GrpcStatus.unknown],
  [undefined, GrpcStatus.unknown],
] as const) {
  test(`grpc-status ${text} is ${grpcCodeName(code)}`, () =>
    assert.equal(parseGrpcCode(text), code));
}
