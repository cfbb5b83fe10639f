// Writing X.509 certificates (RFC 5280): the fields and extensions that the mesh uses.
import { createHash, sign, type KeyObject } from 'node:crypto';
import { assertNever } from '#base/assert-never.ts';
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
  tlv,
  unsignedInteger,
  utf8String,
} from './der.ts';
import { OID } from './oids.ts';

/** One attribute after the other, most general first: `[['O', 'cluster.local'], ['CN', 'a']]`. */
export type DistinguishedName = readonly (readonly [type: 'O' | 'OU' | 'CN', value: string])[];

const ATTRIBUTE_OID = {
  O: OID.organizationName,
  OU: OID.organizationalUnitName,
  CN: OID.commonName,
} as const;

export type CertificateFields = {
  /** 16 bytes: RFC 5280 §4.1.2.2 allows 20, CA practice wants at least 64 random bits. */
  readonly serial: Uint8Array;
  /** A Name in DER: for an issued certificate, byte for byte the issuer's subject. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Seconds count; milliseconds are dropped. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SubjectPublicKeyInfo in DER. */
  readonly publicKey: Uint8Array;
  readonly extensions: readonly Uint8Array[];
};

/** The certificate in DER, signed. */
export function signCertificate(fields: CertificateFields, signingKey: KeyObject): Uint8Array {
  const { algorithm, hash } = signatureAlgorithmOf(signingKey);
  const toBeSigned = sequence(
    explicit(0, unsignedInteger(Uint8Array.of(2))), // version v3
    unsignedInteger(fields.serial),
    algorithm,
    fields.issuer,
    sequence(time(fields.notBeforeMs), time(fields.notAfterMs)),
    fields.subject,
    fields.publicKey,
    explicit(3, sequence(...fields.extensions)),
  );
  return sequence(toBeSigned, algorithm, bitString(sign(hash, toBeSigned, signingKey)));
}

export function encodeName(name: DistinguishedName): Uint8Array {
  const attributes = name.map(([type, value]) =>
    setOf(sequence(objectIdentifier(ATTRIBUTE_OID[type]), utf8String(value))),
  );
  return sequence(...attributes);
}

/** RFC 5758 §3.2, RFC 4055 §5: ECDSA parameters are absent, RSA's are NULL. */
function signatureAlgorithmOf(key: KeyObject): { algorithm: Uint8Array; hash: string } {
  if (key.asymmetricKeyType === 'rsa') {
    const parameters = Uint8Array.of(0x05, 0x00);
    const algorithm = sequence(objectIdentifier(OID.rsaWithSha256), parameters);
    return { algorithm, hash: 'sha256' };
  }
  const isP384 = key.asymmetricKeyDetails?.namedCurve === 'secp384r1';
  const oid = isP384 ? OID.ecdsaWithSha384 : OID.ecdsaWithSha256;
  return { algorithm: sequence(objectIdentifier(oid)), hash: isP384 ? 'sha384' : 'sha256' };
}

function extension(oid: string, value: Uint8Array, { isCritical = false } = {}): Uint8Array {
  const criticality = isCritical ? [boolean(true)] : []; // DER leaves out a default
  return sequence(objectIdentifier(oid), ...criticality, octetString(value));
}

/** RFC 5280 §4.2.1.9. */
export function basicConstraints({ isAuthority }: { readonly isAuthority: boolean }): Uint8Array {
  const content = isAuthority ? [boolean(true)] : [];
  return extension(OID.basicConstraints, sequence(...content), { isCritical: true });
}

/** Bits of KeyUsage, RFC 5280 §4.2.1.3, from the most significant of the first octet. */
const KEY_USAGE_BIT = { digitalSignature: 0, keyEncipherment: 2, keyCertSign: 5, cRLSign: 6 };

export function keyUsage(...usages: readonly (keyof typeof KEY_USAGE_BIT)[]): Uint8Array {
  const bits = usages.map((usage) => KEY_USAGE_BIT[usage]);
  const octet = bits.reduce((octets, bit) => octets | (0x80 >> bit), 0);
  const value = bitString(Uint8Array.of(octet), 7 - Math.max(...bits)); // trailing zeros are cut
  return extension(OID.keyUsage, value, { isCritical: true });
}

/** For both ends of a mesh connection: a workload is a server as well as a client. */
export function serverAndClientUsage(): Uint8Array {
  const purposes = [OID.serverAuth, OID.clientAuth].map(objectIdentifier);
  return extension(OID.extendedKeyUsage, sequence(...purposes));
}

export type AlternativeName =
  | { readonly kind: 'uri'; readonly uri: string }
  | { readonly kind: 'dns'; readonly name: string }
  /** 4 or 16 bytes. */
  | { readonly kind: 'ip'; readonly bytes: Uint8Array };

/** RFC 5280 §4.2.1.6. Not critical, as the subject is not empty. */
export function subjectAltName(names: readonly AlternativeName[]): Uint8Array {
  return extension(OID.subjectAltName, sequence(...names.map(encodeAlternativeName)));
}

function encodeAlternativeName(name: AlternativeName): Uint8Array {
  switch (name.kind) {
    case 'uri':
      return implicit(6, Buffer.from(name.uri, 'ascii'));
    case 'dns':
      return implicit(2, Buffer.from(name.name, 'ascii'));
    case 'ip':
      return implicit(7, name.bytes);
    default:
      return assertNever(name);
  }
}

/** RFC 7093 §2 method 1: the first 160 bits of the key's SHA-256. */
export function keyIdentifierOf(publicKey: Uint8Array): Uint8Array {
  return createHash('sha256').update(publicKey).digest().subarray(0, 20);
}

export function subjectKeyIdentifier(keyIdentifier: Uint8Array): Uint8Array {
  return extension(OID.subjectKeyIdentifier, octetString(keyIdentifier));
}

export function authorityKeyIdentifier(keyIdentifier: Uint8Array): Uint8Array {
  return extension(OID.authorityKeyIdentifier, sequence(tlv(0x80, keyIdentifier)));
}
