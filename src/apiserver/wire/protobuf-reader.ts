// Protobuf's wire format: from bytes to numbered fields
// (https://protobuf.dev/programming-guides/encoding).

/** The bytes are no protobuf message. */
export class ProtobufError extends Error {}

export type WireField =
  | { readonly number: number; readonly kind: 'varint'; readonly value: bigint }
  | {
      readonly number: number;
      readonly kind: 'fixed64' | 'fixed32' | 'bytes';
      readonly value: Uint8Array;
    };

const WIRE_VARINT = 0;
const WIRE_FIXED64 = 1;
const WIRE_BYTES = 2;
const WIRE_FIXED32 = 5;
const VARINT_BYTES_MAX = 10;

/** @throws ProtobufError */
export function* readFields(bytes: Uint8Array): Generator<WireField> {
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const tag = readVarint(bytes, cursor);
    const number = Number(tag >> 3n);
    switch (Number(tag & 7n)) {
      case WIRE_VARINT:
        yield { number, kind: 'varint', value: readVarint(bytes, cursor) };
        break;
      case WIRE_FIXED64:
        yield { number, kind: 'fixed64', value: take(bytes, cursor, 8) };
        break;
      case WIRE_BYTES: {
        const length = Number(readVarint(bytes, cursor));
        yield { number, kind: 'bytes', value: take(bytes, cursor, length) };
        break;
      }
      case WIRE_FIXED32:
        yield { number, kind: 'fixed32', value: take(bytes, cursor, 4) };
        break;
      default:
        throw new ProtobufError(`field ${number} has an unknown wire type`);
    }
  }
}

/** Several varints one after the other: a packed list. */
export function readPacked(bytes: Uint8Array): bigint[] {
  const cursor = { at: 0 };
  const values: bigint[] = [];
  while (cursor.at < bytes.length) values.push(readVarint(bytes, cursor));
  return values;
}

type Cursor = { at: number };

function readVarint(bytes: Uint8Array, cursor: Cursor): bigint {
  let value = 0n;
  for (let count = 0; count < VARINT_BYTES_MAX; count += 1) {
    const byte = bytes[cursor.at];
    if (byte === undefined) throw new ProtobufError('the message ends within a number');
    cursor.at += 1;
    value |= BigInt(byte & 0x7f) << BigInt(7 * count);
    if (byte < 0x80) return value;
  }
  throw new ProtobufError('a number is too long');
}

function take(bytes: Uint8Array, cursor: Cursor, length: number): Uint8Array {
  const end = cursor.at + length;
  if (end > bytes.length) throw new ProtobufError('the message ends within a field');
  const part = bytes.subarray(cursor.at, end);
  cursor.at = end;
  return part;
}
