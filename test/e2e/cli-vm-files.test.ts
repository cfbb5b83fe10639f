// `vm files` against the embedded API server: what it writes is all that an agent needs.
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { readAgentConfig } from '#agent/main.ts';
import { silentLogger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import { runCli } from '#cli/run.ts';
import { installKinds } from '#controlplane/crds.ts';
import { KINDS } from '#istio/kinds.ts';
import { CONFIG_MAP, SERVICE_ACCOUNT } from '#kube/resources.ts';
import { ApiServerProcess } from './api-server.ts';

const server = await ApiServerProcess.start();
const folder = await mkdtemp(join(tmpdir(), 'isthmus-vm-files-'));
after(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});
const client = await server.client();
await installKinds(client, KINDS, { hash: (text) => hash('sha256', text), log: silentLogger });

async function typed(...words: readonly string[]): Promise<string> {
  const printed: string[] = [];
  const status = await runCli(words, {
    env: { KUBECONFIG: server.kubeconfig },
    signal: new AbortController().signal,
    print: (text) => printed.push(text),
  });
  assert.equal(status, 0);
  return printed.join('\n');
}

const code = (wanted: string) => (error: unknown) =>
  error instanceof OperatorError && error.code === wanted;

/** Carries out the printed commands below another root. */
async function install(printed: string, root: string): Promise<void> {
  for (const [, name = '', place = ''] of printed.matchAll(/install -D -m \d+ (\S+) +(\S+)/g)) {
    await mkdir(dirname(root + place), { recursive: true });
    await writeFile(root + place, await readFile(join(folder, name)));
  }
}

test('files for a registered VM', async () => {
  const write = ['vm', 'files', 'db', '--gateway', '203.0.113.7', '-o', folder];
  await assert.rejects(typed(...write), code('NOT_FOUND'));
  await typed('register', 'db', '10.128.0.14', '5432');
  await assert.rejects(typed(...write), code('CONFIG_INVALID')); // nobody has published the root
  const metadata = { namespace: 'default', name: 'istio-ca-root-cert' };
  await client.create(CONFIG_MAP, { metadata, data: { 'root-cert.pem': 'the root\n' } });
  await client.create(CONFIG_MAP, {
    metadata: { namespace: 'istio-system', name: 'istio' },
    data: { mesh: 'trustDomain: example.org\ndefaultConfig: {drainDuration: 5s}\n' },
  });

  const printed = await typed(...write, '--token-duration', '20m');
  assert.match(printed, /^5 files for db \(10\.128\.0\.14\) in /);
  assert.equal((await stat(join(folder, 'istio-token'))).mode & 0o777, 0o600);
  assert.equal(
    await readFile(join(folder, 'hosts'), 'utf8'),
    '203.0.113.7 istiod.istio-system.svc\n',
  );

  const root = join(folder, 'root');
  await install(printed, root);
  const config = readAgentConfig(['--root', root], {});
  const { credentials, envoy, capture } = config;
  assert.equal(credentials.workloadEntry, 'db-10.128.0.14');
  assert.deepEqual([envoy.drainMs, capture.inboundPorts], [5000, [5432]]);
  const rootCert = config.controlPlane.rootCertFiles.find((path) => path.includes('/etc/certs/'));
  assert.equal(await readFile(rootCert ?? '', 'utf8'), 'the root\n');
  const token = await readFile(credentials.tokenFile, 'utf8');
  const review = await client.reviewToken(token, { audiences: ['istio-ca'] });
  assert(review.isAuthenticated);
  assert.equal(review.username, 'system:serviceaccount:default:db');
});

test('an account that is gone, a folder that is none, a token too short', async () => {
  const write = ['vm', 'files', 'db', '--gateway', '203.0.113.7'];
  await assert.rejects(typed(...write, '-o', '/dev/null'), code('FILE_UNREADABLE'));
  await assert.rejects(typed(...write, '--token-duration', '1m'), code('USAGE'));
  await assert.rejects(typed('vm', 'files', 'db', '--gateway', '203.0.113'), code('USAGE'));
  await client.remove(SERVICE_ACCOUNT, { namespace: 'default', name: 'db' });
  await assert.rejects(typed(...write, '-o', folder), code('API_SERVER_REFUSED'));
});
