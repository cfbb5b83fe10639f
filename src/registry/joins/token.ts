// The one secret of a join: what lets a machine ask, once, to become one certain workload. The
// mesh keeps its hash. The token also names the mesh's root by its hash, so that the machine can
// tell the control plane from everybody else before it says the secret to it.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Parsed } from '#base/workload-identity.ts';

/** 64 bits: names the join, and is no secret. */
const ID_BYTES = 8;
/** 192 bits. */
const SECRET_BYTES = 24;
const PREFIX = 'ij1';

export type JoinToken = {
  readonly id: string;
  /** Base64url. */
  readonly secret: string;
  /** SHA-256 of the root certificate in DER, base64url. */
  readonly pin: string;
};

/** @param randomBytes from the system's generator */
export function createToken(randomBytes: (count: number) => Buffer, pin: string): JoinToken {
  const id = randomBytes(ID_BYTES).toString('base64url');
  return { id, secret: randomBytes(SECRET_BYTES).toString('base64url'), pin };
}

/** `ij1.<id>.<secret>.<pin>`: one word in every shell. */
export const renderToken = ({ id, secret, pin }: JoinToken): string =>
  [PREFIX, id, secret, pin].join('.');

const TOKEN = /^ij1\.([\w-]{11})\.([\w-]{32})\.([\w-]{43})$/;

export function parseToken(text: string): Parsed<JoinToken> {
  const [, id, secret, pin] = TOKEN.exec(text) ?? [];
  if (id === undefined || secret === undefined || pin === undefined) {
    const isCut = text.startsWith(`${PREFIX}.`);
    return { ok: false, problem: isCut ? 'the token is not whole' : 'that is no token of a join' };
  }
  return { ok: true, value: { id, secret, pin } };
}

/** What is kept of a secret; it has too many bits to be guessed from it. */
export const hashOfSecret = (secret: string): string =>
  createHash('sha256').update(`isthmus join ${secret}`).digest('base64url');

/** In the same time, whatever differs. */
export function isSecret(secret: string, hash: string): boolean {
  const [given, kept] = [Buffer.from(hashOfSecret(secret)), Buffer.from(hash)];
  return given.length === kept.length && timingSafeEqual(given, kept);
}

/** @param der of a root certificate */
export const pinOf = (der: Uint8Array): string =>
  createHash('sha256').update(der).digest('base64url');
