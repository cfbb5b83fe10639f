// Reading a certificate request that anybody may have written (PKCS #10, RFC 2986).
// Of all it says, only the key counts, and the names it asks for, to refuse the wrong ones.
import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { renderIp } from '#base/ip.ts';
import type { Parsed } from '#base/workload-identity.ts';
import {
  decodeObjectIdentifier,
  decodeOctetAligned,
  DER_TAG,
  DerError,
  DerReader,
  readExtensions,
} from './der-reader.ts';
import { OID } from './oids.ts';

export type CertificateRequest = {
  /** SubjectPublicKeyInfo in DER, of a kind that `parseCertificateRequest` accepts. */
  readonly publicKey: Uint8Array;
  readonly isRsa: boolean;
  /** Subject alternative names asked for: a URI as it is, others as `DNS:…`, `IP:…`, `other`. */
  readonly names: readonly string[];
};

/** A request with an RSA key of 8192 bits and some names has 4 KiB. */
export const CSR_LENGTH_MAX = 16 << 10;
/** Each bit more costs whoever verifies; nobody needs so many. */
const RSA_BITS_MAX = 8192;
const RSA_BITS_MIN = 2048;
/** Curve → length of its SubjectPublicKeyInfo with an uncompressed point, the only form in use. */
const CURVE_KEY_BYTES: Readonly<Record<string, number>> = { prime256v1: 91, secp384r1: 120 };
const LABEL = '(?:NEW )?CERTIFICATE REQUEST'; // openssl once wrote NEW
const PEM_REQUEST = new RegExp(
  `^\\s*-----BEGIN ${LABEL}-----([A-Za-z0-9+/=\\s]+)-----END ${LABEL}-----\\s*$`,
);

const SIGNATURES: Readonly<Record<string, { readonly hash: string; readonly keyType: string }>> = {
  [OID.ecdsaWithSha256]: { hash: 'sha256', keyType: 'ec' },
  [OID.ecdsaWithSha384]: { hash: 'sha384', keyType: 'ec' },
  [OID.ecdsaWithSha512]: { hash: 'sha512', keyType: 'ec' },
  [OID.rsaWithSha256]: { hash: 'sha256', keyType: 'rsa' },
  [OID.rsaWithSha384]: { hash: 'sha384', keyType: 'rsa' },
  [OID.rsaWithSha512]: { hash: 'sha512', keyType: 'rsa' },
};

/**
 * Reads one PEM request and verifies that its sender holds the key: EC P-256 or P-384, or RSA of
 * 2048 to 8192 bits, as Istio's agents make them. Never throws, whatever the text.
 */
export function parseCertificateRequest(pem: string): Parsed<CertificateRequest> {
  if (pem.length > CSR_LENGTH_MAX) return refuse(`it is longer than ${CSR_LENGTH_MAX} characters`);
  const base64 = PEM_REQUEST.exec(pem)?.[1];
  if (base64 === undefined) return refuse('it is not one PEM block CERTIFICATE REQUEST');
  try {
    return readRequest(Buffer.from(base64, 'base64'));
  } catch (error) {
    if (error instanceof DerError) return refuse(`it is not PKCS #10: ${error.message}`);
    throw error;
  }
}

const refuse = (problem: string): { readonly ok: false; readonly problem: string } => ({
  ok: false,
  problem,
});

function readRequest(der: Uint8Array): Parsed<CertificateRequest> {
  const document = new DerReader(der);
  const request = document.enter(DER_TAG.sequence, 'a request');
  document.end('the request');
  const info = request.next(DER_TAG.sequence, 'what is requested');
  const algorithm = request.enter(DER_TAG.sequence, 'a signature algorithm');
  const signature = request.next(DER_TAG.bitString, 'a signature').content;
  request.end('the signature');

  const fields = new DerReader(info.content);
  fields.next(DER_TAG.integer, 'a version');
  fields.next(DER_TAG.sequence, 'a subject');
  const keyBytes = fields.next(DER_TAG.sequence, 'a public key').bytes;
  const attributes = fields.optional(0xa0);
  fields.end('the attributes');

  const key = readPublicKey(keyBytes);
  if (!key.ok) return key;
  const oid = decodeObjectIdentifier(algorithm.next(DER_TAG.objectIdentifier, 'its name').content);
  const scheme = SIGNATURES[oid];
  if (!scheme || scheme.keyType !== key.value.asymmetricKeyType) {
    return refuse(`its signature algorithm ${oid} is not supported for its key`);
  }
  if (!verify(scheme.hash, info.bytes, key.value, decodeOctetAligned(signature))) {
    return refuse('its signature is not made with its key');
  }
  return {
    ok: true,
    value: {
      publicKey: key.value.export({ format: 'der', type: 'spki' }),
      isRsa: scheme.keyType === 'rsa',
      names: attributes ? readRequestedNames(new DerReader(attributes.content)) : [],
    },
  };
}

function readPublicKey(bytes: Uint8Array): Parsed<KeyObject> {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(bytes), format: 'der', type: 'spki' });
  } catch {
    return refuse('its key cannot be read');
  }
  const { namedCurve = '', modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec' && CURVE_KEY_BYTES[namedCurve] === bytes.length) {
    return { ok: true, value: key };
  }
  const isRsa = key.asymmetricKeyType === 'rsa';
  if (isRsa && modulusLength >= RSA_BITS_MIN && modulusLength <= RSA_BITS_MAX) {
    return { ok: true, value: key };
  }
  return refuse(`its key is neither P-256, P-384 nor RSA of ${RSA_BITS_MIN} bits or more`);
}

/** Names in every attribute extensionRequest: none may hide behind a second one. */
function readRequestedNames(attributes: DerReader): string[] {
  const names: string[] = [];
  while (!attributes.isAtEnd) {
    const attribute = attributes.enter(DER_TAG.sequence, 'an attribute');
    const type = attribute.next(DER_TAG.objectIdentifier, 'its type').content;
    const values = attribute.enter(DER_TAG.set, 'its values');
    if (decodeObjectIdentifier(type) !== OID.extensionRequest) continue;
    while (!values.isAtEnd) {
      for (const { oid, value } of readExtensions(values)) {
        if (oid === OID.subjectAltName) names.push(...readAlternativeNames(new DerReader(value)));
      }
    }
  }
  return names;
}

/** GeneralNames, RFC 5280 §4.2.1.6. */
function readAlternativeNames(reader: DerReader): string[] {
  const names: string[] = [];
  const items = reader.enter(DER_TAG.sequence, 'alternative names');
  while (!items.isAtEnd) {
    const { tag, content } = items.any();
    const text = Buffer.from(content).toString('latin1');
    if (tag === 0x86) names.push(text);
    else if (tag === 0x82) names.push(`DNS:${text}`);
    else if (tag === 0x87) names.push(`IP:${renderAddress(content)}`);
    else names.push('other');
  }
  return names;
}

function renderAddress(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  if (bytes.length === 4) return renderIp({ version: 4, value: BigInt(`0x${hex}`) });
  return bytes.length === 16 ? renderIp({ version: 6, value: BigInt(`0x${hex}`) }) : hex;
}
