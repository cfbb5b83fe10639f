// Secrets of the namespace, read with the workload's own account.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { createFakeAuthority } from '#ca/fake-authority.ts';
import { answerJson, startFakeApiServer } from '#kube/fake-api-server.ts';
import { KubeStatusError } from '#kube/status.ts';
import { secretReader } from './cluster-secrets.ts';

test('a workload without an account at a Kubernetes API reads no Secret', async () => {
  const read = secretReader({}, { namespace: 'default' });
  await assert.rejects(read('front-tls'), /no account at a Kubernetes API/);
});

test('a Secret is asked for with the account’s token, in the own namespace', async (t) => {
  const mesh = createFakeAuthority(systemClock.nowMs());
  const { chainPem: cert, keyPem: key } = mesh.server(['localhost'], ['127.0.0.1']);
  await using server = await startFakeApiServer(
    { cert, key, ca: mesh.rootPem },
    ({ url }, response) => {
      const name = url.slice(url.lastIndexOf('/') + 1);
      if (name === 'front-tls') {
        const data = { 'tls.crt': Buffer.from('chain').toString('base64') };
        return answerJson(response, 200, { metadata: { name }, data });
      }
      const code = name === 'secret' ? 403 : 404;
      return answerJson(response, code, { kind: 'Status', code, message: 'no' });
    },
  );
  const folder = await mkdtemp(join(tmpdir(), 'account-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'token'), 'a-token');
  await writeFile(join(folder, 'ca.crt'), mesh.rootPem);
  const env = {
    KUBERNETES_SERVICE_HOST: '127.0.0.1',
    KUBERNETES_SERVICE_PORT: String(server.port),
  };
  const read = secretReader(env, { namespace: 'edge', folder });
  const found = await read('front-tls');
  assert.equal(Buffer.from(found?.get('tls.crt') ?? []).toString(), 'chain');
  assert.equal(await read('nobody'), undefined);
  await assert.rejects(read('secret'), KubeStatusError);
  assert.deepEqual(
    server.received.slice(0, 1).map(({ url, headers }) => [url, headers.authorization]),
    [['/api/v1/namespaces/edge/secrets/front-tls', 'Bearer a-token']],
  );
});
