// Certificates and requests for them, as PEM or DER, damaged or made up: read or refused, never
// thrown at; and nothing damaged is taken for good.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { fuzz } from '../../test/fuzz/harness.ts';
import { parseCertificates, readIssuerFields, renderCertificate } from './certificate-reader.ts';
import { parseCertificateRequest } from './csr-reader.ts';
import { createCertificateRequest, createWorkloadKey } from './csr.ts';
import { DER_TAG, decodeObjectIdentifier, DerError, DerReader } from './der-reader.ts';
import { toPem } from './der.ts';
import { createRoot } from './root.ts';

const derOf = (pem: string): Buffer =>
  Buffer.from(pem.replaceAll(/-----.*-----|\s/g, ''), 'base64');

/** A good one with one to three bytes changed. */
function damagedLike(der: Buffer): fc.Arbitrary<Buffer> {
  const flip = fc.tuple(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }));
  return fc
    .array(flip, { minLength: 1, maxLength: 3 })
    .map((flips) => {
      const bytes = Buffer.from(der);
      for (const [at, mask] of flips) bytes[at] = (bytes[at] ?? 0) ^ mask;
      return bytes;
    })
    .filter((bytes) => !bytes.equals(der));
}

const noise = fc.uint8Array({ maxLength: 500 });

test('no damaged request for a certificate is accepted', () => {
  const good = createCertificateRequest(createWorkloadKey(), { spiffeId: 'spiffe://td/ns/a/sa/b' });
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    noise.map((bytes) => toPem('CERTIFICATE REQUEST', bytes)),
    damagedLike(derOf(good)).map((bytes) => toPem('CERTIFICATE REQUEST', bytes)),
  );
  fc.assert(
    fc.property(text, (pem) => assert.equal(parseCertificateRequest(pem).ok, false)),
    fuzz(2000),
  );
});

test('certificates are read or refused, and what is read can be written again', () => {
  const { certificatePem } = createRoot('cluster.local', 1_800_000_000_000);
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    noise.map((bytes) => toPem('CERTIFICATE', bytes)),
    damagedLike(derOf(certificatePem)).map((bytes) => toPem('CERTIFICATE', bytes)),
    fc.string().map((between) => certificatePem + between + certificatePem),
  );
  fc.assert(
    fc.property(text, (pem) => {
      const parsed = parseCertificates(pem);
      if (!parsed.ok) return;
      for (const certificate of parsed.value) {
        assert.equal(parseCertificates(renderCertificate(certificate)).ok, true);
        try {
          readIssuerFields(certificate);
        } catch (error) {
          assert(error instanceof DerError, String(error));
        }
      }
    }),
    fuzz(2000),
  );
});

test('no bytes make the DER reader throw anything but DerError, or read what is not there', () => {
  const walk = (reader: DerReader, depth: number): number => {
    let total = 0;
    while (!reader.isAtEnd) {
      const element = reader.any();
      total += element.bytes.length;
      if ((element.tag & 0x20) !== 0 && depth < 20) walk(new DerReader(element.content), depth + 1);
      if (element.tag === DER_TAG.objectIdentifier) decodeObjectIdentifier(element.content);
    }
    return total;
  };
  fc.assert(
    fc.property(noise, (data) => {
      try {
        assert.equal(walk(new DerReader(data), 0), data.length);
      } catch (error) {
        assert(error instanceof DerError, String(error));
      }
    }),
    fuzz(2000),
  );
});
