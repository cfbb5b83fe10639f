import assert from 'node:assert/strict';
import { BlockList, isIP } from 'node:net';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  canonicalCidr,
  canonicalIp,
  cidrsOf,
  normalizeRanges,
  parseCidr,
  parseIp,
  parseRange,
  rangeContains,
  rangesContain,
  renderIp,
  type IpAddress,
  type IpRange,
} from './ip.ts';

const CANONICAL: readonly (readonly [text: string, canonical: string | undefined])[] = [
  ['10.0.0.1', '10.0.0.1'],
  ['255.255.255.255', '255.255.255.255'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['2001:DB8::00A1', '2001:db8::a1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['10:0:0:100::', '10:0:0:100::'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::FFFF:0a00:0001', '10.0.0.1'],
  ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ['', undefined],
  ['10.0.0', undefined],
  ['10.0.0.256', undefined],
  ['10.0.0.01', undefined],
  ['10.0.0.1 ', undefined],
  ['+1.0.0.1', undefined],
  ['0x0a.0.0.1', undefined],
  ['10.0.0.1/32', undefined],
  ['[::1]', undefined],
  ['fe80::1%eth0', undefined],
  [':::', undefined],
  ['1::2::3', undefined],
  ['1:2:3:4:5:6:7', undefined],
  ['1:2:3:4:5:6:7:8:9', undefined],
  ['::1:2:3:4:5:6:7:8', undefined],
  ['12345::', undefined],
  ['10.0.0.1::', undefined],
  ['::10.0.0.1:1', undefined],
  [':1:2:3:4:5:6:7', undefined],
];

for (const [text, canonical] of CANONICAL) {
  test(`${JSON.stringify(text)} is ${canonical ?? 'no address'}`, () => {
    assert.equal(canonicalIp(text), canonical);
  });
}

const CIDRS: readonly (readonly [text: string, canonical: string | undefined])[] = [
  ['10.1.2.3/8', '10.0.0.0/8'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['10.0.0.1/32', '10.0.0.1/32'],
  ['2001:db8::1/32', '2001:db8::/32'],
  ['::/0', '::/0'],
  ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
  ['::ffff:10.0.0.0/95', undefined],
  ['10.0.0.0/33', undefined],
  ['10.0.0.0/08', undefined],
  ['10.0.0.0/', undefined],
  ['10.0.0.0/-1', undefined],
  ['10.0.0.0', undefined],
  ['10.0.0.0/8/8', undefined],
  ['::/129', undefined],
];

for (const [text, canonical] of CIDRS) {
  test(`${JSON.stringify(text)} is ${canonical ?? 'no prefix'}`, () => {
    assert.equal(canonicalCidr(text), canonical);
  });
}

test('ranges that overlap or touch become one, and versions stay apart', () => {
  const ranges = ['10.0.1.0/24', '10.0.0.0/24', '10.0.0.7', '::/0', '0.0.0.0/32', '10.0.3.0/24'];
  const normalized = normalizeRanges(ranges.map(must));
  assert.deepEqual(normalized.map(cidrsOf), [
    ['0.0.0.0/32'],
    ['10.0.0.0/23'],
    ['10.0.3.0/24'],
    ['::/0'],
  ]);
});

test('a range becomes the fewest prefixes', () => {
  const range = { version: 4, first: 0x0a000001n, last: 0x0a000008n } as const;
  assert.deepEqual(cidrsOf(range), ['10.0.0.1/32', '10.0.0.2/31', '10.0.0.4/30', '10.0.0.8/32']);
});

const ipv4: fc.Arbitrary<IpAddress> = fc
  .bigInt(0n, (1n << 32n) - 1n)
  .map((value) => ({ version: 4, value }));
/** Groups are often zero, so that `::` has work; mapped addresses are IPv4 and so not made here. */
const ipv6: fc.Arbitrary<IpAddress> = fc
  .array(fc.oneof(fc.constant(0n), fc.bigInt(0n, 0xffffn)), { minLength: 8, maxLength: 8 })
  .map((groups) => groups.reduce((value, group) => (value << 16n) | group, 0n))
  .filter((value) => value >> 32n !== 0xffffn)
  .map((value) => ({ version: 6, value }));
const ip = fc.oneof(ipv4, ipv6);

test('rendering and parsing an address are inverse', () => {
  fc.assert(fc.property(ip, (address) => assert.deepEqual(parseIp(renderIp(address)), address)));
});

test('IPv6 text is what the URL standard renders', () => {
  fc.assert(
    fc.property(ipv6, (address) => {
      const text = renderIp(address);
      assert.equal(`[${text}]`, new URL(`http://[${text}]/`).hostname);
    }),
  );
});

test('exactly what Node takes for an address parses, but for zones', () => {
  const part = fc.oneof(
    fc.constantFrom(':', '::', '.', '0', 'ffff', '255', '256', '01', '%', '/', ' ', 'g'),
    fc.nat(70_000).map((value) => value.toString(16)),
  );
  const text = fc.oneof(
    fc.array(part, { maxLength: 17 }).map((parts) => parts.join('')),
    ip.map(renderIp),
    ipv4.map((address) => `::1:${renderIp(address)}`),
  );
  fc.assert(
    fc.property(text, (candidate) => {
      const isAddress = isIP(candidate) !== 0 && !candidate.includes('%');
      assert.equal(parseIp(candidate) !== undefined, isAddress, candidate);
    }),
    { numRuns: 2000 },
  );
});

/** Few bits, so that ranges meet, overlap and touch. */
const smallRange: fc.Arbitrary<IpRange> = fc
  .tuple(fc.constantFrom<4 | 6>(4, 6), fc.bigInt(0n, 40n), fc.bigInt(0n, 9n))
  .map(([version, first, length]) => ({ version, first, last: first + length }));

test('normalizing keeps the set of addresses, and is sorted, disjoint and idempotent', () => {
  fc.assert(
    fc.property(fc.array(smallRange, { maxLength: 12 }), (ranges) => {
      const normalized = normalizeRanges(ranges);
      assert.deepEqual(normalizeRanges(normalized.toReversed()), normalized);
      for (const version of [4, 6] as const) {
        for (let value = 0n; value < 52n; value += 1n) {
          const point = { version, value };
          const isIn = ranges.some((range) => rangeContains(range, point));
          assert.equal(rangesContain(normalized, point), isIn);
          const owners = normalized.filter((range) => rangeContains(range, point));
          assert.equal(owners.length, isIn ? 1 : 0);
        }
      }
      const touching = normalized.filter(
        (range, index) =>
          normalized[index + 1]?.version === range.version &&
          (normalized[index + 1]?.first ?? 0n) <= range.last + 1n,
      );
      assert.deepEqual(touching, []);
    }),
  );
});

test('the prefixes of a range are exactly the range', () => {
  fc.assert(
    fc.property(ip, fc.bigInt(0n, 1n << 20n), (start, length) => {
      const max = (1n << (start.version === 4 ? 32n : 128n)) - 1n;
      const last = start.value + length > max ? max : start.value + length;
      const range = { version: start.version, first: start.value, last };
      assert.deepEqual(normalizeRanges(cidrsOf(range).map(must)), [range]);
    }),
  );
});

test('a prefix contains what the BlockList of Node says it contains', () => {
  fc.assert(
    fc.property(ipv4, fc.nat(32), ipv4, (network, prefix, address) => {
      const range = parseCidr(`${renderIp(network)}/${prefix}`);
      const list = new BlockList();
      list.addSubnet(renderIp(network), prefix);
      assert(range);
      assert.equal(rangeContains(range, address), list.check(renderIp(address)));
    }),
  );
});

function must(text: string): IpRange {
  const range = parseRange(text);
  assert(range, text);
  return range;
}
