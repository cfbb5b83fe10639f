import assert from 'node:assert/strict';
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
} from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { systemClock } from '#base/clock.ts';
import { runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import { spiffeIdOf, type WorkloadIdentity } from '#base/workload-identity.ts';
import { openAuthority, WORKLOAD_LIFETIME_MS, type AuthorityMaterial } from './authority.ts';
import { createWorkloadKey } from './csr.ts';
import { createFakeAuthority, type KeyAndCertificate } from './fake-authority.ts';
import { createRoot } from './root.ts';

const nowMs = systemClock.nowMs();
const DAY_MS = 24 * 60 * 60 * 1000;
const folder = await mkdtemp(join(tmpdir(), 'isthmus-ca-'));
after(() => rm(folder, { recursive: true }));

const inventory: WorkloadIdentity = {
  trustDomain: 'cluster.local',
  namespace: 'default',
  serviceAccount: 'inventory',
  workload: { kind: 'Pod', name: 'inventory-7d4b9c-x2x4q' },
};

test('a workload certificate says who it is, for a day, and nothing else', () => {
  const { certificate } = createFakeAuthority(nowMs).workload(inventory);
  assert.equal(certificate.subjectAltName, `URI:${spiffeIdOf(inventory)}`);
  assert.equal(certificate.subject, 'O=cluster.local\nOU=Pod\nCN=inventory-7d4b9c-x2x4q');
  assert.equal(certificate.ca, false);
  assert.equal(certificate.serialNumber.length, 32);
  const seconds = Math.floor(nowMs / 1000) * 1000;
  assert.equal(certificate.validToDate.getTime(), seconds + WORKLOAD_LIFETIME_MS);
  const skewMs = nowMs - certificate.validFromDate.getTime();
  assert(skewMs >= 120_000 && skewMs < 121_000, String(skewMs));
});

test('a short lifetime allows for less skew, so that half of it is still to come', () => {
  const { certificate } = createFakeAuthority(nowMs).workload(inventory, { lifetimeMs: 20_000 });
  const middleMs = (certificate.validFromDate.getTime() + certificate.validToDate.getTime()) / 2;
  assert(middleMs > nowMs + 7000);
});

test('openssl verifies the chain strictly, for both ends of a connection', async () => {
  const mesh = createFakeAuthority(nowMs);
  await assertVerified(mesh.rootPem, mesh.workload(inventory).chainPem, '');
  const server = mesh.server(['istiod.istio-system.svc'], ['127.0.0.1', '::1']);
  await assertVerified(mesh.rootPem, server.chainPem, '');
  assert(server.certificate.checkHost('istiod.istio-system.svc'));
  assert(server.certificate.checkIP('127.0.0.1') && server.certificate.checkIP('::1'));
});

test('an RSA key is certified for what RSA keys do', async () => {
  const mesh = createFakeAuthority(nowMs);
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { chainPem } = mesh.authority.issueWorkload({
    publicKey: publicKey.export({ format: 'der', type: 'spki' }),
    isRsa: true,
    identity: inventory,
    lifetimeMs: DAY_MS,
    nowMs,
  });
  await assertVerified(mesh.rootPem, chainPem, '');
  const { stdout } = await runCommand('openssl', ['x509', '-noout', '-ext', 'keyUsage'], {
    input: chainPem,
  });
  assert.match(stdout, /critical\s+Digital Signature, Key Encipherment$/m);
});

test('serial numbers and roots are never the same twice', () => {
  const mesh = createFakeAuthority(nowMs);
  const serials = Array.from(
    { length: 50 },
    () => mesh.workload(inventory).certificate.serialNumber,
  );
  assert.equal(new Set(serials).size, 50);
  const subjects = [createRoot('cluster.local', nowMs), createRoot('cluster.local', nowMs)].map(
    ({ certificatePem }) => new X509Certificate(certificatePem).subject,
  );
  assert.notEqual(subjects[0], subjects[1]);
});

test('two workloads meet over TLS 1.3 and each sees who the other is', async () => {
  const mesh = createFakeAuthority(nowMs);
  const postgresql = { ...inventory, serviceAccount: 'postgresql', workload: undefined };
  const seen = await handshake(mesh.workload(postgresql), mesh.workload(inventory), mesh.rootPem);
  assert.deepEqual(seen, {
    protocol: 'TLSv1.3',
    client: `URI:${spiffeIdOf(inventory)}`,
    server: `URI:${spiffeIdOf(postgresql)}`,
  });
});

test('a workload of another mesh is refused', async () => {
  const [mesh, other] = [createFakeAuthority(nowMs), createFakeAuthority(nowMs)];
  const server = mesh.workload(inventory);
  await assert.rejects(handshake(server, other.workload(inventory), mesh.rootPem));
});

test('while roots change, certificates of both are good to whoever trusts both', async () => {
  const [before, after] = [createFakeAuthority(nowMs), createFakeAuthority(nowMs)];
  const both = before.rootPem + after.rootPem;
  const seen = await handshake(before.workload(inventory), after.workload(inventory), both);
  assert.equal(seen.protocol, 'TLSv1.3');
});

test('a name that is no identity is not certified', () => {
  const mesh = createFakeAuthority(nowMs);
  for (const wrong of [{ namespace: 'a/b' }, { serviceAccount: '' }, { trustDomain: 'A' }]) {
    assert.throws(() => mesh.workload({ ...inventory, ...wrong }), /not an identity/);
  }
});

test('plugged-in authorities sign, whatever their keys', async (t) => {
  for (const [kind, newkey] of [
    ['P-256', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']],
    ['P-384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384']],
    ['RSA', ['-newkey', 'rsa:2048']],
  ] as const) {
    await t.test(kind, async () => {
      const material = await pluggedIn(kind, newkey);
      const nowMs = systemClock.nowMs(); // openssl's certificates begin now
      const opened = openAuthority(material, nowMs);
      assert(opened.ok, opened.ok ? '' : opened.problem);
      const publicKey = spkiOf();
      const lifetimeMs = 30 * DAY_MS;
      const request = { publicKey, isRsa: false, identity: inventory, lifetimeMs, nowMs };
      const { chainPem, notAfterMs } = opened.value.issueWorkload(request);
      await assertVerified(material.rootPem, chainPem, material.certificatePem);
      assert.equal(chainPem.match(/BEGIN/g)?.length, 2, 'leaf and intermediate, not the root');
      assert.equal(notAfterMs, opened.value.notAfterMs, 'no longer than the intermediate');
      assert.equal(opened.value.trustBundlePem, material.rootPem);
    });
  }
});

test('an expired root of several is left out of the trust bundle', () => {
  const old = createRoot('cluster.local', nowMs - 11 * 365 * DAY_MS);
  const root = createRoot('cluster.local', nowMs);
  const opened = openAuthority({ ...root, rootPem: old.rootPem + root.rootPem }, nowMs);
  assert(opened.ok);
  assert.equal(opened.value.trustBundlePem, root.rootPem);
});

test('an authority that has expired since it was opened issues nothing', () => {
  const mesh = createFakeAuthority(nowMs);
  const laterMs = mesh.authority.notAfterMs;
  assert.throws(
    () =>
      mesh.authority.issueWorkload({
        publicKey: spkiOf(),
        isRsa: false,
        identity: inventory,
        lifetimeMs: 1000,
        nowMs: laterMs,
      }),
    (error) => error instanceof OperatorError && /expired on 20/.test(error.message),
  );
});

const root = createRoot('cluster.local', nowMs);
const other = createRoot('cluster.local', nowMs);
const leaf = createFakeAuthority(nowMs).workload(inventory);
const expired = createRoot('cluster.local', nowMs - 11 * 365 * DAY_MS);
const ed25519Key = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
`;
const REFUSED: readonly (readonly [string, Partial<AuthorityMaterial>, RegExp])[] = [
  ['no certificate', { certificatePem: '' }, /it has no certificate/],
  ['garbage', { certificatePem: pemOf('AAAA') }, /its certificate is not an X\.509 certificate/],
  ['a garbage chain', { chainPem: pemOf('AAAA') }, /its certificate chain is not an X\.509/],
  ['no key', { keyPem: '' }, /its private key cannot be read/],
  ['a weak kind of key', { keyPem: ed25519Key }, /neither P-256, P-384 nor RSA/],
  ['another key', { keyPem: other.keyPem }, /its private key does not belong to its certificate/],
  ['no root', { rootPem: '' }, /it has no root certificate/],
  ['another root', { rootPem: other.rootPem }, /no certificate .* has issued O=cluster\.local,CN=/],
  ['too many roots', { rootPem: root.rootPem.repeat(33) }, /more than 32 certificates/],
  [
    'a leaf',
    { certificatePem: leaf.chainPem, keyPem: leaf.keyPem },
    /its certificate \(.*CN=inventory.*\) is not one of an authority/,
  ],
  ['an expired certificate', expired, /its certificate \(.*\) expired on 20\d\d-/],
];

for (const [what, change, problem] of REFUSED) {
  test(`an authority with ${what} is refused by name`, () => {
    const opened = openAuthority({ ...root, ...change }, nowMs);
    assert.equal(opened.ok, false);
    if (!opened.ok) assert.match(opened.problem, problem);
  });
}

test('an authority that may not sign certificates is refused', async () => {
  const newkey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const files = ['-keyout', join(folder, 'mute.key'), '-out', join(folder, 'mute.pem')];
  const extensions = ['-addext', 'keyUsage=critical,digitalSignature'];
  const args = ['-x509', '-days', '7', '-subj', '/CN=mute', '-nodes', ...newkey, ...files];
  const { status, stderr } = await runCommand('openssl', ['req', ...args, ...extensions]);
  assert.equal(status, 0, stderr);
  const [certificatePem, keyPem] = await Promise.all(
    ['mute.pem', 'mute.key'].map((name) => readFile(join(folder, name), 'utf8')),
  );
  assert(certificatePem !== undefined && keyPem !== undefined);
  const material = { certificatePem, keyPem, chainPem: '', rootPem: certificatePem };
  const opened = openAuthority(material, systemClock.nowMs());
  assert(!opened.ok && /is not one of an authority/.test(opened.problem));
});

test('an authority from the future is refused', () => {
  const opened = openAuthority(createRoot('cluster.local', nowMs + DAY_MS), nowMs);
  assert(!opened.ok && /is not valid before 20/.test(opened.problem));
});

function pemOf(base64: string): string {
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}

function spkiOf(): Uint8Array {
  return createPublicKey(createWorkloadKey()).export({ format: 'der', type: 'spki' });
}

async function assertVerified(rootPem: string, chainPem: string, untrusted: string) {
  const files = { root: rootPem, chain: chainPem, untrusted };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const between = untrusted === '' ? [] : ['-untrusted', join(folder, 'untrusted')];
  for (const purpose of ['sslserver', 'sslclient']) {
    const args = ['verify', '-x509_strict', '-purpose', purpose, ...between];
    const trusted = ['-CAfile', join(folder, 'root'), join(folder, 'chain')];
    const { status, stderr } = await runCommand('openssl', [...args, ...trusted]);
    assert.equal(status, 0, stderr);
  }
}

/** A root and an intermediate below it, made by openssl as an operator makes them. */
async function pluggedIn(name: string, newkey: readonly string[]): Promise<AuthorityMaterial> {
  const file = (kind: string): string => join(folder, `${name}-${kind}`);
  const authority = ['-addext', 'basicConstraints=critical,CA:TRUE'];
  const usage = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  const make = async (kind: string, days: string, signedBy: readonly string[]): Promise<void> => {
    const subject = ['-subj', `/O=Example/CN=${kind}`, '-days', days];
    const out = ['-nodes', '-keyout', file(`${kind}.key`), '-out', file(`${kind}.pem`)];
    const args = ['req', '-x509', ...subject, ...newkey, ...out, ...authority, ...usage];
    const { status, stderr } = await runCommand('openssl', [...args, ...signedBy]);
    assert.equal(status, 0, stderr);
  };
  await make('root', '30', []);
  await make('ca', '7', ['-CA', file('root.pem'), '-CAkey', file('root.key')]);
  const read = (kind: string): Promise<string> => readFile(file(kind), 'utf8');
  return {
    certificatePem: await read('ca.pem'),
    keyPem: await read('ca.key'),
    chainPem: await read('ca.pem'),
    rootPem: await read('root.pem'),
  };
}

async function handshake(server: KeyAndCertificate, client: KeyAndCertificate, ca: string) {
  assert(createPrivateKey(server.keyPem).type === 'private');
  const settings = { ca, minVersion: 'TLSv1.3' } as const;
  const listener = createServer({
    ...settings,
    cert: server.chainPem,
    key: server.keyPem,
    requestCert: true,
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  assert(typeof address === 'object' && address);
  const accepted = new Promise<TLSSocket>((resolve, reject) => {
    listener.on('secureConnection', resolve).on('tlsClientError', reject);
  });
  const socket = connect({
    ...settings,
    port: address.port,
    host: '127.0.0.1',
    cert: client.chainPem,
    key: client.keyPem,
    checkServerIdentity: () => undefined, // a workload is found by its SPIFFE ID
  });
  socket.on('error', () => undefined);
  try {
    const peer = await accepted;
    return {
      protocol: peer.getProtocol(),
      client: peer.getPeerX509Certificate()?.subjectAltName,
      server: socket.getPeerX509Certificate()?.subjectAltName,
    };
  } finally {
    socket.destroy();
    listener.close();
  }
}
