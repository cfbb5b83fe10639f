// Bodies as kubectl sends them, damaged or made up: read, or refused as protobuf.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { fuzz } from '../../../test/fuzz/harness.ts';
import { readKubernetesProtobuf } from './kubernetes-protobuf.ts';
import { ProtobufError, readFields, readPacked } from './protobuf-reader.ts';

const PREFIX = Buffer.from('k8s\0');

/** One field: a tag with its wire type, and a length that may lie. */
const field = fc
  .tuple(fc.integer({ min: 1, max: 31 }), fc.constantFrom(0, 1, 2, 3, 5, 7), fc.uint8Array())
  .map(([number, wire, content]) =>
    Buffer.concat([Uint8Array.of((number << 3) | wire, content.length & 0x7f), content]),
  );

/** `Unknown`: what it is, then the object, as apimachinery wraps it. */
const wrapped = fc
  .tuple(
    fc.constantFrom('v1', 'apps/v1', 'rbac.authorization.k8s.io/v1', 'discovery.k8s.io/v1'),
    fc.constantFrom('Pod', 'Service', 'Secret', 'Deployment', 'EndpointSlice', 'RoleBinding'),
    fc.array(field, { maxLength: 6 }),
  )
  .map(([apiVersion, kind, fields]) => {
    const text = (number: number, value: string): Buffer =>
      Buffer.concat([Uint8Array.of((number << 3) | 2, value.length), Buffer.from(value)]);
    const type = Buffer.concat([text(1, apiVersion), text(2, kind)]);
    const raw = Buffer.concat(fields);
    const length = raw.length;
    const size = Uint8Array.of((2 << 3) | 2, (length & 0x7f) | 0x80, length >> 7);
    return Buffer.concat([Uint8Array.of((1 << 3) | 2, type.length), type, size, raw]);
  });

function isReadOrRefused(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    assert(error instanceof ProtobufError, String(error));
  }
}

test('a body is an object, or refused as protobuf', () => {
  const body = fc.oneof(fc.uint8Array({ maxLength: 300 }), wrapped);
  fc.assert(
    fc.property(body, (bytes) => {
      isReadOrRefused(() => readKubernetesProtobuf(Buffer.concat([PREFIX, bytes])));
      isReadOrRefused(() => readKubernetesProtobuf(bytes));
    }),
    fuzz(5000),
  );
});

test('fields are within the bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      isReadOrRefused(() => {
        for (const one of readFields(bytes)) {
          if ('bytes' in one && one.bytes instanceof Uint8Array) {
            assert(one.bytes.length <= bytes.length);
          }
        }
      });
      isReadOrRefused(() => assert(readPacked(bytes).length <= bytes.length));
    }),
    fuzz(5000),
  );
});
