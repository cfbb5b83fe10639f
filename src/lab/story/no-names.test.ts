import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerNoSuchName } from './no-names.ts';

/** RFC 1035 §4.1: a query of one question. */
function query(name: string, { flags = [0x01, 0x00], questions = 1, tail = '' } = {}): Buffer {
  const header = Buffer.from([0xbe, 0xef, ...flags, 0, questions, 0, 0, 0, 0, 0, 1]);
  const labels = name.split('.').map((label) => Buffer.from(`\0${label}`));
  for (const label of labels) label[0] = label.length - 1;
  const typeAndClass = Buffer.from([0, 0, 1, 0, 1]);
  return Buffer.concat([header, ...labels, typeAndClass, Buffer.from(tail)]);
}

test('every name is answered with NXDOMAIN, its question repeated and nothing else', () => {
  const asked = query('db.default.svc', { tail: 'EDNS' });
  const reply = answerNoSuchName(asked);
  assert(reply);
  assert.deepEqual([...reply.subarray(0, 2)], [0xbe, 0xef], 'the same id');
  assert.equal(reply[2], 0x81, 'a response; recursion desired, as asked');
  assert.equal(reply[3], 0x83, 'recursion available, NXDOMAIN');
  assert.deepEqual([...reply.subarray(4, 12)], [0, 1, 0, 0, 0, 0, 0, 0]);
  assert.equal(reply.length, asked.length - 'EDNS'.length);
  assert.deepEqual(reply.subarray(12), asked.subarray(12, reply.length));
});

const NOT_ANSWERED: readonly (readonly [what: string, bytes: Uint8Array])[] = [
  ['a response, which would be answered in turn', query('a', { flags: [0x81, 0x80] })],
  ['two questions', query('a', { questions: 2 })],
  ['no question', query('a', { questions: 0 })],
  ['a header that is cut off', query('a').subarray(0, 8)],
  ['a name that is cut off', query('library').subarray(0, 15)],
  ['a name without type and class', query('a').subarray(0, 15)],
  [
    'a pointer in the question',
    Buffer.concat([query('a').subarray(0, 12), Buffer.from([192, 12, 0, 1, 0, 1])]),
  ],
  ['nothing', new Uint8Array()],
];

for (const [what, bytes] of NOT_ANSWERED) {
  test(`not answered: ${what}`, () => assert.equal(answerNoSuchName(bytes), undefined));
}
