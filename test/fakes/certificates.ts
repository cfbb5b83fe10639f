// A throw-away certificate authority for tests and benchmarks: P-256, as the mesh's own.
import { createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import {
  bitString,
  boolean,
  explicit,
  implicit,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  time,
  toPem,
  unsignedInteger,
  utf8String,
} from '#ca/der.ts';
import { OID } from '#ca/oids.ts';

export type FakeCertificate = { readonly cert: string; readonly key: string };

export type FakeNames = {
  /** `CN` and whatever else by OID, in this order. */
  readonly subject?: readonly (readonly [oid: string, value: string])[];
  readonly dns?: string;
  readonly uri?: string;
  readonly notAfter?: Date;
};

export interface FakeAuthority {
  /** PEM. */
  readonly cert: string;
  issue(names: FakeNames): FakeCertificate;
}

const START = new Date('2020-01-01T00:00:00Z');
const END = new Date('2049-01-01T00:00:00Z');
const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

export function createFakeAuthority(name = 'fake authority'): FakeAuthority {
  const key = newKey();
  const subject = nameOf([[OID.commonName, name]]);
  const isAuthority = extension(OID.basicConstraints, sequence(boolean(true)), true);
  const self = { subject, issuer: subject, key, issuerKey: key, notAfter: END };
  return {
    cert: renderCertificate({ ...self, extensions: [isAuthority] }),
    issue(names) {
      const leaf = newKey();
      const cert = renderCertificate({
        subject: nameOf(names.subject ?? []),
        issuer: subject,
        key: leaf,
        issuerKey: key,
        notAfter: names.notAfter ?? END,
        extensions: [alternativeNames(names)],
      });
      return { cert, key: leaf.export({ format: 'pem', type: 'pkcs8' }).toString() };
    },
  };
}

/** RFC 5280 §4.1 */
function renderCertificate(options: {
  readonly subject: Uint8Array;
  readonly issuer: Uint8Array;
  readonly key: KeyObject;
  readonly issuerKey: KeyObject;
  readonly notAfter: Date;
  readonly extensions: readonly Uint8Array[];
}): string {
  const { subject, issuer, key, issuerKey, notAfter, extensions } = options;
  const algorithm = sequence(objectIdentifier(OID.ecdsaWithSha256));
  const body = sequence(
    explicit(0, unsignedInteger(Uint8Array.of(2))), // version v3
    unsignedInteger(randomBytes(16)),
    algorithm,
    issuer,
    sequence(time(START.getTime()), time(notAfter.getTime())),
    subject,
    createPublicKey(key).export({ format: 'der', type: 'spki' }),
    explicit(3, sequence(...extensions)),
  );
  return toPem(
    'CERTIFICATE',
    sequence(body, algorithm, bitString(sign('sha256', body, issuerKey))),
  );
}

function nameOf(parts: readonly (readonly [oid: string, value: string])[]): Uint8Array {
  return sequence(
    ...parts.map(([oid, value]) => setOf(sequence(objectIdentifier(oid), utf8String(value)))),
  );
}

/** GeneralName: dNSName is [2], uniformResourceIdentifier [6]. */
function alternativeNames({ dns, uri, subject }: FakeNames): Uint8Array {
  const names = [
    ...(dns === undefined ? [] : [implicit(2, Buffer.from(dns))]),
    ...(uri === undefined ? [] : [implicit(6, Buffer.from(uri))]),
  ];
  // RFC 5280 §4.1.2.6: critical when the subject is empty
  return extension(OID.subjectAltName, sequence(...names), !subject?.length);
}

function extension(oid: string, value: Uint8Array, isCritical: boolean): Uint8Array {
  const critical = isCritical ? [boolean(true)] : [];
  return sequence(objectIdentifier(oid), ...critical, octetString(value));
}
