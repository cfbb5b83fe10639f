// What goes wrong in a mesh's life is said in one sentence with the thing's name and the remedy, and
// nothing that was accepted before is lost.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { CommandResult } from '#base/command.ts';
import { createKubeClient } from '#kube/https-client.ts';
import { loadKubeconfig } from '#kube/kubeconfig.ts';
import { CONFIG_MAP, SERVICE_ENTRY } from '#kube/resources.ts';
import { KubeStatusError } from '#kube/status.ts';
import { isthmus } from '#lab/cluster.ts';
import { enterSandbox } from '#lab/enter.ts';
import { until } from '#lab/eventually.ts';
import { committedTitles, HeldSessions, Writer } from '#lab/library.ts';
import { LibraryMesh, TARGET, VM } from '#lab/library-mesh.ts';
import * as manifests from '#lab/manifests.ts';

await enterSandbox();

const BOOK_LIMIT_MS = 15_000;
let mesh: LibraryMesh;

before(async () => {
  mesh = await LibraryMesh.create({ env: process.env, enableAutoMtls: true });
});

after(async () => {
  await mesh[Symbol.asyncDispose]();
});

/** One error with its code, and a remedy on the next line; no stack. */
function assertSentence({ status, stderr }: CommandResult, expected: RegExp): void {
  assert.equal(status, 1, stderr);
  const [error = '', remedy = '', ...more] = stderr.trim().split('\n').slice(-2);
  assert.match(error, expected);
  assert.match(remedy, /^ {2}\S/);
  assert.deepEqual(more, []);
}

test('PostgreSQL down: one ❌ through the mesh, then it goes on, nothing lost or doubled', async () => {
  const writer = Writer.start(mesh.client.machine, { ...TARGET, note: 'x' });
  await writer.waitForMore(1, BOOK_LIMIT_MS);
  const failure = writer.waitForFailure(BOOK_LIMIT_MS);
  await mesh.postgres.stop();
  assert.match(
    await failure,
    /^❌ .+: postgresql-1-vm\.default\.svc\S+:5432 closed the connection: is PostgreSQL/,
  );
  await mesh.postgres.start();
  await writer.waitForMore(2, BOOK_LIMIT_MS);
  assert.equal(await writer.finish(), true);
  assert.deepEqual(writer.inserted, await committedTitles(mesh.postgres));
});

test('ports that are taken: by another API server, another isthmusd, another agent', async () => {
  const { machine } = mesh.cluster;
  const apiServer = [
    '--data-dir',
    '/var/lib/isthmus/second',
    '--listen',
    `${machine.address}:6443`,
  ];
  assertSentence(
    await machine.run(isthmus('apiserver', ...apiServer)),
    /^error ADDRESS_IN_USE: .*10\.24\.0\.10:6443/,
  );
  const kubeconfig = '/var/lib/isthmus/apiserver/isthmusd.kubeconfig';
  assertSentence(
    await machine.run(isthmus('isthmusd', '--kubeconfig', kubeconfig)),
    /^error ADDRESS_IN_USE: .*15012/,
  );
  assertSentence(
    await mesh.vm.machine.run(isthmus('agent')),
    /^error ADDRESS_IN_USE: an agent runs here already/,
  );
});

test('a token of another service account does not become the VM', async () => {
  const { client, cluster } = mesh;
  const token = await cluster.kube.createToken(
    { namespace: 'default', name: client.serviceAccount },
    { audiences: ['istio-ca'], expirationSeconds: 600 },
  );
  const impostor = cluster.machine;
  impostor.writeFile('/var/run/secrets/tokens/istio-token', token.token, 0o600);
  impostor.writeFile('/etc/certs/root-cert.pem', await cluster.rootCertificates());
  const env = { SERVICE_ACCOUNT: VM, ISTIO_META_WORKLOAD_ENTRY: VM };
  assertSentence(
    await impostor.run(isthmus('agent'), { env }),
    /^error IDENTITY_REFUSED: .*postgresql-1-vm/,
  );
});

