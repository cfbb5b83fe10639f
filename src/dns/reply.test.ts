import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { RCODE, TYPE, parseMessage, type DnsMessage } from './packet.ts';
import { payloadBytesMax, renderReply, shuffle, type Answer, type Transport } from './reply.ts';

function query(name: string, options: { type?: number; payload?: number } = {}): DnsMessage {
  const { type = TYPE.A, payload } = options;
  const edns = {
    name: '',
    type: TYPE.OPT,
    class: payload ?? 0,
    ttlSeconds: 0,
    data: { kind: 'raw', bytes: new Uint8Array() },
  } as const;
  return {
    header: {
      id: 0xbeef,
      isResponse: false,
      opcode: 0,
      isAuthoritative: false,
      isTruncated: false,
      recursionDesired: true,
      recursionAvailable: false,
      authenticData: true,
      checkingDisabled: false,
      rcode: 0,
    },
    questions: [{ name, type, class: 1 }],
    answers: [],
    authorities: [],
    additionals: payload === undefined ? [] : [edns],
  };
}

function reply(to: DnsMessage, answer: Answer, transport: Transport = 'udp'): DnsMessage {
  const context = { transport, clusterDomain: 'cluster.local', random: () => 0.999 };
  const bytes = renderReply(to, answer, context);
  assert(bytes.length <= payloadBytesMax(to, transport));
  const parsed = parseMessage(bytes);
  assert(parsed.ok);
  return parsed.value;
}

const addresses = (count: number): Answer => ({
  kind: 'addresses',
  alias: undefined,
  addresses: Array.from({ length: count }, (_, index) => `10.0.${index >> 8}.${index & 0xff}`),
});

test('an address is said with authority, for 30 s, under the name as it was asked', () => {
  const { header, questions, answers } = reply(query('PostGres.Default'), addresses(1));
  assert.equal(header.id, 0xbeef);
  assert(header.isResponse && header.isAuthoritative && header.recursionAvailable);
  assert(header.recursionDesired && !header.authenticData && !header.isTruncated);
  assert.equal(questions[0]?.name, 'PostGres.Default');
  assert.deepEqual(answers, [
    {
      name: 'PostGres.Default',
      type: TYPE.A,
      class: 1,
      ttlSeconds: 30,
      data: { kind: 'address', address: '10.0.0.0' },
    },
  ]);
});

test('an address may be kept as long as the mesh says', () => {
  const answer: Answer = {
    kind: 'addresses',
    alias: undefined,
    addresses: ['10.0.0.1'],
    ttlSeconds: 5,
  };
  const { answers } = reply(query('a.b'), answer);
  assert.equal(answers[0]?.ttlSeconds, 5);
});

test('another form of the name is a CNAME to it', () => {
  const long = 'a.ns.svc.cluster.local.ns.svc.cluster.local';
  const answer: Answer = {
    kind: 'addresses',
    alias: 'a.ns.svc.cluster.local',
    addresses: ['10.0.0.1', 'fd00::1'],
  };
  const { answers } = reply(query(long, { type: TYPE.ANY }), answer);
  const [first, ...rest] = answers;
  assert.deepEqual(first?.data, { kind: 'name', name: 'a.ns.svc.cluster.local' });
  assert.equal(first?.name, long);
  assert.deepEqual(
    rest.map(({ name, type }) => [name, type]),
    [
      ['a.ns.svc.cluster.local', TYPE.A],
      ['a.ns.svc.cluster.local', TYPE.AAAA],
    ],
  );
});

test('denials have an SOA record that keeps them short', () => {
  for (const [kind, rcode] of [
    ['no-data', RCODE.NOERROR],
    ['no-such-name', RCODE.NXDOMAIN],
  ] as const) {
    const { header, answers, authorities } = reply(query('A.ns.svc.CLUSTER.local'), { kind });
    assert.equal(header.rcode, rcode);
    assert(header.isAuthoritative);
    assert.equal(answers.length, 0);
    const [soa] = authorities;
    assert.equal(soa?.name, 'cluster.local');
    assert(soa.data.kind === 'soa' && soa.data.negativeTtlSeconds === 1 && soa.ttlSeconds === 1);
  }
});

test('what cannot be answered is SERVFAIL, without authority', () => {
  const { header, questions } = reply(query('a.cluster.local'), { kind: 'unavailable' });
  assert.equal(header.rcode, RCODE.SERVFAIL);
  assert(!header.isAuthoritative);
  assert.equal(questions.length, 1);
});

test('EDNS is answered with EDNS, and only then', () => {
  const withEdns = reply(query('a', { payload: 4096 }), addresses(1));
  assert.deepEqual(
    withEdns.additionals.map(({ type, class: payload }) => [type, payload]),
    [[TYPE.OPT, 1232]],
  );
  assert.deepEqual(reply(query('a'), addresses(1)).additionals, []);
});

test('too many addresses: those that fit, marked as truncated; all of them by TCP', () => {
  const plain = reply(query('a'), addresses(100));
  assert(plain.header.isTruncated);
  assert.equal(plain.answers.length, 30); // (512 - 12 - 7) / 16
  const edns = reply(query('a', { payload: 1232 }), addresses(100));
  assert(edns.header.isTruncated);
  assert.equal(edns.answers.length, 75);
  const tcp = reply(query('a'), addresses(2000), 'tcp');
  assert(!tcp.header.isTruncated);
  assert.equal(tcp.answers.length, 2000);
});

test('a reply fits its transport, whatever the name and however many addresses', () => {
  const property = fc.property(
    fc.array(fc.stringMatching(/^[a-z]{1,40}$/), { minLength: 1, maxLength: 5 }),
    fc.array(fc.oneof(fc.ipV4(), fc.constant('fd00::1')), { minLength: 1, maxLength: 100 }),
    fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined }),
    fc.boolean(),
    (labels, list, payload, hasAlias) => {
      const alias = hasAlias ? labels.join('.') : undefined;
      const asked = query(labels.join('.'), payload === undefined ? {} : { payload });
      const { header, answers } = reply(asked, { kind: 'addresses', alias, addresses: list });
      const shown = answers.filter(({ data }) => data.kind === 'address').length;
      assert.equal(header.isTruncated, shown < list.length);
    },
  );
  fc.assert(property, { numRuns: 500 });
});

test('a shuffle loses nothing and is ruled by the random numbers alone', () => {
  const values = [1, 2, 3, 4, 5];
  assert.deepEqual(
    shuffle(values, () => 0.999),
    values,
  );
  assert.deepEqual(
    shuffle(values, () => 0),
    [2, 3, 4, 5, 1],
  );
  const property = fc.property(
    fc.array(fc.nat()),
    fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
    (list, dice) => {
      const mixed = shuffle(list, () => dice.next().value);
      assert.deepEqual(
        mixed.toSorted((a, b) => a - b),
        list.toSorted((a, b) => a - b),
      );
    },
  );
  fc.assert(property, { numRuns: 200 });
});
