// What Node does not tell of a certificate: the issuer's name byte for byte, and the key identifier
// that certificates made by it must carry. Also: PEM bundles.
import { X509Certificate } from 'node:crypto';
import type { Parsed } from '#base/workload-identity.ts';
import { DER_TAG, DerError, DerReader, readExtensions } from './der-reader.ts';
import { OID } from './oids.ts';

/** What an issuer hands down to the certificates it signs. */
export type IssuerFields = {
  /** The subject's Name in DER. */
  readonly subject: Uint8Array;
  readonly keyIdentifier: Uint8Array | undefined;
};

/** RFC 5280 §4.1. The certificate has been read by Node before, so its DER is known to be sound. */
export function readIssuerFields(certificate: X509Certificate): IssuerFields {
  const outer = new DerReader(certificate.raw).enter(DER_TAG.sequence, 'a certificate');
  const fields = outer.enter(DER_TAG.sequence, 'its fields');
  fields.optional(0xa0); // version
  fields.next(DER_TAG.integer, 'a serial number');
  fields.next(DER_TAG.sequence, 'a signature algorithm');
  fields.next(DER_TAG.sequence, 'an issuer');
  fields.next(DER_TAG.sequence, 'a validity');
  const subject = fields.next(DER_TAG.sequence, 'a subject').bytes;
  fields.next(DER_TAG.sequence, 'a public key');
  fields.optional(0x81); // unique identifiers, never used
  fields.optional(0x82);
  const wrapper = fields.optional(0xa3);
  const extensions = wrapper ? readExtensions(new DerReader(wrapper.content)) : [];
  const found = extensions.find(({ oid }) => oid === OID.subjectKeyIdentifier);
  const keyIdentifier =
    found && new DerReader(found.value).next(DER_TAG.octetString, 'a key identifier').content;
  return { subject, keyIdentifier };
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** A chain or a bundle has a handful; more is not meant for us. */
const CERTIFICATES_MAX = 32;

/** All certificates of a PEM text, in its order. Text around them is comment (RFC 7468 §5.2). */
export function parseCertificates(pem: string): Parsed<readonly X509Certificate[]> {
  const blocks = pem.match(PEM_CERTIFICATE) ?? [];
  if (blocks.length > CERTIFICATES_MAX) {
    return { ok: false, problem: `more than ${CERTIFICATES_MAX} certificates` };
  }
  try {
    const certificates = blocks.map((block) => new X509Certificate(block));
    for (const certificate of certificates) readIssuerFields(certificate);
    return { ok: true, value: certificates };
  } catch (error) {
    const problem = error instanceof DerError ? error.message : 'not an X.509 certificate';
    return { ok: false, problem };
  }
}

/** PEM ending in a newline, so that texts can be joined. */
export function renderCertificate(certificate: X509Certificate): string {
  return `${certificate.toString().trimEnd()}\n`;
}

export const renderCertificates = (certificates: readonly X509Certificate[]): string =>
  certificates.map(renderCertificate).join('');

export function windowOf(certificate: X509Certificate): {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
} {
  return {
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
  };
}
