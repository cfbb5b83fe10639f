// Who is who, what is encrypted, and what ends when. `GET /api/v1/identity`.
import type { CertificateView, Encryption } from './graph.ts';

export type IdentityReport = {
  readonly nowMs: number;
  /** Share of the bytes of the last five minutes that both ends saw encrypted; null: no bytes. */
  readonly encryptedShare: number | null;
  readonly plaintextEdges: number;
  readonly oneSidedEdges: number;
  /** Certificates with less than a fifth of their life left. */
  readonly expiring: number;
  readonly certificates: readonly IdentityRow[];
  /** Those that are not mutual first. */
  readonly edges: readonly { readonly edge: string; readonly encryption: Encryption }[];
  readonly trust: TrustReport;
  readonly timeline: readonly IdentityEvent[];
};

export type IdentityRow = {
  readonly node: string;
  readonly workload: string;
  readonly isVm: boolean;
  /** Null: no report, and no record of an issuance. */
  readonly certificate: CertificateView | null;
  /** Why there is none, or what is wrong with its clock; empty: nothing. */
  readonly remark: string;
};

export type TrustReport = {
  readonly trustDomain: string;
  readonly aliases: readonly string[];
  /** Roots that workloads accept now. */
  readonly roots: readonly TrustAnchor[];
  /** From the issuer of workloads' certificates up to its root. */
  readonly chain: readonly TrustAnchor[];
};

export type TrustAnchor = {
  readonly subject: string;
  /** SHA-256 of the certificate, hexadecimal pairs with colons between. */
  readonly fingerprint: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
};

export type IdentityEvent = {
  readonly atMs: number;
  readonly kind: 'issued' | 'rotated' | 'refused' | 'expired';
  readonly workload: string;
  readonly text: string;
};

/**
 * What made an edge encrypted, or not: what its server takes and what its client speaks, each by
 * which object. `GET /api/v1/edges/{id}/tls`.
 */
export type EdgeTls = { readonly server: TlsReason; readonly client: TlsReason };

export type TlsReason = {
  /** `STRICT, by PeerAuthentication default/strict`. */
  readonly text: string;
  /** Null: no object says so; the mesh's defaults do. */
  readonly object: {
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
  } | null;
};
