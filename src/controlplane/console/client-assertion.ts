// Signing in with the client certificate of a kubeconfig, where the console has no TLS to ask for
// it: a short-lived token that the certificate's key has signed, and that carries the certificate
// (RFC 7515 §4.1.6, x5c). The API server's authority for client certificates says who that is.
import { createPrivateKey, sign, verify, X509Certificate, type KeyObject } from 'node:crypto';
import { isRecord } from '#kube/objects.ts';
import type { KubeUser } from '#kube/user.ts';

export const ASSERTION_AUDIENCE = 'isthmus.dev/console';
const LIFE_SECONDS = 60;
/** Clocks of the user's machine and of the control plane may differ by this much. */
const SKEW_SECONDS = 30;
const CHAIN_LENGTH_MAX = 4;
const LENGTH_MAX = 16 << 10;
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

type Algorithm = 'ES256' | 'ES384' | 'RS256' | 'EdDSA';

/** What `crypto.sign` and `verify` are told. RFC 7518 §3.4: ECDSA as two plain numbers. */
const SCHEMES = {
  ES256: { digest: 'sha256', isPlain: true },
  ES384: { digest: 'sha384', isPlain: true },
  RS256: { digest: 'sha256', isPlain: false },
  EdDSA: { digest: undefined, isPlain: false },
} as const satisfies Record<Algorithm, object>;

function algorithmOf({
  asymmetricKeyType,
  asymmetricKeyDetails,
}: KeyObject): Algorithm | undefined {
  if (asymmetricKeyType === 'rsa') return 'RS256';
  if (asymmetricKeyType === 'ed25519') return 'EdDSA';
  if (asymmetricKeyType !== 'ec') return undefined;
  switch (asymmetricKeyDetails?.namedCurve) {
    case 'prime256v1':
      return 'ES256';
    case 'secp384r1':
      return 'ES384';
    default:
      return undefined;
  }
}

const encoded = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url');

const keyFor = (key: KeyObject, isPlain: boolean) =>
  isPlain ? { key, dsaEncoding: 'ieee-p1363' as const } : { key };

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** @returns undefined: the key is of a kind that nobody here verifies */
export function signAssertion(
  holder: { readonly certificatePem: string; readonly keyPem: string },
  { nowMs, id }: { readonly nowMs: number; readonly id: string },
): string | undefined {
  const key = createPrivateKey(holder.keyPem);
  const alg = algorithmOf(key);
  if (alg === undefined) return undefined;
  const chain = holder.certificatePem.match(PEM) ?? [];
  const x5c = chain.map((pem) => new X509Certificate(pem).raw.toString('base64'));
  const iat = Math.floor(nowMs / 1000);
  const claims = { aud: ASSERTION_AUDIENCE, iat, exp: iat + LIFE_SECONDS, jti: id };
  const signed = `${encoded({ alg, x5c })}.${encoded(claims)}`;
  const { digest, isPlain } = SCHEMES[alg];
  const signature = sign(digest, Buffer.from(signed), keyFor(key, isPlain));
  return `${signed}.${signature.toString('base64url')}`;
}

export type Assertion =
  | {
      readonly ok: true;
      readonly user: KubeUser;
      /** End of the certificate. */
      readonly endsAtMs: number;
      /** Unique: an assertion that comes twice is a stolen one. */
      readonly id: string;
      /** After it the assertion is void anyway. */
      readonly forgetAtMs: number;
    }
  | { readonly ok: false; readonly problem: string };

const refuse = (problem: string): Assertion => ({ ok: false, problem });

/** Does it look like one, rather than like a token of the API server's? */
export function isAssertion(token: string): boolean {
  const header = token.length <= LENGTH_MAX && parsePart(token.split('.')[0]);
  return isRecord(header) && Array.isArray(header['x5c']);
}

