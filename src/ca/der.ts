// DER, the encoding of certificates and their requests: writing it (ITU-T X.690 §10).
// By hand because it is little, and the libraries for it cost an agent 18 MB of memory.

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One tag, length and content. `tag` is the whole identifier octet. */
export function tlv(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents);
  return Buffer.concat([Uint8Array.of(tag), lengthOf(content.length), content]);
}

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
}

export const sequence = (...items: readonly Uint8Array[]): Uint8Array =>
  tlv(TAG.sequence, ...items);

/** A SET OF: DER sorts the encoded elements. */
export const setOf = (...items: readonly Uint8Array[]): Uint8Array =>
  tlv(TAG.set, ...items.toSorted((a, b) => Buffer.compare(a, b)));

export const boolean = (value: boolean): Uint8Array =>
  tlv(TAG.boolean, Uint8Array.of(value ? 0xff : 0));

/** A non-negative INTEGER from its big-endian bytes. */
export function unsignedInteger(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  const minimal = first === -1 ? Uint8Array.of(0) : bytes.subarray(first);
  const isTopBitSet = ((minimal[0] ?? 0) & 0x80) !== 0;
  return tlv(TAG.integer, ...(isTopBitSet ? [Uint8Array.of(0)] : []), minimal);
}

export const bitString = (bytes: Uint8Array, unusedBits = 0): Uint8Array =>
  tlv(TAG.bitString, Uint8Array.of(unusedBits), bytes);

export const octetString = (bytes: Uint8Array): Uint8Array => tlv(TAG.octetString, bytes);

export const utf8String = (text: string): Uint8Array =>
  tlv(TAG.utf8String, Buffer.from(text, 'utf8'));

/** `1.2.840.113549.1.9.14`: base 128, most significant first, the first two arcs as one. */
export function objectIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      digits.unshift(0x80 | (left % 128));
    }
    return digits;
  });
  return tlv(TAG.objectIdentifier, Uint8Array.from(bytes));
}

/** Whole seconds. RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. */
export function time(epochMs: number): Uint8Array {
  const digits = `${new Date(epochMs).toISOString().replaceAll(/\..*|[-:T]/g, '')}Z`;
  return digits < '2050'
    ? tlv(TAG.utcTime, Buffer.from(digits.slice(2), 'latin1'))
    : tlv(TAG.generalizedTime, Buffer.from(digits, 'latin1'));
}

/** A context-specific tag around whole elements, such as `[0] EXPLICIT`. */
export const explicit = (number: number, ...items: readonly Uint8Array[]): Uint8Array =>
  tlv(0xa0 | number, ...items);

/** A context-specific tag in place of a primitive element's own, such as `[6] IMPLICIT`. */
export const implicit = (number: number, content: Uint8Array): Uint8Array =>
  tlv(0x80 | number, content);

/** RFC 7468: base64 in lines of 64 between its markers, ending in a newline. */
export function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
