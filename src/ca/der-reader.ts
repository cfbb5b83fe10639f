// Reading DER that somebody else wrote: strict, bounded by its own bytes, never guessing.
// What is not DER throws DerError; whoever parses a whole document catches it once.

/** The bytes are not the document that they should be. The message says where it went wrong. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

export const DER_TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const;

export type DerElement = {
  /** The whole identifier octet. */
  readonly tag: number;
  readonly content: Uint8Array;
  /** Tag, length and content. */
  readonly bytes: Uint8Array;
};

/** Certificates and requests are far smaller; four length octets would be a lie or an attack. */
const LENGTH_OCTETS_MAX = 3;

/** Walks the elements of one constructed value in order. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The next element, which must have this tag. */
  next(tag: number, what: string): DerElement {
    const element = this.#read();
    if (element.tag !== tag) throw new DerError(`expected ${what}`);
    return element;
  }

  /** The content of the next element, which must have this tag, to be walked in turn. */
  enter(tag: number, what: string): DerReader {
    return new DerReader(this.next(tag, what).content);
  }

  /** The next element if it has this tag. */
  optional(tag: number): DerElement | undefined {
    return this.#bytes[this.#at] === tag ? this.#read() : undefined;
  }

  /** The next element, whatever it is. */
  any(): DerElement {
    return this.#read();
  }

  end(what: string): void {
    if (!this.isAtEnd) throw new DerError(`unexpected bytes after ${what}`);
  }

  #read(): DerElement {
    const start = this.#at;
    const tag = this.#octet();
    if ((tag & 0x1f) === 0x1f) throw new DerError('multi-octet tags are not used here');
    const length = this.#length();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new DerError('an element ends after its container');
    const content = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return { tag, content, bytes: this.#bytes.subarray(start, end) };
  }

  /** X.690 §10.1: the definite form in the fewest octets. */
  #length(): number {
    const first = this.#octet();
    if (first < 0x80) return first;
    const octets = first & 0x7f;
    if (octets === 0 || octets > LENGTH_OCTETS_MAX) throw new DerError('a length out of bounds');
    let length = 0;
    for (let index = 0; index < octets; index += 1) length = length * 256 + this.#octet();
    const isMinimal = length >= 0x80 && length >= 256 ** (octets - 1);
    if (!isMinimal) throw new DerError('a length that is not in its shortest form');
    return length;
  }

  #octet(): number {
    const octet = this.#bytes[this.#at];
    if (octet === undefined) throw new DerError('the data ends too early');
    this.#at += 1;
    return octet;
  }
}

/** `1.2.840.113549.1.9.14` from the content of an OBJECT IDENTIFIER. */
export function decodeObjectIdentifier(content: Uint8Array): string {
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const [index, octet] of content.entries()) {
    if (arc === 0n && octet === 0x80) throw new DerError('an object identifier with padding');
    arc = (arc << 7n) | BigInt(octet & 0x7f);
    if ((octet & 0x80) === 0) {
      arcs.push(arc);
      arc = 0n;
    } else if (index === content.length - 1) {
      throw new DerError('an object identifier that does not end');
    }
  }
  const [head, ...rest] = arcs;
  if (head === undefined) throw new DerError('an empty object identifier');
  const first = head < 80n ? head / 40n : 2n;
  return [first, head - first * 40n, ...rest].join('.');
}

/** The bytes of a BIT STRING that is a whole number of octets, as keys and signatures are. */
export function decodeOctetAligned(content: Uint8Array): Uint8Array {
  if (content[0] !== 0) throw new DerError('a bit string that is not whole octets');
  return content.subarray(1);
}

/** One extension of a certificate or a request: RFC 5280 §4.1. */
export type DerExtension = {
  readonly oid: string;
  readonly isCritical: boolean;
  /** The DER inside the extnValue. */
  readonly value: Uint8Array;
};

/** Reads `Extensions ::= SEQUENCE OF Extension`. */
export function readExtensions(reader: DerReader): DerExtension[] {
  const extensions: DerExtension[] = [];
  const items = reader.enter(DER_TAG.sequence, 'extensions');
  while (!items.isAtEnd) {
    const item = items.enter(DER_TAG.sequence, 'an extension');
    const oid = decodeObjectIdentifier(item.next(DER_TAG.objectIdentifier, 'its name').content);
    const isCritical = item.optional(DER_TAG.boolean)?.content[0] === 0xff;
    const value = item.next(DER_TAG.octetString, 'its value').content;
    item.end('an extension');
    extensions.push({ oid, isCritical, value });
  }
  return extensions;
}
