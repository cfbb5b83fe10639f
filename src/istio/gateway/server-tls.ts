// TLS that ends at a proxy: which certificate it shows, and what it asks of its clients. Of servers
// of Gateways and of the ingress of Sidecars.
import { credentialOf } from '#base/file-secret.ts';
import type { ServerTlsSpec } from './schema.ts';

export type TlsVersion = 'TLSV1_0' | 'TLSV1_1' | 'TLSV1_2' | 'TLSV1_3';

export type TlsTermination =
  /** With the mesh's certificates. */
  | { readonly kind: 'mesh' }
  | {
      readonly kind: 'own';
      /** In the order in which a client may have them. */
      readonly certificates: readonly ServerCertificate[];
      readonly clients: ClientCertificates;
      /** Lowest and highest; undefined: as Istio has it. */
      readonly versions: readonly [TlsVersion | undefined, TlsVersion | undefined];
      /** As OpenSSL calls them; empty: Istio's choice. */
      readonly cipherSuites: readonly string[];
    };

export type ServerCertificate =
  /** Files beside the proxy. */
  | { readonly kind: 'files'; readonly chain: string; readonly key: string }
  /** A Secret of the proxy's namespace. */
  | { readonly kind: 'secret'; readonly name: string };

export type ClientCertificates =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'optional' | 'required';
      /** A file (empty: what the machine trusts), or what belongs to the certificate's Secret. */
      readonly authorities:
        | { readonly kind: 'file'; readonly path: string }
        | { readonly kind: 'secret'; readonly name: string };
      /** Names of which a client's certificate has one; empty: any. */
      readonly subjectAltNames: readonly string[];
      /** Of certificates (SHA-256, in hexadecimal) and of their keys (SHA-256, in base64). */
      readonly hashes: readonly string[];
      readonly spkis: readonly string[];
    };

/** undefined: TLS does not end here, or its certificate is in a place that nothing reads. */
export function terminationOf(tls: ServerTlsSpec): TlsTermination | undefined {
  const { mode = 'PASSTHROUGH' } = tls;
  if (mode === 'ISTIO_MUTUAL') return { kind: 'mesh' };
  if (mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH') return undefined;
  const certificates = certificatesOf(tls);
  if (certificates === undefined) return undefined;
  const { minProtocolVersion, maxProtocolVersion, cipherSuites = [] } = tls;
  return {
    kind: 'own',
    certificates,
    clients: clientsOf(tls, { mode, certificates }),
    versions: [versionOf(minProtocolVersion), versionOf(maxProtocolVersion)],
    cipherSuites: [...new Set(cipherSuites)],
  };
}

/** undefined: a Secret of another namespace or kind, or no whole pair of files. */
function certificatesOf(tls: ServerTlsSpec): readonly ServerCertificate[] | undefined {
  const { credentialName = '', credentialNames = [] } = tls;
  const named = credentialName === '' ? credentialNames : [credentialName];
  if (named.length > 0) {
    const names = named.flatMap((name) => credentialOf(name) ?? []);
    if (names.length < named.length) return undefined;
    return names.map((name) => ({ kind: 'secret', name }));
  }
  const pairs = tls.tlsCertificates ?? [tls];
  const certificates = pairs.flatMap(({ serverCertificate = '', privateKey = '' }) =>
    serverCertificate === '' || privateKey === ''
      ? []
      : [{ kind: 'files' as const, chain: serverCertificate, key: privateKey }],
  );
  return certificates.length === 0 ? undefined : certificates;
}

function clientsOf(
  tls: ServerTlsSpec,
  server: {
    readonly mode: 'SIMPLE' | 'MUTUAL' | 'OPTIONAL_MUTUAL';
    readonly certificates: readonly ServerCertificate[];
  },
): ClientCertificates {
  const { mode, certificates } = server;
  if (mode === 'SIMPLE') return { kind: 'none' };
  const { caCertificates = '', subjectAltNames = [] } = tls;
  const [first] = certificates;
  const path = caCertificates || (tls.tlsCertificates?.[0]?.caCertificates ?? '');
  return {
    kind: mode === 'MUTUAL' ? 'required' : 'optional',
    authorities: first?.kind === 'secret' ? first : { kind: 'file', path },
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
  credentialName: true,
  credentialNames: true,
  subjectAltNames: true,
  verifyCertificateSpki: true,
  verifyCertificateHash: true,
  minProtocolVersion: true,
  maxProtocolVersion: true,
  cipherSuites: true,
} as const;