test('an unknown field and a wrong type are refused with their path, as a Status', async () => {
  const { type, object } = manifests.serviceEntry({ name: 'odd', port: 5432 });
  const spec = { hosts: ['odd.example'], ports: [{ number: 'many', name: 'tcp' }] };
  await assert.rejects(mesh.cluster.kube.create(type, { ...object, spec }), (error: unknown) => {
    assert(error instanceof KubeStatusError);
    assert.match(error.message, /spec\.ports\[0\]\.number/);
    return error.status.code === 422;
  });
  const unknown = { ...object, spec: { ...spec, ports: [], hots: ['odd.example'] } };
  await mesh.cluster.kube.create(type, unknown).then(
    async () => await mesh.cluster.kube.remove(SERVICE_ENTRY, object.metadata),
    (error: unknown) => assert(error instanceof KubeStatusError),
  );
});

test('a full disk: the write is refused, everything before it stays', async () => {
  const { machine } = mesh.cluster;
  const dataDir = '/var/lib/isthmus/small';
  const small = ['mount', '-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', dataDir];
  await machine.run(['mkdir', '-p', dataDir]);
  assert.equal((await machine.run(small)).status, 0);
  const listen = `${machine.address}:7443`;
  const server = machine.start(
    'small',
    isthmus('apiserver', '--data-dir', dataDir, '--listen', listen),
  );
  await server.waitForLine(/^ready\b/, { what: 'start', limitMs: 20_000 });
  const { stdout } = await machine.run(['cat', `${dataDir}/admin.kubeconfig`]);
  machine.writeFile('/var/tmp/small.kubeconfig', stdout, 0o600);
  const kube = createKubeClient(await loadKubeconfig(machine.path('/var/tmp/small.kubeconfig')));
  const accepted: string[] = [];
  const data = { text: 'x'.repeat(100_000) };
  const fill = async (): Promise<void> => {
    for (let count = 0; count < 100; count++) {
      const name = `filler-${String(count).padStart(2, '0')}`;
      await kube.create(CONFIG_MAP, { metadata: { name, namespace: 'default' }, data });
      accepted.push(name);
    }
  };
  await assert.rejects(fill(), (error: unknown) => {
    assert(error instanceof KubeStatusError);
    assert.match(error.message, /no space is left .*nothing accepted before is lost/);
    return error.status.code >= 500;
  });
  assert(accepted.length > 3, `${accepted.length} were accepted`);
  const { items } = await kube.list(CONFIG_MAP, { namespace: 'default' });
  const kept = items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith('fill'));
  assert.deepEqual(kept.toSorted(), accepted);
  kube.close();
  await server.kill();
});

test('Envoy dead: connections fail closed, until its agent has started another', async () => {
  const { client, vm } = mesh;
  const envoy = await client.envoyPid();
  await client.agent.kill(); // or it would be back at once
  process.kill(envoy, 'SIGKILL');
  const capture = await mesh.cloud.capture('fail-closed');
  const attempt = HeldSessions.open(client.machine, { ...TARGET, name: 'closed', count: 1 });
  await assert.rejects(attempt, /❌ nothing listens on/);
  const direct = `exec 3<>/dev/tcp/${vm.machine.address}/5432 && echo through`;
  const { stdout } = await client.machine.run(['timeout', '1', 'bash', '-c', direct]);
  assert.equal(stdout, '');
  const { segments } = await capture.finish();
  assert.deepEqual(
    segments.filter(({ payload }) => payload.length > 0),
    [],
  );
  await client.restartAgent('kill');
  assert.notEqual(await client.envoyPid(), envoy);
  await until('a session through the new Envoy', async () => {
    await using session = await HeldSessions.open(client.machine, {
      ...TARGET,
      name: 'open-again',
      count: 1,
    });
    return session.opened.alive === 1;
  });
});
