import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { fuzz } from '../../test/fuzz/harness.ts';
import { renderIp } from '#base/ip.ts';
import {
  TYPE,
  parseMessage,
  renderMessage,
  type DnsMessage,
  type ResourceRecord,
} from './packet.ts';
import { foldCase, labelsOf } from './packet-reader.ts';
import { parseResolvConf } from './resolv-conf.ts';
import { FrameReader, frame } from './tcp-frames.ts';
import { CANDIDATES_MAX, decide } from './zone.ts';

const BUDGET = fuzz(2000);

const label = fc
  .uint8Array({ minLength: 1, maxLength: 20 })
  .map((bytes) => [...bytes].map((byte) => `\\${String(byte).padStart(3, '0')}`).join(''));
const plainLabel = fc.stringMatching(/^[a-zA-Z0-9_-]{1,12}$/);
const name = fc
  .array(fc.oneof({ weight: 5, arbitrary: plainLabel }, label), { maxLength: 6 })
  .map((labels) => canonicalName(labels.join('.')))
  .filter((text) => labelsOf(text) !== undefined);

/** The spelling that the codec itself uses for a name. */
function canonicalName(text: string): string {
  const isPlain = (byte: number): boolean => /[a-zA-Z0-9_-]/.test(String.fromCharCode(byte));
  const renderByte = (byte: number): string => {
    if (isPlain(byte)) return String.fromCharCode(byte);
    return byte === 0x2e ? '\\.' : `\\${String(byte).padStart(3, '0')}`;
  };
  return (labelsOf(text) ?? []).map((bytes) => [...bytes].map(renderByte).join('')).join('.');
}

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const ipv4 = fc.ipV4();
const ipv6 = fc
  .bigInt({ min: 0n, max: (1n << 128n) - 1n })
  .map((value) => renderIp({ version: 6, value }));

const record: fc.Arbitrary<ResourceRecord> = fc
  .tuple(
    name,
    u16,
    u32,
    fc.oneof(
      fc.record({ type: fc.constant(TYPE.A), kind: fc.constant('address'), address: ipv4 }),
      fc.record({ type: fc.constant(TYPE.AAAA), kind: fc.constant('address'), address: ipv6 }),
      fc.record({ type: fc.constant(TYPE.CNAME), kind: fc.constant('name'), name }),
      fc.record({
        type: fc.constant(TYPE.SRV),
        kind: fc.constant('srv'),
        priority: u16,
        weight: u16,
        port: u16,
        target: name,
      }),
      fc.record({
        type: fc.constant(TYPE.SOA),
        kind: fc.constant('soa'),
        primary: name,
        mailbox: name,
        serial: u32,
        refreshSeconds: u32,
        retrySeconds: u32,
        expireSeconds: u32,
        negativeTtlSeconds: u32,
      }),
      fc.record({
        type: fc.constantFrom(TYPE.OPT, TYPE.TXT, 4711),
        kind: fc.constant('raw'),
        bytes: fc.uint8Array({ maxLength: 40 }),
      }),
    ),
  )
  .map(([owner, recordClass, ttlSeconds, { type, ...data }]) => ({
    name: owner,
    type,
    class: recordClass,
    ttlSeconds,
    data: data as ResourceRecord['data'],
  }));

const flag = fc.boolean();
const message: fc.Arbitrary<DnsMessage> = fc.record({
  header: fc.record({
    id: u16,
    isResponse: flag,
    opcode: fc.integer({ min: 0, max: 15 }),
    isAuthoritative: flag,
    isTruncated: flag,
    recursionDesired: flag,
    recursionAvailable: flag,
    authenticData: flag,
    checkingDisabled: flag,
    rcode: fc.integer({ min: 0, max: 15 }),
  }),
  questions: fc.array(fc.record({ name, type: u16, class: u16 }), { maxLength: 3 }),
  answers: fc.array(record, { maxLength: 6 }),
  authorities: fc.array(record, { maxLength: 2 }),
  additionals: fc.array(record, { maxLength: 2 }),
});

