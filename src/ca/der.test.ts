import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { decodeObjectIdentifier, DER_TAG, DerError, DerReader } from './der-reader.ts';
import {
  bitString,
  objectIdentifier,
  octetString,
  sequence,
  time,
  unsignedInteger,
} from './der.ts';
import { OID } from './oids.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = fc.uint8Array({ maxLength: 400 });

for (const [what, encoded, expected] of [
  ['zero', unsignedInteger(Uint8Array.of(0)), '020100'],
  ['no bytes', unsignedInteger(Uint8Array.of()), '020100'],
  ['leading zeros', unsignedInteger(Uint8Array.of(0, 0, 1)), '020101'],
  ['a top bit', unsignedInteger(Uint8Array.of(0x80)), '02020080'],
  ['128 bytes', octetString(new Uint8Array(128)), `048180${'00'.repeat(128)}`],
  ['256 bytes', octetString(new Uint8Array(256)), `04820100${'00'.repeat(256)}`],
  ['unused bits', bitString(Uint8Array.of(0x80), 7), '03020780'],
  ['an object identifier', objectIdentifier('1.2.840.113549.1.9.14'), '06092a864886f70d01090e'],
  [
    'the last UTCTime',
    time(Date.UTC(2049, 11, 31, 23, 59, 59, 999)),
    '170d3439313233313233353935395a',
  ],
  ['the first GeneralizedTime', time(Date.UTC(2050, 0, 1)), '180f32303530303130313030303030305a'],
] as const) {
  test(`${what} is written as DER demands`, () => assert.equal(hex(encoded), expected));
}

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 5 }), (contents) => {
      const reader = new DerReader(sequence(...contents.map(octetString)));
      const items = reader.enter(DER_TAG.sequence, 'items');
      for (const content of contents) {
        const read = items.next(DER_TAG.octetString, 'an item').content;
        assert.equal(hex(read), hex(content));
      }
      items.end('items');
      reader.end('the document');
    }),
  );
});

test('object identifiers are read back', () => {
  const arc = fc.nat(2 ** 31 - 1);
  const head = fc.oneof(fc.tuple(fc.nat(1), fc.nat(39)), fc.tuple(fc.constant(2), fc.nat(1000)));
  const oid = fc
    .tuple(head, fc.array(arc, { maxLength: 8 }))
    .map(([a, b]) => [...a, ...b].join('.'));
  fc.assert(
    fc.property(fc.oneof(oid, fc.constantFrom(...Object.values(OID))), (dotted) => {
      const { content } = new DerReader(objectIdentifier(dotted)).any();
      assert.equal(decodeObjectIdentifier(content), dotted);
    }),
  );
});

for (const [what, text] of [
  ['nothing', ''],
  ['a tag alone', '30'],
  ['an element longer than the data', '300102'.slice(0, 4)],
  ['an indefinite length', '3080020100 0000'],
  ['a length in two octets where one would do', '3081030201 00'],
  ['a length with a leading zero', '308200030201 00'],
  ['a length of five octets', '30850000000001 00'],
  ['a multi-octet tag', '1f8101 00'],
] as const) {
  test(`${what} is not DER`, () => {
    const reader = new DerReader(Buffer.from(text.replaceAll(' ', ''), 'hex'));
    assert.throws(() => reader.any(), DerError);
  });
}
