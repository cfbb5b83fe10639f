// The kubelet endpoint's own certificate, self-signed as a kubelet makes one when nobody gives it
// any: an API server knows the node by its address in the Node object.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { parseIp } from '#base/ip.ts';
import {
  basicConstraints,
  encodeName,
  keyIdentifierOf,
  keyUsage,
  serverAndClientUsage,
  signCertificate,
  subjectAltName,
  subjectKeyIdentifier,
} from '#ca/certificate.ts';
import { toPem } from '#ca/der.ts';

const SERIAL_BYTES = 16;
const CLOCK_SKEW_MS = 5 * 60_000;
/** A lab lives for hours; a kubelet's own certificate lasts a year. */
const LIFETIME_MS = 365 * 24 * 3_600_000;

export type ServingCertificate = { readonly certificatePem: string; readonly keyPem: string };

/** @param address IPv4 address of the endpoint */
export function createServingCertificate(address: string, nowMs: number): ServingCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const name = encodeName([['CN', `${address}@kubelet`]]);
  const serial = Uint8Array.from(randomBytes(SERIAL_BYTES));
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40; // positive, and never shorter
  const certificate = signCertificate(
    {
      serial,
      issuer: name,
      subject: name,
      notBeforeMs: nowMs - CLOCK_SKEW_MS,
      notAfterMs: nowMs + LIFETIME_MS,
      publicKey: spki,
      extensions: [
        basicConstraints({ isAuthority: true }), // it is its own root
        keyUsage('digitalSignature', 'keyCertSign'),
        serverAndClientUsage(),
        subjectKeyIdentifier(keyIdentifierOf(spki)),
        subjectAltName([{ kind: 'ip', bytes: addressBytes(address) }]),
      ],
    },
    privateKey,
  );
  const keyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  return { certificatePem: toPem('CERTIFICATE', certificate), keyPem };
}

function addressBytes(address: string): Uint8Array {
  const ip = parseIp(address);
  if (!ip) throw new Error(`${address} is not an address`);
  const digits = ip.version === 4 ? 8 : 32;
  return Buffer.from(ip.value.toString(16).padStart(digits, '0'), 'hex');
}
