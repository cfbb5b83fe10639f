// JSON Web Key Sets (RFC 7517): what may be handed on of a text that somebody wrote, or that was
// fetched from somewhere.
import { isRecord } from '#kube/objects.ts';

/** Keys that a set may have; Envoy tries each that fits a token. */
const KEYS_MAX = 256;
/** A longer text is no key set that anybody means. */
const TEXT_LENGTH_MAX = 1 << 20;

export type JsonWebKey = Readonly<Record<string, unknown>> & { readonly kty: string };

/** The keys, unknown members left out; undefined when it is no key set, or has no key in it. */
export function parseKeySet(text: string): readonly JsonWebKey[] | undefined {
  if (text.length > TEXT_LENGTH_MAX) return undefined;
  const parsed = parseJson(text);
  const found: unknown = isRecord(parsed) ? parsed['keys'] : undefined;
  if (!Array.isArray(found)) return undefined;
  const keys = found.filter(isKey).slice(0, KEYS_MAX).map(publicPart);
  return keys.length === 0 ? undefined : keys;
}

/** Is it a key set, possibly of no key, or a single key? Istio refuses what is neither. */
export function isKeySetOrKey(text: string): boolean {
  const parsed = text.length > TEXT_LENGTH_MAX ? undefined : parseJson(text);
  if (!isRecord(parsed)) return false;
  const { keys } = parsed;
  return Array.isArray(keys) ? keys.every(isKey) : isKey(parsed);
}

/** What RFC 7518 has for public keys, and for the secret of an HMAC. */
const MEMBERS = ['kty', 'kid', 'alg', 'use', 'crv', 'x', 'y', 'n', 'e', 'k'];

const isKey = (value: unknown): value is JsonWebKey =>
  isRecord(value) && typeof value['kty'] === 'string';

/** So that nothing that a set happens to have besides reaches a proxy: a private key, say. */
function publicPart(key: JsonWebKey): JsonWebKey {
  const members = MEMBERS.flatMap((name) =>
    typeof key[name] === 'string' ? [[name, key[name]] as const] : [],
  );
  return { ...Object.fromEntries(members), kty: key.kty };
}

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined; // the only way in which JSON.parse fails
  }
}
