// Reads what tcpdump wrote: the classic pcap format (draft-ietf-opsawg-pcap), Ethernet frames,
// IPv4 and IPv6, TCP. Pure; anything else in the file is passed over.

/** One TCP segment as it passed the capture point. */
export type Segment = {
  /** Wall-clock milliseconds since the Unix epoch, with fractions. */
  readonly atMs: number;
  /** `address:port`, IPv6 in brackets. */
  readonly from: string;
  readonly to: string;
  readonly sequence: number;
  readonly isSyn: boolean;
  readonly payload: Uint8Array;
};

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const ETHERNET_BYTES = 14;
const LINKTYPE_ETHERNET = 1;
const IPPROTO_TCP = 6;
const FLAG_SYN = 0x02;
const FLAG_ACK = 0x10;
/** Magic numbers of files with microseconds and with nanoseconds. */
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;

/**
 * @returns the TCP segments in the order of the capture; a record cut off at the end of the file
 *   (tcpdump may still be writing) is left out
 * @throws Error when the file is not a pcap file of Ethernet frames
 */
export function parsePcap(file: Uint8Array): Segment[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.byteLength < FILE_HEADER_BYTES) throw new Error('the capture has no header');
  const littleEndian = [MAGIC_MICROSECONDS, MAGIC_NANOSECONDS].includes(view.getUint32(0, true));
  const magic = view.getUint32(0, littleEndian);
  if (magic !== MAGIC_MICROSECONDS && magic !== MAGIC_NANOSECONDS) {
    throw new Error(`not a pcap file: it begins with ${magic.toString(16)}`);
  }
  const linkType = view.getUint32(20, littleEndian) & 0xffff;
  if (linkType !== LINKTYPE_ETHERNET) throw new Error(`link type ${linkType} is not Ethernet`);
  const fractionsPerMs = magic === MAGIC_NANOSECONDS ? 1e6 : 1e3;
  const segments: Segment[] = [];
  let offset = FILE_HEADER_BYTES;
  while (offset + RECORD_HEADER_BYTES <= file.byteLength) {
    const seconds = view.getUint32(offset, littleEndian);
    const fraction = view.getUint32(offset + 4, littleEndian);
    const length = view.getUint32(offset + 8, littleEndian);
    const start = offset + RECORD_HEADER_BYTES;
    if (start + length > file.byteLength) break;
    const atMs = seconds * 1000 + fraction / fractionsPerMs;
    const segment = parseFrame(file.subarray(start, start + length), atMs);
    if (segment) segments.push(segment);
    offset = start + length;
  }
  return segments;
}

function parseFrame(frame: Uint8Array, atMs: number): Segment | undefined {
  if (frame.length < ETHERNET_BYTES) return undefined;
  const packet = frame.subarray(ETHERNET_BYTES);
  const etherType = read16(frame, 12);
  if (etherType === 0x0800) return parseIpv4(packet, atMs);
  return etherType === 0x86dd ? parseIpv6(packet, atMs) : undefined;
}

/** RFC 791 §3.1. The total length cuts off Ethernet's padding. */
function parseIpv4(packet: Uint8Array, atMs: number): Segment | undefined {
  if (packet.length < 20 || packet[9] !== IPPROTO_TCP) return undefined;
  const headerBytes = ((packet[0] ?? 0) & 0x0f) * 4;
  const isLaterFragment = (read16(packet, 6) & 0x1fff) !== 0;
  if (isLaterFragment) return undefined;
  const from = packet.subarray(12, 16).join('.');
  const to = packet.subarray(16, 20).join('.');
  return parseTcp(packet.subarray(headerBytes, read16(packet, 2)), { from, to, atMs });
}

/** RFC 8200 §3, without extension headers, which TCP between two hosts does not use. */
function parseIpv6(packet: Uint8Array, atMs: number): Segment | undefined {
  if (packet.length < 40 || packet[6] !== IPPROTO_TCP) return undefined;
  const from = ipv6Text(packet.subarray(8, 24));
  const to = ipv6Text(packet.subarray(24, 40));
  return parseTcp(packet.subarray(40, 40 + read16(packet, 4)), { from, to, atMs });
}

/** RFC 9293 §3.1. */
function parseTcp(
  bytes: Uint8Array,
  packet: { readonly from: string; readonly to: string; readonly atMs: number },
): Segment | undefined {
  if (bytes.length < 20) return undefined;
  const headerBytes = ((bytes[12] ?? 0) >> 4) * 4;
  const flags = bytes[13] ?? 0;
  return {
    atMs: packet.atMs,
    from: `${packet.from}:${read16(bytes, 0)}`,
    to: `${packet.to}:${read16(bytes, 2)}`,
    sequence: (read16(bytes, 4) * 0x10000 + read16(bytes, 6)) >>> 0,
    isSyn: (flags & (FLAG_SYN | FLAG_ACK)) === FLAG_SYN,
    payload: bytes.subarray(headerBytes),
  };
}

const read16 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

function ipv6Text(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) => read16(bytes, index * 2).toString(16));
  return `[${groups.join(':')}]`;
}
