// The mesh's certificate authority: makes certificates for identities that its caller has
// authenticated. It decides nothing about who somebody is.
import { createHash, createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { parseIp } from '#base/ip.ts';
import {
  certificateNameOf,
  identityProblem,
  spiffeIdOf,
  subjectOf,
  type Parsed,
  type WorkloadIdentity,
} from '#base/workload-identity.ts';
import { authorityProblem, type AuthorityParts } from './authority-checks.ts';
import {
  parseCertificates,
  readIssuerFields,
  renderCertificates,
  windowOf,
} from './certificate-reader.ts';
import type { DistinguishedName } from './certificate.ts';
import { issueLeaf, type IssuedCertificate, type SigningContext } from './leaf.ts';

/** Istio's SECRET_TTL: the lifetime of a workload's certificate when it asks for none, and at most. */
export const WORKLOAD_LIFETIME_MS = 24 * 60 * 60 * 1000;

/** PEM texts as they stand in a Secret, in Istio's form. */
export type AuthorityMaterial = {
  /** The certificate that signs. */
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Certificates between it and the root, nearest first; may begin with `certificatePem` again. */
  readonly chainPem: string;
  /** The roots that the mesh trusts; several while one replaces the other. */
  readonly rootPem: string;
};

export type ServerNames = { readonly dnsNames: readonly string[]; readonly ips: readonly string[] };

export type Authority = {
  /** Equal for equal signing certificate and roots. */
  readonly fingerprint: string;
  /** The roots that everybody in the mesh trusts, as PEM. */
  readonly trustBundlePem: string;
  readonly roots: readonly X509Certificate[];
  /** What signs, then what vouches for it, up to the root. */
  readonly chain: readonly X509Certificate[];
  /** No certificate outlives the authority's own. */
  readonly notAfterMs: number;
  /** A certificate for a workload: for both ends of a connection. */
  issueWorkload(request: {
    /** SubjectPublicKeyInfo in DER: all that a request contributes. */
    readonly publicKey: Uint8Array;
    readonly isRsa: boolean;
    readonly identity: WorkloadIdentity;
    readonly lifetimeMs: number;
    readonly nowMs: number;
  }): IssuedCertificate;
  /** A certificate for a server of the control plane, found by name or address. */
  issueServer(request: {
    readonly publicKey: Uint8Array;
    readonly names: ServerNames;
    readonly lifetimeMs: number;
    readonly nowMs: number;
  }): IssuedCertificate;
};

/**
 * An authority from its material.
 *
 * @returns a problem in one clause when the material does not fit together or is out of its time:
 *   better no authority than certificates that nobody accepts
 */
export function openAuthority(material: AuthorityMaterial, nowMs: number): Parsed<Authority> {
  const signing = parseCertificates(material.certificatePem);
  const chain = parseCertificates(material.chainPem);
  const roots = parseCertificates(material.rootPem);
  if (!signing.ok) return { ok: false, problem: `its certificate is ${signing.problem}` };
  if (!chain.ok) return { ok: false, problem: `its certificate chain is ${chain.problem}` };
  if (!roots.ok) return { ok: false, problem: `its root certificate is ${roots.problem}` };
  const [certificate] = signing.value;
  if (!certificate) return { ok: false, problem: 'it has no certificate' };
  const key = parsePrivateKey(material.keyPem);
  if (!key) return { ok: false, problem: 'its private key cannot be read' };
  const isSigning = (other: X509Certificate): boolean => other.raw.equals(certificate.raw);
  const parts = {
    certificate,
    key,
    intermediates: chain.value.filter((other) => !isSigning(other)),
    roots: roots.value,
  };
  const problem = authorityProblem(parts, nowMs);
  if (problem !== undefined) return { ok: false, problem };
  return { ok: true, value: authorityOf(parts, nowMs) };
}

function parsePrivateKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined; // the reason may quote the key
  }
}

function authorityOf(parts: AuthorityParts, nowMs: number): Authority {
  const isRoot = (certificate: X509Certificate): boolean =>
    parts.roots.some((root) => root.raw.equals(certificate.raw));
  const above = [parts.certificate, ...parts.intermediates].filter((it) => !isRoot(it));
  const context: SigningContext = {
    key: parts.key,
    issuer: readIssuerFields(parts.certificate),
    intermediatesPem: renderCertificates(above),
    notAfterMs: Math.min(...[parts.certificate, ...above].map((it) => windowOf(it).notAfterMs)),
  };
  // An expired root would only make trouble in strict verifiers; another one is still good.
  const roots = parts.roots.filter((root) => windowOf(root).notAfterMs > nowMs);
  const trustBundlePem = renderCertificates(roots);
  const signedBy = parts.certificate.fingerprint256;
  const top = above.at(-1);
  const root = top ? parts.roots.find((one) => top.checkIssued(one)) : parts.certificate;
  return {
    fingerprint: createHash('sha256').update(signedBy).update(trustBundlePem).digest('hex'),
    trustBundlePem,
    roots,
    chain: root ? [...above, root] : above,
    notAfterMs: context.notAfterMs,
    issueWorkload: ({ publicKey, isRsa, identity, lifetimeMs, nowMs }) => {
      const problem = identityProblem(identity);
      if (problem !== undefined) throw new Error(`not an identity to be certified: ${problem}`);
      return issueLeaf(context, {
        publicKey,
        subject: workloadName(identity),
        alternativeNames: [{ kind: 'uri', uri: spiffeIdOf(identity) }],
        usage: isRsa ? ['digitalSignature', 'keyEncipherment'] : ['digitalSignature'],
        lifetimeMs,
        nowMs,
      });
    },
    issueServer: ({ publicKey, names, lifetimeMs, nowMs }) =>
      issueLeaf(context, {
        publicKey,
        subject: [['CN', certificateNameOf(names.dnsNames[0] ?? 'isthmusd')]],
        alternativeNames: [
          ...names.dnsNames.map((name) => ({ kind: 'dns', name }) as const),
          ...names.ips.map((ip) => ({ kind: 'ip', bytes: addressBytes(ip) }) as const),
        ],
        usage: ['digitalSignature'],
        lifetimeMs,
        nowMs,
      }),
  };
}

function workloadName(identity: WorkloadIdentity): DistinguishedName {
  const { organization, organizationalUnit, commonName } = subjectOf(identity);
  return [
    ['O', organization],
    ...(organizationalUnit === undefined ? [] : [['OU', organizationalUnit] as const]),
    ...(commonName === undefined ? [] : [['CN', commonName] as const]),
  ];
}

function addressBytes(text: string): Uint8Array {
  const ip = parseIp(text);
  if (!ip) throw new Error(`not an IP address: ${text}`);
  const digits = ip.version === 4 ? 8 : 32;
  return Buffer.from(ip.value.toString(16).padStart(digits, '0'), 'hex');
}
