import assert from 'node:assert/strict';
import { createPublicKey, sign, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { runCommand } from '#base/command.ts';
import { CSR_LENGTH_MAX, parseCertificateRequest } from './csr-reader.ts';
import { createCertificateRequest, createWorkloadKey } from './csr.ts';
import {
  bitString,
  explicit,
  implicit,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  toPem,
  unsignedInteger,
} from './der.ts';
import { OID } from './oids.ts';

const ID = 'spiffe://cluster.local/ns/default/sa/inventory';

test('a request is read back with its key and its name', () => {
  const key = createWorkloadKey();
  const parsed = parseCertificateRequest(createCertificateRequest(key, { spiffeId: ID }));
  assert(parsed.ok);
  assert.deepEqual(parsed.value.names, [ID]);
  assert.equal(parsed.value.isRsa, false);
  assert.deepEqual(parsed.value.publicKey, spkiOf(key));
});

test('openssl accepts what we write', async () => {
  const csr = createCertificateRequest(createWorkloadKey(), { spiffeId: ID });
  const { stdout, stderr, status } = await openssl(['req', '-verify', '-text', '-noout'], csr);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /URI:spiffe:\/\/cluster\.local\/ns\/default\/sa\/inventory/);
  assert.match(stdout + stderr, /verify OK/);
});

for (const [what, args] of [
  ['P-256', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']],
  ['P-384 with SHA-384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-sha384']],
  ['RSA 2048', ['-newkey', 'rsa:2048']],
  ['RSA 3072 with SHA-512', ['-newkey', 'rsa:3072', '-sha512']],
] as const) {
  test(`a request of openssl is accepted: ${what}`, async () => {
    const san = `subjectAltName=URI:${ID},DNS:a.example,IP:10.0.0.1,IP:::1,email:a@b`;
    const subject = ['-subj', '/CN=somebody else', '-addext', san];
    const command = ['req', '-new', '-nodes', '-keyout', '/dev/null', ...args, ...subject];
    const { stdout, stderr } = await openssl(command);
    const parsed = parseCertificateRequest(stdout);
    assert(parsed.ok, `${parsed.ok ? '' : parsed.problem} ${stderr}`);
    assert.deepEqual(parsed.value.names, [ID, 'DNS:a.example', 'IP:10.0.0.1', 'IP:::1', 'other']);
  });
}

for (const [what, args, problem] of [
  ['RSA 1024', ['-newkey', 'rsa:1024'], /its key is neither/],
  ['P-521', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-521'], /its key is neither/],
  ['secp256k1', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1'], /its key is neither/],
  ['Ed25519', ['-newkey', 'ed25519'], /its key is neither/],
  ['SHA-1', ['-newkey', 'rsa:2048', '-sha1'], /signature algorithm 1\.2\.840\.113549\.1\.1\.5/],
  [
    'explicit curve parameters',
    ['-newkey', 'ec', '-pkeyopt', 'group:P-256', '-pkeyopt', 'ec_param_enc:explicit'],
    /its key is neither/,
  ],
] as const) {
  test(`a request of openssl is refused: ${what}`, async () => {
    const command = ['req', '-new', '-nodes', '-keyout', '/dev/null', '-subj', '/', ...args];
    const { stdout, stderr } = await openssl(command);
    assert.match(stdout, /BEGIN CERTIFICATE REQUEST/, stderr);
    assertRefused(stdout, problem);
  });
}

test('a request signed with another key is refused', () => {
  const mine = createWorkloadKey();
  const theirs = createWorkloadKey();
  assertRefused(requestOf({ publicKey: mine, signedWith: theirs }), /not made with its key/);
});

test('an algorithm of another kind of key is refused', () => {
  const key = createWorkloadKey();
  const csr = requestOf({ publicKey: key, signedWith: key, algorithm: OID.rsaWithSha256 });
  assertRefused(csr, /signature algorithm 1\.2\.840\.113549\.1\.1\.11 is not supported/);
});

test('names do not hide in a second attribute, extension or value', () => {
  const key = createWorkloadKey();
  const san = (uri: string) =>
    sequence(
      sequence(
        objectIdentifier(OID.subjectAltName),
        octetString(sequence(implicit(6, Buffer.from(uri)))),
      ),
    );
  const attribute = (...values: Uint8Array[]) =>
    sequence(objectIdentifier(OID.extensionRequest), setOf(...values));
  const attributes = [attribute(san('a:1'), san('a:2')), attribute(san('a:3'))];
  const parsed = parseCertificateRequest(
    requestOf({ publicKey: key, signedWith: key, attributes }),
  );
  assert(parsed.ok);
  assert.deepEqual(parsed.value.names.toSorted(), ['a:1', 'a:2', 'a:3']);
});

for (const [what, pem, problem] of [
  ['empty', '', /not one PEM block/],
  ['a certificate', toPem('CERTIFICATE', sequence()), /not one PEM block/],
  ['no DER', toPem('CERTIFICATE REQUEST', Buffer.from('hello')), /not PKCS #10/],
  ['an empty sequence', toPem('CERTIFICATE REQUEST', sequence()), /not PKCS #10/],
  ['too long', `${' '.repeat(CSR_LENGTH_MAX)}x`, /longer than/],
  ['two blocks', createCertificateRequest(createWorkloadKey()).repeat(2), /not one PEM block/],
] as const) {
  test(`refused: ${what}`, () => assertRefused(pem, problem));
}

test('trailing bytes are refused', () => {
  const der = Buffer.from(
    createCertificateRequest(createWorkloadKey()).replaceAll(/-----.*-----|\s/g, ''),
    'base64',
  );
  const longer = Buffer.concat([der, Uint8Array.of(0x05, 0x00)]);
  assertRefused(toPem('CERTIFICATE REQUEST', longer), /unexpected bytes after the request/);
});

function assertRefused(pem: string, problem: RegExp): void {
  const parsed = parseCertificateRequest(pem);
  assert.equal(parsed.ok, false);
  if (!parsed.ok) assert.match(parsed.problem, problem);
}

const spkiOf = (key: KeyObject): Buffer =>
  createPublicKey(key).export({ format: 'der', type: 'spki' });

function requestOf(options: {
  readonly publicKey: KeyObject;
  readonly signedWith: KeyObject;
  readonly algorithm?: string;
  readonly attributes?: readonly Uint8Array[];
}): string {
  const { publicKey, signedWith, algorithm = OID.ecdsaWithSha256, attributes = [] } = options;
  const info = sequence(
    unsignedInteger(Uint8Array.of(0)),
    sequence(),
    spkiOf(publicKey),
    explicit(0, ...attributes),
  );
  const signature = bitString(sign('sha256', info, signedWith));
  return toPem(
    'CERTIFICATE REQUEST',
    sequence(info, sequence(objectIdentifier(algorithm)), signature),
  );
}

function openssl(args: readonly string[], input = '') {
  return runCommand('openssl', args, { input });
}
