// Reading and writing the DNS wire format (RFC 1035 §4) field by field. Pure. The reader keeps its
// first problem instead of throwing: whoever reads on gets zeros, and asks `problem` at the end.
import assert from 'node:assert/strict';

/**
 * A name as people write it, without the final dot: `inventory.library.svc.cluster.local`; the root
 * is the empty string. Bytes other than letters, digits, `-` and `_` are escaped as in zone files:
 * `\.` for a dot inside a label, `\032` for a space. So names are plain ASCII, and equal names that
 * differ in case differ in case here too: compare with `foldCase`.
 */
export type DnsName = string;

/** RFC 1035 §2.3.4: a whole name on the wire, length bytes and root included. */
const NAME_BYTES_MAX = 255;
const LABEL_BYTES_MAX = 63;
/** The two highest bits of a length byte: 00 is a label, 11 a pointer, the others are reserved. */
const POINTER_BITS = 0xc0;
/** A pointer has 14 bits (RFC 1035 §4.1.4). */
const POINTER_MAX = 0x3fff;

/** DNS compares names without regard to the case of ASCII letters (RFC 4343). */
export const foldCase = (name: DnsName): DnsName => name.toLowerCase();

const isPlain = (byte: number): boolean =>
  (byte >= 0x61 && byte <= 0x7a) || // a–z
  (byte >= 0x41 && byte <= 0x5a) || // A–Z
  (byte >= 0x30 && byte <= 0x39) || // 0–9
  byte === 0x2d ||
  byte === 0x5f; // - and _

function renderLabel(label: Uint8Array): string {
  let text = '';
  for (const byte of label) {
    if (isPlain(byte)) text += String.fromCharCode(byte);
    else if (byte === 0x2e) text += '\\.';
    else text += `\\${String(byte).padStart(3, '0')}`;
  }
  return text;
}

/**
 * The labels of a name as bytes, or undefined when the text is no legal name: an empty label, a
 * label over 63 bytes, more than 255 bytes in all, a broken escape, a character beyond ASCII.
 */
export function labelsOf(name: DnsName): Uint8Array[] | undefined {
  if (name === '') return [];
  const labels: Uint8Array[] = [];
  let label: number[] = [];
  let bytesTotal = 1; // the root
  for (const [token] of `${name}.`.matchAll(/\\[0-9]{3}|\\[^0-9]|[^]/gu)) {
    if (token === '.') {
      if (label.length === 0 || label.length > LABEL_BYTES_MAX) return undefined;
      bytesTotal += 1 + label.length;
      labels.push(Uint8Array.from(label));
      label = [];
    } else {
      const byte = byteOf(token);
      if (byte === undefined) return undefined;
      label.push(byte);
    }
  }
  return label.length === 0 && bytesTotal <= NAME_BYTES_MAX ? labels : undefined;
}

/** The byte of one plain or escaped character; undefined beyond ASCII or a byte's range. */
function byteOf(token: string): number | undefined {
  if (token.length === 4) {
    const byte = Number(token.slice(1));
    return byte <= 0xff ? byte : undefined;
  }
  const code = token.charCodeAt(token.length - 1);
  return token === '\\' || code >= 0x80 ? undefined : code;
}

export class PacketReader {
  readonly #bytes: Uint8Array;
  #offset: number;
  #problem: string | undefined;

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes;
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  /** What was wrong first, or undefined while all is well. */
  get problem(): string | undefined {
    return this.#problem;
  }

  fail(problem: string): void {
    this.#problem ??= problem;
    this.#offset = this.#bytes.length;
  }

  u8(): number {
    return this.take(1)[0] ?? 0;
  }

  u16(): number {
    const high = this.u8();
    return (high << 8) | this.u8();
  }

  u32(): number {
    const high = this.u16();
    return high * 0x1_0000 + this.u16();
  }

  /** The next `count` bytes, as a view; fewer (and a problem) at the end of the packet. */
  take(count: number): Uint8Array {
    const end = this.#offset + count;
    if (end > this.#bytes.length) {
      this.fail(`cut off at byte ${this.#bytes.length}`);
      return new Uint8Array();
    }
    const taken = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return taken;
  }

  /**
   * A name, following compression pointers. Each pointer must lead before the place where the
   * labels it continues began, so a loop is impossible and the work is bounded by the packet.
   */
  name(): DnsName {
    const labels: string[] = [];
    let bytesTotal = 1;
    let segmentStart = this.#offset;
    let resumeAt: number | undefined;
    for (;;) {
      const length = this.u8();
      if (this.#problem !== undefined) return '';
      if (length === 0) break;
      if (length >= POINTER_BITS) {
        const target = ((length & ~POINTER_BITS) << 8) | this.u8();
        if (target >= segmentStart) this.fail('a compression pointer that does not lead back');
        if (this.#problem !== undefined) return '';
        resumeAt ??= this.#offset;
        segmentStart = target;
        this.#offset = target;
        continue;
      }
      if (length > LABEL_BYTES_MAX) this.fail('a label of a reserved kind');
      bytesTotal += 1 + length;
      if (bytesTotal > NAME_BYTES_MAX) this.fail(`a name of more than ${NAME_BYTES_MAX} bytes`);
      labels.push(renderLabel(this.take(length)));
    }
    this.#offset = resumeAt ?? this.#offset;
    return labels.join('.');
  }
}

export class PacketWriter {
  readonly #bytes: number[] = [];
  /** Where each name, in just this spelling, was first written. */
  readonly #written = new Map<string, number>();

  get length(): number {
    return this.#bytes.length;
  }

  u8(value: number): void {
    this.#bytes.push(value & 0xff);
  }

  u16(value: number): void {
    this.#bytes.push((value >>> 8) & 0xff, value & 0xff);
  }

  u32(value: number): void {
    this.u16(Math.floor(value / 0x1_0000));
    this.u16(value);
  }

  bytes(values: Uint8Array): void {
    for (const value of values) this.#bytes.push(value);
  }

  /**
   * Writes a name, pointing to an earlier occurrence of its tail where there is one of the same
   * spelling (so that the case of each name survives).
   */
  name(name: DnsName): void {
    const labels = labelsOf(name);
    assert(labels, `not a DNS name: ${JSON.stringify(name)}`);
    for (const [index, label] of labels.entries()) {
      const tail = labels.slice(index).map(renderLabel).join('.');
      const earlier = this.#written.get(tail);
      if (earlier !== undefined) return this.u16((POINTER_BITS << 8) | earlier);
      if (this.length <= POINTER_MAX) this.#written.set(tail, this.length);
      this.u8(label.length);
      this.bytes(label);
    }
    return this.u8(0);
  }

  /** Runs `write` and puts the number of bytes that it wrote before them (as for RDATA). */
  sized(write: () => void): void {
    const start = this.#bytes.length;
    this.u16(0);
    write();
    const size = this.#bytes.length - start - 2;
    this.#bytes[start] = (size >>> 8) & 0xff;
    this.#bytes[start + 1] = size & 0xff;
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}