test('what is written is read back', () => {
  const property = fc.property(message, (original) => {
    const parsed = parseMessage(renderMessage(original));
    assert(parsed.ok, parsed.ok ? '' : parsed.problem);
    assert.deepEqual(asPlain(parsed.value), asPlain(original));
  });
  fc.assert(property, BUDGET);
});

/** Byte arrays compared by content, whatever view they are of. */
const asPlain = (value: DnsMessage): unknown =>
  JSON.parse(
    JSON.stringify(value, (_key, inner: unknown) =>
      inner instanceof Uint8Array ? Buffer.from(inner).toString('hex') : inner,
    ),
  );

test('no bytes make the reader throw or run away', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
    const parsed = parseMessage(bytes);
    assert(parsed.ok || parsed.problem.length > 0);
  });
  fc.assert(property, BUDGET);
});

test('a message with some bytes changed is read or refused; what is read can be written', () => {
  const edits = fc.array(fc.tuple(fc.nat({ max: 700 }), fc.integer({ min: 0, max: 255 })), {
    maxLength: 4,
  });
  const property = fc.property(message, edits, (original, changes) => {
    const bytes = renderMessage(original);
    for (const [at, value] of changes) bytes[at % bytes.length] = value;
    const parsed = parseMessage(bytes);
    if (!parsed.ok) return;
    const again = parseMessage(renderMessage(parsed.value));
    assert(again.ok, again.ok ? '' : again.problem);
    assert.deepEqual(asPlain(again.value), asPlain(parsed.value));
  });
  fc.assert(property, BUDGET);
});

test('any question gets a decision after one round of asking, whatever is said of the names', () => {
  const config = {
    namespace: 'library',
    clusterDomain: 'cluster.local',
    search: ['library.svc.cluster.local'],
    authoritative: ['cluster.local'],
  };
  const part = fc.constantFrom('a', 'library', 'svc', 'cluster', 'local', 'example', 'com', '*');
  const asked = fc.oneof(
    name,
    fc.array(part, { maxLength: 10 }).map((parts) => parts.join('.')),
  );
  const said = fc.infiniteStream(
    fc.constantFrom(
      { kind: 'absent' } as const,
      { kind: 'unreachable' } as const,
      { kind: 'addresses', ipv4: ['10.0.0.1'], ipv6: [] } as const,
    ),
  );
  const property = fc.property(asked, u16, said, (questionName, type, records) => {
    const question = { name: questionName, type, class: 1 };
    const first = decide(question, config, () => undefined);
    if (first.kind !== 'ask') return;
    assert(first.names.length <= CANDIDATES_MAX);
    const known = new Map(first.names.map((wanted) => [wanted, records.next().value]));
    const second = decide(question, config, (wanted) => known.get(wanted));
    assert.notEqual(second.kind, 'ask');
  });
  fc.assert(property, BUDGET);
});

test('messages survive TCP however the stream is cut', () => {
  const property = fc.property(
    fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }),
    fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 }),
    (messages, sizes) => {
      const stream = Buffer.concat(messages.map(frame));
      const frames = new FrameReader();
      const received: Uint8Array[] = [];
      for (let offset = 0, turn = 0; offset < stream.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        received.push(...frames.push(stream.subarray(offset, offset + size)));
        offset += size;
      }
      assert.deepEqual(received.map(hexOf), messages.map(hexOf));
    },
  );
  fc.assert(property, BUDGET);
});

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('no text makes the resolv.conf reader throw', () => {
  const word = fc.constantFrom(
    'nameserver',
    'search',
    'options',
    '10.0.0.1',
    '::1',
    'ndots:5',
    '#',
  );
  const line = fc.array(fc.oneof(word, fc.string({ unit: 'binary' })), { maxLength: 6 });
  const text = fc.array(line.map((words) => words.join(' '))).map((lines) => lines.join('\n'));
  const property = fc.property(text, (found) => {
    const { upstreams, search, ndots } = parseResolvConf(found);
    assert(upstreams.length <= 3 && search.length <= 32 && ndots <= 15);
    assert(search.every((domain) => labelsOf(domain) && domain === foldCase(domain)));
  });
  fc.assert(property, BUDGET);
});
