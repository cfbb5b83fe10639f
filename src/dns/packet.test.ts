import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RCODE, TYPE, parseHeader, parseMessage, renderMessage } from './packet.ts';
import { PacketReader, PacketWriter, labelsOf } from './packet-reader.ts';

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');

/** As glibc 2.36 sends it for `getent ahostsv4 a.ns`: recursion desired, EDNS with 1200 bytes. */
const GLIBC_QUERY = hex(`
  1a2b 0120 0001 0000 0000 0001
  01 61 02 6e73 00 0001 0001
  00 0029 04b0 0000 0000 0000`);

test('a query of glibc is read as it was meant', () => {
  const parsed = parseMessage(GLIBC_QUERY);
  assert(parsed.ok);
  const { header, questions, additionals } = parsed.value;
  assert.equal(header.id, 0x1a2b);
  assert(header.recursionDesired && header.authenticData && !header.isResponse);
  assert.deepEqual(questions, [{ name: 'a.ns', type: TYPE.A, class: 1 }]);
  assert.equal(additionals[0]?.type, TYPE.OPT);
  assert.equal(additionals[0]?.class, 1200);
});

test('a recorded reply with compressed names is read', () => {
  const reply = hex(`
    0001 8180 0001 0002 0001 0000
    03 777777 07 6578616d706c65 03 636f6d 00 0001 0001
    c00c 0005 0001 0000003c 0004 01 61 c010
    c02d 0001 0001 0000001e 0004 5db8d822
    c010 0006 0001 00000e10 0018 c02d c010 00000001 00000002 00000003 00000004 00000005`);
  const parsed = parseMessage(reply);
  assert(parsed.ok, parsed.ok ? '' : parsed.problem);
  const [alias, address] = parsed.value.answers;
  assert.deepEqual(alias?.data, { kind: 'name', name: 'a.example.com' });
  assert.deepEqual(address, {
    name: 'a.example.com',
    type: TYPE.A,
    class: 1,
    ttlSeconds: 30,
    data: { kind: 'address', address: '93.184.216.34' },
  });
  assert.equal(parsed.value.authorities[0]?.data.kind, 'soa');
});

const HEADER = '0001 0100 0001 0000 0000 0000';
const MALFORMED: readonly (readonly [what: string, bytes: string, problem: RegExp])[] = [
  ['nothing', '', /cut off/],
  ['half a header', '0001 0100', /cut off/],
  ['a question that is not there', HEADER, /cut off/],
  ['a pointer to itself', `${HEADER} c00c 0001 0001`, /does not lead back/],
  ['a pointer forward', `${HEADER} c00e 03 777777 00 0001 0001`, /does not lead back/],
  ['two pointers in a circle', `${HEADER} 01 61 c010 c00c 0001 0001`, /does not lead back/],
  ['a reserved label kind', `${HEADER} 41 61 00 0001 0001`, /reserved/],
  ['a label past the end', `${HEADER} 3f 61 61`, /cut off/],
  [
    'a name of 256 bytes',
    `${HEADER} ${`3f${'61'.repeat(63)}`.repeat(4)} 00 0001 0001`,
    /255 bytes/,
  ],
  [
    'an address of three bytes',
    '0001 8100 0000 0001 0000 0000 00 0001 0001 00000000 0003 010203',
    /cut off|another length/,
  ],
  [
    'an address of five bytes',
    '0001 8100 0000 0001 0000 0000 00 0001 0001 00000000 0005 0102030405',
    /another length/,
  ],
  ['65,535 records that are not there', '0001 8100 ffff ffff ffff ffff', /cut off/],
];

for (const [what, bytes, problem] of MALFORMED) {
  test(`refused with a reason: ${what}`, () => {
    const parsed = parseMessage(hex(bytes));
    assert(!parsed.ok);
    assert.match(parsed.problem, problem);
  });
}

test('every beginning of a message is refused, and none throws', () => {
  for (let length = 0; length < GLIBC_QUERY.length; length += 1) {
    assert.equal(parseMessage(GLIBC_QUERY.subarray(0, length)).ok, false, `${length} bytes`);
  }
});

test('a header can be had from what is otherwise beyond reading', () => {
  assert.equal(parseHeader(hex(`${HEADER} c00c`))?.id, 1);
  assert.equal(parseHeader(hex('0001')), undefined);
});

test('names keep their case and every byte of a label', () => {
  const writer = new PacketWriter();
  for (const name of ['WwW.Example.com', 'a\\.b.c\\000\\255', 'www.example.com', ''])
    writer.name(name);
  const reader = new PacketReader(writer.finish());
  const read = Array.from({ length: 4 }, () => reader.name());
  assert.equal(reader.problem, undefined);
  assert.deepEqual(read, ['WwW.Example.com', 'a\\.b.c\\000\\255', 'www.example.com', '']);
});

test('what is no name is not written', () => {
  const labels63 = 'a'.repeat(63);
  const wrong = ['a..b', '.', '.a', 'a.', `${labels63}a`, 'é', 'a\\', 'a\\256', 'a\\é'];
  for (const name of [...wrong, [labels63, labels63, labels63, labels63].join('.')]) {
    assert.equal(labelsOf(name), undefined, name);
  }
  assert.equal(labelsOf([labels63, labels63, labels63, 'a'.repeat(61)].join('.'))?.length, 4);
  assert.deepEqual(
    labelsOf('a\\098'),
    [Buffer.from('ab')].map((bytes) => Uint8Array.from(bytes)),
  );
});

test('repeated names are written once', () => {
  const name = 'postgresql-1-vm.default.svc.cluster.local';
  const question = { name, type: TYPE.A, class: 1 };
  const record = { name, type: TYPE.A, class: 1, ttlSeconds: 30 };
  const message = renderMessage({
    header: { ...parsedHeader(), rcode: RCODE.NOERROR },
    questions: [question],
    answers: ['10.0.0.1', '10.0.0.2'].map((address) => ({
      ...record,
      data: { kind: 'address', address },
    })),
    authorities: [],
    additionals: [],
  });
  assert.equal(message.length, 12 + (name.length + 2) + 4 + 2 * 16);
});

function parsedHeader() {
  const header = parseHeader(GLIBC_QUERY);
  assert(header);
  return header;
}
