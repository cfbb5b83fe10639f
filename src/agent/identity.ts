// Who this workload is, as data: a key with its certificate, what state it is in, and what to do
// next. Pure: the keeper (identity-keeper.ts) acts on it.
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { parseSpiffeId, type Parsed } from '#base/workload-identity.ts';
import { parseCertificates, renderCertificates, windowOf } from '#ca/certificate-reader.ts';
import { renewalDelayMs } from '#ca/renewal.ts';

/** An X.509 SVID with what is needed to use it. PEM texts; `keyPem` is a secret. */
export type Svid = {
  readonly keyPem: string;
  /** The certificate, then its intermediates; without roots. */
  readonly chainPem: string;
  /** The roots that the authority named when it issued this. */
  readonly issuedRootsPem: string;
  readonly spiffeId: string;
  readonly serialNumber: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
};

/** Why there is no newer certificate. */
export type IdentityProblem = {
  /** `refused`: nothing will change by itself; `unreachable`: trying again may do. */
  readonly kind: 'refused' | 'unreachable';
  readonly reason: string;
  readonly remedy: string;
};

export type IdentityState =
  | { readonly kind: 'none'; readonly problem: IdentityProblem | undefined }
  | { readonly kind: 'valid'; readonly svid: Svid; readonly problem: IdentityProblem | undefined }
  | {
      readonly kind: 'expired';
      readonly svid: Svid;
      readonly problem: IdentityProblem | undefined;
    };

export function identityState(
  svid: Svid | undefined,
  problem: IdentityProblem | undefined,
  nowMs: number,
): IdentityState {
  if (!svid) return { kind: 'none', problem };
  return { kind: nowMs < svid.notAfterMs ? 'valid' : 'expired', svid, problem };
}

/** When to ask for the next certificate: at half of the lifetime, a little earlier by chance. */
export function renewAtMs(svid: Svid, jitter: number): number {
  return svid.notBeforeMs + renewalDelayMs(svid, svid.notBeforeMs, jitter);
}

/**
 * Checks an issued or a stored certificate before anything relies on it: the key is the
 * certificate's, the chain holds together, and it says a SPIFFE ID. Time is not looked at.
 *
 * @param chainPem leaf first; self-signed certificates in it are the roots
 */
export function parseSvid(keyPem: string, chainPem: string): Parsed<Svid> {
  const parsed = parseCertificates(chainPem);
  if (!parsed.ok) return parsed;
  const certificates = parsed.value;
  const [leaf] = certificates;
  const key = parseKey(keyPem);
  if (!leaf) return { ok: false, problem: 'it holds no certificate' };
  if (!key || !leaf.checkPrivateKey(key)) {
    return { ok: false, problem: 'the certificate is not for this key' };
  }
  const roots = certificates.filter(isSelfSigned);
  const chain = certificates.filter((certificate) => !isSelfSigned(certificate));
  const broken = chain.findIndex((certificate, index) => {
    const issuers = index + 1 < chain.length ? chain.slice(index + 1, index + 2) : roots;
    return issuers.length > 0 && !issuers.some((issuer) => isIssuedBy(certificate, issuer));
  });
  if (chain[0] !== leaf || broken >= 0) {
    return { ok: false, problem: 'its certificates do not follow from each other' };
  }
  const spiffeId = /^URI:(spiffe:\/\/[^,\s]+)$/.exec(leaf.subjectAltName ?? '')?.[1] ?? '';
  const identity = parseSpiffeId(spiffeId);
  if (!identity.ok) return { ok: false, problem: `its identity is unusable: ${identity.problem}` };
  return {
    ok: true,
    value: {
      keyPem,
      chainPem: renderCertificates(chain),
      issuedRootsPem: renderCertificates(roots),
      spiffeId,
      serialNumber: leaf.serialNumber.toLowerCase(),
      ...windowOf(leaf),
    },
  };
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

const isSelfSigned = (certificate: X509Certificate): boolean =>
  certificate.ca && certificate.checkIssued(certificate);

const isIssuedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);

/**
 * Whom this workload trusts: the roots of the operator's file and those that the authority named
 * last, each once. So a new root is trusted before anything is signed by it.
 */
export function trustBundle(anchorPem: string, svid: Svid | undefined): string {
  const byFingerprint = new Map<string, X509Certificate>();
  for (const pem of [anchorPem, svid?.issuedRootsPem ?? '']) {
    const parsed = parseCertificates(pem);
    for (const certificate of parsed.ok ? parsed.value : []) {
      byFingerprint.set(certificate.fingerprint256, certificate);
    }
  }
  return renderCertificates([...byFingerprint.values()]);
}

/** What a service account token says of itself. Nothing is verified: that is the authority's. */
export function tokenProblem(token: string, nowMs: number): string | undefined {
  const [, payload, signature] = token.split('.');
  if (payload === undefined || signature === undefined) return 'is no token (JWT)';
  const { exp } = claimsOf(payload);
  if (typeof exp === 'number' && exp * 1_000 <= nowMs) {
    return `expired at ${new Date(exp * 1_000).toISOString()}`;
  }
  return undefined;
}

function claimsOf(payload: string): { readonly exp?: unknown } {
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? claims : {};
  } catch {
    return {};
  }
}
