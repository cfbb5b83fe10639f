// One certificate below an authority: what all of them have in common.
import { randomBytes, type KeyObject } from 'node:crypto';
import { OperatorError } from '#base/operator-error.ts';
import type { IssuerFields } from './certificate-reader.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  encodeName,
  keyIdentifierOf,
  keyUsage,
  serverAndClientUsage,
  signCertificate,
  subjectAltName,
  subjectKeyIdentifier,
  type AlternativeName,
  type DistinguishedName,
} from './certificate.ts';
import { toPem } from './der.ts';

/** Machines' clocks differ: a certificate is valid from a little before it was made. */
export const CLOCK_SKEW_MS = 2 * 60 * 1000;
/** Of a short lifetime the allowance is a tenth, or half of it would be over before it began. */
const CLOCK_SKEW_SHARE = 0.1;
const SERIAL_BYTES = 16;

export type IssuedCertificate = {
  /** The leaf and the intermediates: what a TLS server or client presents. */
  readonly chainPem: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Hexadecimal, for logs. */
  readonly serial: string;
};

export type SigningContext = {
  readonly key: KeyObject;
  readonly issuer: IssuerFields;
  readonly intermediatesPem: string;
  readonly notAfterMs: number;
};

export type LeafRequest = {
  readonly publicKey: Uint8Array;
  readonly subject: DistinguishedName;
  readonly alternativeNames: readonly AlternativeName[];
  readonly usage: readonly ('digitalSignature' | 'keyEncipherment')[];
  readonly lifetimeMs: number;
  readonly nowMs: number;
};

/**
 * Signs the leaf.
 *
 * @throws OperatorError CONFIG_INVALID when the authority itself has expired
 */
export function issueLeaf(context: SigningContext, request: LeafRequest): IssuedCertificate {
  const { publicKey, nowMs, lifetimeMs } = request;
  if (nowMs >= context.notAfterMs) {
    const day = new Date(context.notAfterMs).toISOString();
    throw new OperatorError(
      'CONFIG_INVALID',
      `the mesh's certificate authority expired on ${day}`,
      {
        remedy: 'give the mesh a new one: Secret istio-system/cacerts, or delete istio-ca-secret',
      },
    );
  }
  const skewMs = Math.min(CLOCK_SKEW_MS, lifetimeMs * CLOCK_SKEW_SHARE);
  const notBeforeMs = wholeSeconds(nowMs - skewMs);
  const notAfterMs = wholeSeconds(Math.min(nowMs + lifetimeMs, context.notAfterMs));
  const serial = randomSerial();
  const { keyIdentifier } = context.issuer;
  const certificate = signCertificate(
    {
      serial,
      issuer: context.issuer.subject,
      subject: encodeName(request.subject),
      notBeforeMs,
      notAfterMs,
      publicKey,
      extensions: [
        keyUsage(...request.usage),
        serverAndClientUsage(),
        basicConstraints({ isAuthority: false }),
        subjectKeyIdentifier(keyIdentifierOf(publicKey)),
        ...(keyIdentifier ? [authorityKeyIdentifier(keyIdentifier)] : []),
        subjectAltName(request.alternativeNames),
      ],
    },
    context.key,
  );
  return {
    chainPem: toPem('CERTIFICATE', certificate) + context.intermediatesPem,
    notBeforeMs,
    notAfterMs,
    serial: Buffer.from(serial).toString('hex'),
  };
}

const wholeSeconds = (epochMs: number): number => Math.floor(epochMs / 1000) * 1000;

/** Random, so that nothing can be foretold of it; the top bit off keeps it at 16 bytes. */
export function randomSerial(): Uint8Array {
  const serial = randomBytes(SERIAL_BYTES);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial;
}