/** @param authoritiesPem whose client certificates the API server takes */
export function verifyAssertion(
  token: string,
  { authoritiesPem, nowMs }: { readonly authoritiesPem: string; readonly nowMs: number },
): Assertion {
  const [head = '', body = '', signature = '', ...rest] = token.split('.');
  const header = parsePart(head);
  const claims = parsePart(body);
  if (!header || !claims || rest.length > 0) return refuse('this is no signed assertion');
  const chain = readChain(header['x5c']);
  const [leaf] = chain;
  if (!leaf) return refuse('the assertion carries no certificate');
  const alg = algorithmOf(leaf.publicKey);
  if (alg === undefined || header['alg'] !== alg) {
    return refuse("the signature's algorithm is not the certificate's");
  }
  const { digest, isPlain } = SCHEMES[alg];
  const bytes = Buffer.from(signature, 'base64url');
  if (!verify(digest, Buffer.from(`${head}.${body}`), keyFor(leaf.publicKey, isPlain), bytes)) {
    return refuse("the signature is not by the certificate's key");
  }
  const problem = chainProblem(chain, authoritiesPem, nowMs) ?? claimsProblem(claims, nowMs);
  if (problem !== undefined) return refuse(problem);
  const user = userOf(leaf);
  if (user.username === '') return refuse('the certificate names no user');
  return {
    ok: true,
    user,
    endsAtMs: Date.parse(leaf.validTo),
    id: String(claims['jti']),
    forgetAtMs: nowMs + (LIFE_SECONDS + 2 * SKEW_SECONDS) * 1000,
  };
}

function parsePart(part = ''): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined; // not JSON: the caller says what it is not
  }
}

function readChain(x5c: unknown): readonly X509Certificate[] {
  if (!Array.isArray(x5c) || x5c.length > CHAIN_LENGTH_MAX) return [];
  try {
    return x5c.map((der) => new X509Certificate(Buffer.from(String(der), 'base64')));
  } catch {
    return []; // no certificate among them
  }
}

/** Each is signed by the next, and the last by one that the API server trusts. */
function chainProblem(
  chain: readonly X509Certificate[],
  authoritiesPem: string,
  nowMs: number,
): string | undefined {
  const anchors = (authoritiesPem.match(PEM) ?? []).map((pem) => new X509Certificate(pem));
  const isIssuedBy = (one: X509Certificate, issuer: X509Certificate): boolean =>
    issuer.ca && one.checkIssued(issuer) && one.verify(issuer.publicKey);
  const isInForce = ({ validFrom, validTo }: X509Certificate): boolean =>
    Date.parse(validFrom) <= nowMs && nowMs < Date.parse(validTo);
  if (!chain.every(isInForce)) return 'the certificate has expired, or is not valid yet';
  if (chain[0]?.keyUsage?.includes(CLIENT_AUTH) !== true) {
    return 'the certificate is not for clients';
  }
  for (const [index, one] of chain.entries()) {
    if (anchors.some((anchor) => isInForce(anchor) && isIssuedBy(one, anchor))) return undefined;
    const next = chain[index + 1];
    if (!next || !isIssuedBy(one, next)) break;
  }
  return "the certificate is none of the API server's users";
}

function claimsProblem(claims: Record<string, unknown>, nowMs: number): string | undefined {
  const { aud, iat, exp, jti } = claims;
  if (aud !== ASSERTION_AUDIENCE) return 'the assertion is meant for somebody else';
  if (typeof jti !== 'string' || jti.length < 16 || jti.length > 128) return 'it has no identity';
  if (typeof iat !== 'number' || typeof exp !== 'number') return 'it does not say when it ends';
  const now = nowMs / 1000;
  const isLong = exp - iat > LIFE_SECONDS;
  if (isLong || iat > now + SKEW_SECONDS || exp < now - SKEW_SECONDS) {
    return 'the assertion is not of now: compare the clocks of both machines';
  }
  return undefined;
}

/** As Kubernetes reads client certificates: the common name and the organizations. */
function userOf(leaf: X509Certificate): KubeUser {
  const subject: Readonly<Record<string, unknown>> = { ...leaf.toLegacyObject().subject };
  const { CN: name, O: organizations } = subject;
  const username = typeof name === 'string' ? name : '';
  const groups = [organizations].flat().filter((it) => typeof it === 'string');
  return {
    username,
    uid: '',
    groups: [...new Set([...groups, 'system:authenticated'])],
    extra: {},
  };
}
