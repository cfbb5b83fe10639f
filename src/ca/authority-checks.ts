// May this material sign for the mesh? Asked before the first certificate is made, so that an
// operator hears of a wrong or expired CA at once and by name, not from failing handshakes.
import type { KeyObject, X509Certificate } from 'node:crypto';
import { windowOf } from './certificate-reader.ts';

export type AuthorityParts = {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
  /** Without the signing certificate. */
  readonly intermediates: readonly X509Certificate[];
  readonly roots: readonly X509Certificate[];
};

const RSA_BITS_MIN = 2048;
const CURVES = new Set(['prime256v1', 'secp384r1']);
/** Longest chain from the signing certificate to a root that is followed. */
const CHAIN_LENGTH_MAX = 8;

/** The first thing that is wrong, as one clause; undefined when all is well. */
export function authorityProblem(parts: AuthorityParts, nowMs: number): string | undefined {
  const { certificate, key, intermediates, roots } = parts;
  return (
    keyProblem(key) ??
    (certificate.checkPrivateKey(key)
      ? undefined
      : 'its private key does not belong to its certificate') ??
    certificateProblem('its certificate', certificate, nowMs) ??
    chainProblem({ certificate, intermediates, roots }, nowMs)
  );
}

function keyProblem(key: KeyObject): string | undefined {
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec' && CURVES.has(namedCurve)) return undefined;
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= RSA_BITS_MIN) return undefined;
  return `its private key is neither P-256, P-384 nor RSA of ${RSA_BITS_MIN} bits or more`;
}

function certificateProblem(
  what: string,
  certificate: X509Certificate,
  nowMs: number,
): string | undefined {
  const { notBeforeMs, notAfterMs } = windowOf(certificate);
  if (!certificate.ca) return `${what} (${nameOf(certificate)}) is not one of an authority`;
  if (nowMs >= notAfterMs) return `${what} (${nameOf(certificate)}) expired on ${day(notAfterMs)}`;
  if (nowMs < notBeforeMs) {
    return `${what} (${nameOf(certificate)}) is not valid before ${day(notBeforeMs)}`;
  }
  return undefined;
}

/** Follows the chain upwards to one of the roots. */
function chainProblem(
  parts: Pick<AuthorityParts, 'certificate' | 'intermediates' | 'roots'>,
  nowMs: number,
): string | undefined {
  const { intermediates, roots } = parts;
  if (roots.length === 0) return 'it has no root certificate';
  let current = parts.certificate;
  for (let length = 0; length < CHAIN_LENGTH_MAX; length += 1) {
    const root = roots.find((it) => it.raw.equals(current.raw) || isIssuedBy(current, it));
    if (root) return certificateProblem('its root certificate', root, nowMs);
    const issuer = intermediates.find((candidate) => isIssuedBy(current, candidate));
    if (!issuer) {
      return `no certificate in the chain or among the roots has issued ${nameOf(current)}`;
    }
    const problem = certificateProblem('an intermediate certificate', issuer, nowMs);
    if (problem !== undefined) return problem;
    current = issuer;
  }
  return `its chain is longer than ${CHAIN_LENGTH_MAX} certificates`;
}

/** By name and key identifier, and by signature. */
const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);

/** `O=cluster.local,CN=Isthmus root 4f2a`, on one line. */
const nameOf = (certificate: X509Certificate): string => certificate.subject.replaceAll('\n', ',');

const day = (epochMs: number): string => new Date(epochMs).toISOString();
