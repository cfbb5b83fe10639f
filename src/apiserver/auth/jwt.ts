// JSON Web Tokens signed with ES256 (RFC 7519, RFC 7518 §3.4), and nothing else of that family.
import { createHash, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Json, JsonObject } from '../object.ts';
import { isJsonObject, stringAt } from '../object.ts';

const ALGORITHM = 'ES256';
/** Longer than any token that this server makes. */
const TOKEN_LENGTH_MAX = 8_192;

/** Signs and checks tokens with one P-256 key. */
export class TokenSigner {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #keyId: string;

  constructor(privateKey: KeyObject) {
    this.#privateKey = privateKey;
    this.#publicKey = createPublicKey(privateKey);
    const spki = this.#publicKey.export({ format: 'der', type: 'spki' });
    this.#keyId = createHash('sha256').update(spki).digest('base64url');
  }

  /** The public key as a JSON Web Key Set, RFC 7517. */
  get keySet(): JsonObject {
    const { kty = '', crv = '', x = '', y = '' } = this.#publicKey.export({ format: 'jwk' });
    return { keys: [{ use: 'sig', kty, kid: this.#keyId, alg: ALGORITHM, crv, x, y }] };
  }

  sign(claims: JsonObject): string {
    const header = { alg: ALGORITHM, kid: this.#keyId };
    const signed = `${encode(header)}.${encode(claims)}`;
    const key = { key: this.#privateKey, dsaEncoding: 'ieee-p1363' } as const;
    return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
  }

  /** @returns the claims when the signature is this key's; times and audiences are not judged */
  open(token: string): JsonObject | undefined {
    if (token.length > TOKEN_LENGTH_MAX) return undefined;
    const [header, claims, signature, ...rest] = token.split('.');
    if (header === undefined || claims === undefined || signature === undefined) return undefined;
    if (rest.length > 0) return undefined;
    const fields = decode(header);
    // The algorithm is fixed: a token that names another one is refused before anything else.
    if (!fields || stringAt(fields, 'alg') !== ALGORITHM) return undefined;
    if (stringAt(fields, 'kid') !== this.#keyId) return undefined;
    const key = { key: this.#publicKey, dsaEncoding: 'ieee-p1363' } as const;
    const bytes = Buffer.from(signature, 'base64url');
    const isGood = verify('sha256', Buffer.from(`${header}.${claims}`), key, bytes);
    return isGood ? decode(claims) : undefined;
  }
}

function encode(value: JsonObject): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): JsonObject | undefined {
  try {
    const value: Json = JSON.parse(Buffer.from(part, 'base64url').toString());
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
