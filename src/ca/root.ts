// A root certificate of the mesh's own, for a mesh that has none plugged in.
import { generateKeyPairSync } from 'node:crypto';
import { certificateNameOf } from '#base/workload-identity.ts';
import type { AuthorityMaterial } from './authority.ts';
import {
  basicConstraints,
  encodeName,
  keyIdentifierOf,
  keyUsage,
  signCertificate,
  subjectKeyIdentifier,
} from './certificate.ts';
import { toPem } from './der.ts';
import { CLOCK_SKEW_MS, randomSerial } from './leaf.ts';

const ROOT_LIFETIME_MS = 10 * 365 * 24 * 60 * 60 * 1000;

/** A new root with its own P-256 key: what the mesh starts with when none is plugged in. */
export function createRoot(trustDomain: string, nowMs: number): AuthorityMaterial {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const serial = randomSerial();
  // A name of its own for each root: during a rotation verifiers then need not try keys.
  const name = encodeName([
    ['O', certificateNameOf(trustDomain)],
    ['CN', `Isthmus root ${Buffer.from(serial.subarray(0, 4)).toString('hex')}`],
  ]);
  const certificate = signCertificate(
    {
      serial,
      issuer: name,
      subject: name,
      notBeforeMs: nowMs - CLOCK_SKEW_MS,
      notAfterMs: nowMs + ROOT_LIFETIME_MS,
      publicKey: spki,
      extensions: [
        basicConstraints({ isAuthority: true }),
        keyUsage('keyCertSign', 'cRLSign'),
        subjectKeyIdentifier(keyIdentifierOf(spki)),
      ],
    },
    privateKey,
  );
  const certificatePem = toPem('CERTIFICATE', certificate);
  const keyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  return { certificatePem, keyPem, chainPem: '', rootPem: certificatePem };
}
