// The API server's own certificate authority: it signs the serving certificate and the client
// certificates in the kubeconfig files. It is none of the mesh's.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
} from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { parseIp } from '#base/ip.ts';
import { OperatorError } from '#base/operator-error.ts';
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
} from '#ca/certificate.ts';
import type { AlternativeName, DistinguishedName } from '#ca/certificate.ts';
import { toPem } from '#ca/der.ts';
import { readText, writeSecretFile } from './files.ts';

const YEAR_MS = 365 * 24 * 60 * 60 * 1000;
const LIFETIME_MS = 10 * YEAR_MS;
/** Machines' clocks differ: a certificate is good from a little before it was made. */
const CLOCK_SKEW_MS = 5 * 60 * 1000;
const SERIAL_BYTES = 16;
const COMMON_NAME = 'isthmus-apiserver-ca';

export type KeyPair = { readonly certificatePem: string; readonly keyPem: string };

export type Authority = {
  readonly certificatePem: string;
  readonly key: KeyObject;
  readonly notAfterMs: number;
};

type Making = { readonly nowMs: number; readonly randomBytes: (size: number) => Uint8Array };

/** The folder's authority; a new one at the first start. @throws OperatorError */
export function openAuthority(folder: string, making: Making): Authority {
  const certificatePem = readText(join(folder, 'ca.crt'));
  const keyPem = readText(join(folder, 'ca.key'));
  if (certificatePem === undefined && keyPem === undefined) {
    const created = createAuthority(making);
    // The key last: without it, and only then, the next start begins anew.
    writeSecretFile(folder, 'ca.crt', created.certificatePem);
    writeSecretFile(folder, 'ca.key', created.keyPem);
    return readAuthority(folder, created);
  }
  if (certificatePem === undefined || keyPem === undefined) {
    throw damaged(folder, 'one of ca.crt and ca.key is missing');
  }
  return readAuthority(folder, { certificatePem, keyPem });
}

function readAuthority(folder: string, { certificatePem, keyPem }: KeyPair): Authority {
  try {
    const certificate = new X509Certificate(certificatePem);
    const key = createPrivateKey(keyPem);
    if (!certificate.checkPrivateKey(key)) throw new Error('ca.key is not the key of ca.crt');
    return { certificatePem, key, notAfterMs: certificate.validToDate.getTime() };
  } catch (error) {
    throw damaged(folder, error instanceof Error ? error.message : String(error));
  }
}

function damaged(folder: string, why: string): OperatorError {
  return new OperatorError('FILE_UNREADABLE', `the authority in ${folder} is damaged: ${why}`, {
    remedy: 'restore ca.crt and ca.key from a backup; or remove both, and every kubeconfig changes',
  });
}

function createAuthority({ nowMs, randomBytes }: Making): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const certificate = signCertificate(
    {
      serial: serialNumber(randomBytes),
      issuer: NAME,
      subject: NAME,
      notBeforeMs: nowMs - CLOCK_SKEW_MS,
      notAfterMs: nowMs + LIFETIME_MS,
      publicKey: spki,
      extensions: [
        basicConstraints({ isAuthority: true }),
        keyUsage('digitalSignature', 'keyCertSign', 'cRLSign'),
        subjectKeyIdentifier(keyIdentifierOf(spki)),
      ],
    },
    privateKey,
  );
  return { certificatePem: toPem('CERTIFICATE', certificate), keyPem: exportKey(privateKey) };
}

const NAME = encodeName([['CN', COMMON_NAME]]);

export type CertificateSubject = {
  readonly commonName: string;
  /** For a client: its groups. */
  readonly organizations: readonly string[];
  /** For a server: its names and addresses. */
  readonly names: readonly string[];
};

/** A new key with a certificate that lasts as long as the authority's own. */
export function issueKeyPair(
  authority: Authority,
  { commonName, organizations, names }: CertificateSubject,
  { nowMs, randomBytes }: Making,
): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const issuerSpki = createPublicKey(authority.key).export({ format: 'der', type: 'spki' });
  const subject: DistinguishedName = [
    ...organizations.map((name) => ['O', name] as const),
    ['CN', commonName],
  ];
  const certificate = signCertificate(
    {
      serial: serialNumber(randomBytes),
      issuer: NAME,
      subject: encodeName(subject),
      notBeforeMs: nowMs - CLOCK_SKEW_MS,
      notAfterMs: authority.notAfterMs,
      publicKey: spki,
      extensions: [
        keyUsage('digitalSignature'),
        serverAndClientUsage(),
        basicConstraints({ isAuthority: false }),
        subjectKeyIdentifier(keyIdentifierOf(spki)),
        authorityKeyIdentifier(keyIdentifierOf(issuerSpki)),
        ...(names.length > 0 ? [subjectAltName(names.map(alternativeName))] : []),
      ],
    },
    authority.key,
  );
  return { certificatePem: toPem('CERTIFICATE', certificate), keyPem: exportKey(privateKey) };
}

function alternativeName(name: string): AlternativeName {
  const ip = parseIp(name);
  if (!ip) return { kind: 'dns', name };
  const length = ip.version === 4 ? 4 : 16;
  const hex = ip.value.toString(16).padStart(length * 2, '0');
  return { kind: 'ip', bytes: Buffer.from(hex, 'hex') };
}

function serialNumber(randomBytes: Making['randomBytes']): Uint8Array {
  const serial = Uint8Array.from(randomBytes(SERIAL_BYTES));
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40; // positive, and never shorter
  return serial;
}

function exportKey(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}
