// A workload's side of getting a certificate: a key that never leaves, and a request (PKCS #10,
// RFC 2986) that proves possession of it.
import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import {
  explicit,
  implicit,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  bitString,
  toPem,
  unsignedInteger,
} from './der.ts';
import { OID } from './oids.ts';

/** A new P-256 key (ECDSA, as all workload keys of the mesh), made where it is used. */
export function createWorkloadKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
}

/** PKCS #8 PEM, which Envoy reads. A secret: for memory, sockets and files of mode 0600 only. */
export function renderPrivateKey(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}

/**
 * A request for a certificate of this P-256 key, as PEM.
 *
 * @param options.spiffeId the identity the workload believes to have. The authority decides by the
 *   authenticated caller alone; a request that names another identity is refused, so that a mix-up
 *   shows at once.
 */
export function createCertificateRequest(
  privateKey: KeyObject,
  options: { readonly spiffeId?: string } = {},
): string {
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  const attributes = options.spiffeId === undefined ? [] : [requestedIdentity(options.spiffeId)];
  const info = sequence(
    unsignedInteger(Uint8Array.of(0)), // version v1
    sequence(), // subject: empty, the authority writes it
    publicKey,
    explicit(0, ...attributes),
  );
  const request = sequence(
    info,
    sequence(objectIdentifier(OID.ecdsaWithSha256)),
    bitString(sign('sha256', info, privateKey)),
  );
  return toPem('CERTIFICATE REQUEST', request);
}

/** The attribute extensionRequest with the SPIFFE ID as its only subject alternative name. */
function requestedIdentity(spiffeId: string): Uint8Array {
  const uri = implicit(6, Buffer.from(spiffeId, 'ascii')); // GeneralName [6], RFC 5280 §4.2.1.6
  const extension = sequence(objectIdentifier(OID.subjectAltName), octetString(sequence(uri)));
  return sequence(objectIdentifier(OID.extensionRequest), setOf(sequence(extension)));
}
