import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePcap } from './pcap.ts';

type FileOptions = { readonly littleEndian?: boolean; readonly nanoseconds?: boolean };

/** A pcap file with these frames, each a millisecond and a half after the epoch. */
function pcapOf(frames: readonly Uint8Array[], options: FileOptions = {}): Uint8Array {
  const { littleEndian = true, nanoseconds = false } = options;
  const header = new DataView(new ArrayBuffer(24));
  header.setUint32(0, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, littleEndian);
  header.setUint32(20, 1, littleEndian);
  const parts: Uint8Array[] = [new Uint8Array(header.buffer)];
  for (const frame of frames) {
    const record = new DataView(new ArrayBuffer(16));
    record.setUint32(4, nanoseconds ? 1_500_000 : 1_500, littleEndian);
    record.setUint32(8, frame.length, littleEndian);
    record.setUint32(12, frame.length, littleEndian);
    parts.push(new Uint8Array(record.buffer), frame);
  }
  return Buffer.concat(parts);
}

const hex = (...fields: readonly string[]): Buffer => Buffer.from(fields.join(''), 'hex');

const ETHERNET_IPV4 = hex('000000000001', '000000000002', '0800');
const ETHERNET_IPV6 = hex('000000000001', '000000000002', '86dd');

/** From port 40190 to port 5432, sequence 2³¹ + 7, an empty options field of 4 bytes. */
function tcp(flags: number, payload: string): Uint8Array {
  const header = hex('9cfe', '1538', '80000007', '00000000', '6000', '0'.repeat(20));
  header[13] = flags;
  return Buffer.concat([header, Buffer.from(payload)]);
}

function ipv4(body: Uint8Array, fragmentOffset = 0): Uint8Array {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + body.length, 2);
  header.writeUInt16BE(fragmentOffset, 6);
  header[9] = 6;
  header.set([10, 24, 2, 23], 12);
  header.set([10, 128, 0, 14], 16);
  return Buffer.concat([header, body]);
}

test('a segment is read, without the padding of its frame', () => {
  const padding = Buffer.alloc(6, 0xee);
  const frame = Buffer.concat([ETHERNET_IPV4, ipv4(tcp(0x18, 'SELECT')), padding]);
  assert.deepEqual(
    parsePcap(pcapOf([frame])).map((segment) => ({
      ...segment,
      payload: Buffer.from(segment.payload).toString(),
    })),
    [
      {
        atMs: 1.5,
        from: '10.24.2.23:40190',
        to: '10.128.0.14:5432',
        sequence: 2 ** 31 + 7,
        isSyn: false,
        payload: 'SELECT',
      },
    ],
  );
});

test('byte orders and time units of the format', () => {
  const frame = Buffer.concat([ETHERNET_IPV4, ipv4(tcp(0x02, ''))]);
  for (const littleEndian of [true, false]) {
    for (const nanoseconds of [true, false]) {
      const [segment] = parsePcap(pcapOf([frame], { littleEndian, nanoseconds }));
      assert.equal(segment?.atMs, 1.5);
      assert.equal(segment.isSyn, true);
    }
  }
});

test('only the first SYN opens a connection, not its answer', () => {
  const synAck = Buffer.concat([ETHERNET_IPV4, ipv4(tcp(0x12, ''))]);
  assert.equal(parsePcap(pcapOf([synAck]))[0]?.isSyn, false);
});

test('IPv6', () => {
  const body = tcp(0x18, 'x');
  const header = Buffer.alloc(40);
  header.writeUInt16BE(body.length, 4);
  header[6] = 6;
  header[23] = 1;
  header[39] = 2;
  const [segment] = parsePcap(pcapOf([Buffer.concat([ETHERNET_IPV6, header, body])]));
  assert.equal(segment?.from, '[0:0:0:0:0:0:0:1]:40190');
  assert.equal(segment.to, '[0:0:0:0:0:0:0:2]:5432');
});

test('other frames, later fragments and a record cut off are passed over', () => {
  const arp = hex('000000000001', '000000000002', '0806', '0001');
  const fragment = Buffer.concat([ETHERNET_IPV4, ipv4(tcp(0x18, 'x'), 100)]);
  const whole = Buffer.concat([ETHERNET_IPV4, ipv4(tcp(0x18, 'x'))]);
  const file = pcapOf([arp, Buffer.from([1]), fragment, whole, whole]);
  assert.equal(parsePcap(file).length, 2);
  assert.equal(parsePcap(file.subarray(0, file.length - 1)).length, 1);
});

test('what is no capture of Ethernet is refused', () => {
  assert.throws(() => parsePcap(Buffer.from('')), /no header/);
  assert.throws(() => parsePcap(Buffer.alloc(24, 7)), /not a pcap file/);
  const raw = Buffer.from(pcapOf([]));
  raw.writeUInt32LE(101, 20);
  assert.throws(() => parsePcap(raw), /link type 101/);
});
