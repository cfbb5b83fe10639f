import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { stringify } from 'yaml';
import { OperatorError } from '#base/operator-error.ts';
import { loadKubeconfig } from './kubeconfig.ts';

const folder = await mkdtemp(join(tmpdir(), 'isthmus-kubeconfig-'));
after(() => rm(folder, { recursive: true }));

const PEM = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n';
const data = Buffer.from(PEM).toString('base64');

type Parts = { cluster?: object; user?: object; context?: object; top?: object };

function kubeconfig({ cluster, user, context, top }: Parts = {}): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'lab',
    contexts: [{ name: 'lab', context: { cluster: 'c', user: 'u', ...context } }],
    clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1:6443', ...cluster } }],
    users: [{ name: 'u', user: { token: 't', ...user } }],
    ...top,
  });
}

async function load(text: string, options = {}) {
  const path = join(folder, 'config');
  await writeFile(path, text);
  return loadKubeconfig(path, options);
}

test('embedded data, a token and a namespace are read', async () => {
  const user = { 'client-certificate-data': data, 'client-key-data': data };
  const cluster = { 'certificate-authority-data': data, 'tls-server-name': 'api' };
  assert.deepEqual(await load(kubeconfig({ user, cluster, context: { namespace: 'n' } })), {
    server: 'https://10.0.0.1:6443',
    caPem: PEM,
    serverName: 'api',
    namespace: 'n',
    credentials: { certificate: { certificatePem: PEM, keyPem: PEM }, token: 't' },
  });
});

test('file names are relative to the file', async () => {
  await writeFile(join(folder, 'ca.pem'), PEM);
  const cluster = { 'certificate-authority': 'ca.pem' };
  const config = await load(kubeconfig({ cluster, user: { tokenFile: 'token' } }));
  assert.equal(config.caPem, PEM);
  assert.equal(config.namespace, 'default');
  assert.equal(config.credentials.tokenFile, join(folder, 'token'));
});

test('another context may be chosen', async () => {
  const top = {
    contexts: [{ name: 'other', context: { cluster: 'c' } }],
    'current-context': 'gone',
  };
  assert.deepEqual((await load(kubeconfig({ top }), { context: 'other' })).credentials, {});
});

for (const [problem, text] of [
  ['not YAML', '{'],
  ['it is not a mapping', '[]'],
  ['it has no current-context', kubeconfig({ top: { 'current-context': '' } })],
  ['it has no context named "lab"', kubeconfig({ top: { contexts: [] } })],
  ['it has no cluster named "c"', kubeconfig({ top: { clusters: null } })],
  ['it has no user named "u"', kubeconfig({ top: { users: 'x' } })],
  ['context "lab" names no cluster', kubeconfig({ context: { cluster: '' } })],
  ['the cluster has no server', kubeconfig({ cluster: { server: 7 } })],
  ['not an https address', kubeconfig({ cluster: { server: 'http://10.0.0.1' } })],
  ['not an https address', kubeconfig({ cluster: { server: 'nonsense' } })],
  ['insecure-skip-tls-verify', kubeconfig({ cluster: { 'insecure-skip-tls-verify': true } })],
  ['not base64 of PEM', kubeconfig({ cluster: { 'certificate-authority-data': 'x' } })],
  ['need each other', kubeconfig({ user: { 'client-key-data': data } })],
  ['credential plug-ins', kubeconfig({ user: { exec: {} } })],
] as const) {
  test(`refused: ${problem} (${text.length} characters)`, async () => {
    await assert.rejects(load(text), (error) => {
      assert(error instanceof OperatorError && error.code === 'CONFIG_INVALID');
      assert(error.message.includes(problem), error.message);
      assert(error.message.includes(join(folder, 'config')));
      return true;
    });
  });
}

test('a missing file is FILE_UNREADABLE and named, whichever it is', async () => {
  const missing = join(folder, 'missing');
  for (const loading of [
    loadKubeconfig(missing),
    load(kubeconfig({ cluster: { 'certificate-authority': 'missing' } })),
  ]) {
    await assert.rejects(loading, (error) => {
      assert(error instanceof OperatorError && error.code === 'FILE_UNREADABLE');
      return error.message.includes(missing);
    });
  }
});
