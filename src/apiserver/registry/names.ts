// Names and identifiers that the server makes up.

/** Letters and digits that form no words and are not mistaken for one another. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;
/** The whole name must stay a label. */
const GENERATED_BASE_LENGTH_MAX = 63 - SUFFIX_LENGTH;

export type RandomBytes = (size: number) => Uint8Array;

/** `generateName` with five random characters, cut so that the whole is at most 63 long. */
export function generateName(base: string, randomBytes: RandomBytes): string {
  const suffix = Array.from(randomBytes(SUFFIX_LENGTH), (byte) => ALPHABET[byte % ALPHABET.length]);
  return `${base.slice(0, GENERATED_BASE_LENGTH_MAX)}${suffix.join('')}`;
}

/** A random UUID, RFC 9562 §5.4. */
export function generateUid(randomBytes: RandomBytes): string {
  const bytes = Buffer.from(randomBytes(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}

/** Times in metadata have whole seconds. */
export function timestamp(nowMs: number): string {
  return `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
}
