// TLS that ends at a proxy: which certificate it shows, and what it asks of its clients. Of servers
// of Gateways and of the ingress of Sidecars.
import type { ServerTlsSpec } from './schema.ts';

export type TlsVersion = 'TLSV1_0' | 'TLSV1_1' | 'TLSV1_2' | 'TLSV1_3';

export type TlsTermination =
  /** With the mesh's certificates. */
  | { readonly kind: 'mesh' }
  | {
      readonly kind: 'own';
      /** Files beside the proxy. */
      readonly certificates: readonly { readonly chain: string; readonly key: string }[];
      readonly clients: ClientCertificates;
      /** Lowest and highest; undefined: as Istio has it. */
      readonly versions: readonly [TlsVersion | undefined, TlsVersion | undefined];
      /** As OpenSSL calls them; empty: Istio's choice. */
      readonly cipherSuites: readonly string[];
    };

export type ClientCertificates =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'optional' | 'required';
      /** A file; empty: those that the machine trusts. */
      readonly caFile: string;
      /** Names of which a client's certificate has one; empty: any. */
      readonly subjectAltNames: readonly string[];
      /** Of certificates (SHA-256, in hexadecimal) and of their keys (SHA-256, in base64). */
      readonly hashes: readonly string[];
      readonly spkis: readonly string[];
    };

/** undefined: its certificate is a Secret, which nothing serves yet, or TLS does not end here. */
export function terminationOf(tls: ServerTlsSpec): TlsTermination | undefined {
  const { mode = 'PASSTHROUGH' } = tls;
  if (mode === 'ISTIO_MUTUAL') return { kind: 'mesh' };
  if (mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH') return undefined;
  const pairs = tls.tlsCertificates ?? [tls];
  const certificates = pairs.flatMap(({ serverCertificate = '', privateKey = '' }) =>
    serverCertificate === '' || privateKey === ''
      ? []
      : [{ chain: serverCertificate, key: privateKey }],
  );
  if (certificates.length === 0) return undefined;
  const { minProtocolVersion, maxProtocolVersion, cipherSuites = [] } = tls;
  return {
    kind: 'own',
    certificates,
    clients: clientsOf(tls, mode),
    versions: [versionOf(minProtocolVersion), versionOf(maxProtocolVersion)],
    cipherSuites: [...new Set(cipherSuites)],
  };
}

function clientsOf(
  tls: ServerTlsSpec,
  mode: 'SIMPLE' | 'MUTUAL' | 'OPTIONAL_MUTUAL',
): ClientCertificates {
  if (mode === 'SIMPLE') return { kind: 'none' };
  const { caCertificates = '', subjectAltNames = [] } = tls;
  return {
    kind: mode === 'MUTUAL' ? 'required' : 'optional',
    caFile: caCertificates || (tls.tlsCertificates?.[0]?.caCertificates ?? ''),
    subjectAltNames,
    hashes: tls.verifyCertificateHash ?? [],
    spkis: tls.verifyCertificateSpki ?? [],
  };
}

const versionOf = (text: TlsVersion | 'TLS_AUTO' | undefined): TlsVersion | undefined =>
  text === 'TLS_AUTO' ? undefined : text;

/** What of it is acted on; the rest is told. */
export const TERMINATION_FIELDS = {
  mode: true,
  serverCertificate: true,
  privateKey: true,
  caCertificates: true,
  tlsCertificates: true,
  subjectAltNames: true,
  verifyCertificateSpki: true,
  verifyCertificateHash: true,
  minProtocolVersion: true,
  maxProtocolVersion: true,
  cipherSuites: true,
} as const;
