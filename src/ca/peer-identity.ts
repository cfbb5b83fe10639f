// Who is at the other end of a TLS connection, by the certificate that TLS has verified.
import type { X509Certificate } from 'node:crypto';
import {
  parseSpiffeId,
  parseSubjectWorkload,
  type Parsed,
  type WorkloadIdentity,
} from '#base/workload-identity.ts';
import { windowOf } from './certificate-reader.ts';

/**
 * The identity in a peer's certificate, or why it names none of this mesh.
 *
 * That the chain leads to a root of ours is for TLS to check, at the handshake. What may change
 * after it is checked here, at each use: a resumed session skips verification, and a connection
 * may outlive its certificate.
 */
export function parsePeerIdentity(
  certificate: X509Certificate,
  options: { readonly trustDomain: string; readonly nowMs: number },
): Parsed<WorkloadIdentity> {
  const { notBeforeMs, notAfterMs } = windowOf(certificate);
  if (options.nowMs >= notAfterMs) {
    return refuse(`the client certificate expired at ${new Date(notAfterMs).toISOString()}`);
  }
  if (options.nowMs < notBeforeMs) {
    return refuse(`the client certificate is valid from ${new Date(notBeforeMs).toISOString()}`);
  }
  if (certificate.ca) return refuse('the client certificate is one of an authority');
  const uris = uriNamesOf(certificate);
  const [uri] = uris;
  if (uri === undefined || uris.length > 1) {
    return refuse('the client certificate names no single SPIFFE ID');
  }
  const parsed = parseSpiffeId(uri);
  if (!parsed.ok) return refuse(`the client certificate's SPIFFE ID is ${parsed.problem}`);
  const { trustDomain } = parsed.value;
  if (trustDomain !== options.trustDomain) {
    return refuse(
      `the client certificate is of trust domain ${trustDomain}, not ${options.trustDomain}`,
    );
  }
  const workload = parseSubjectWorkload(certificate.subject);
  return { ok: true, value: { ...parsed.value, workload } };
}

const refuse = (problem: string): { readonly ok: false; readonly problem: string } => ({
  ok: false,
  problem,
});

/**
 * Node renders `URI:a, DNS:b`, and puts quotes around a name with any character that could be
 * taken for its own punctuation, so that the text cannot be forged (CVE-2021-44532).
 */
function uriNamesOf(certificate: X509Certificate): string[] {
  return (certificate.subjectAltName ?? '')
    .split(', ')
    .filter((name) => name.startsWith('URI:'))
    .map((name) => name.slice('URI:'.length));
}
