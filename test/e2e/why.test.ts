// `isthmus why` in the library's mesh: whole, and broken in one place after the other. The first
// step that fails is the one that was broken, and the fix that it names mends it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parse } from 'yaml';
import type { IdentityReport } from '#api/identity.ts';
import type { ReachResult } from '#api/reach.ts';
import { AUTHORIZATION_POLICY, DESTINATION_RULE } from '#kube/resources.ts';
import { isthmus } from '#lab/cluster.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually } from '#lab/eventually.ts';
import { HeldSessions } from '#lab/library.ts';
import { LibraryMesh, TARGET, VM } from '#lab/library-mesh.ts';
import * as manifests from '#lab/manifests.ts';
import { proofCommand } from '../../console/src/pages/identity/proof.ts';

await enterSandbox();

const KUBECONFIG = '/var/lib/isthmus/apiserver/admin.kubeconfig';

let mesh: LibraryMesh;

before(async () => {
  mesh = await LibraryMesh.create({ env: process.env });
});

after(async () => {
  await mesh[Symbol.asyncDispose]();
});

/** As an operator types it, beside the control plane. */
async function typed(...words: readonly string[]) {
  return await mesh.cluster.machine.run(isthmus(...words), { env: { KUBECONFIG } });
}

async function why(...words: readonly string[]): Promise<{ status: number; result: ReachResult }> {
  const { status, stdout, stderr } = await typed('why', 'inventory', ...words, '-o', 'json');
  assert(stdout.startsWith('{'), `${stdout}${stderr}`);
  const result: ReachResult = JSON.parse(stdout); // of the program under test
  return { status, result };
}

const probed = () => why(`${VM}:5432`, '--probe');

/** A session with the database, from the client's machine: `open`, or what came in its way. */
async function session(): Promise<string> {
  try {
    const { machine } = mesh.client;
    await using held = await HeldSessions.open(machine, { ...TARGET, name: 'asked', count: 1 });
    return held.opened.alive === 1 ? 'open' : `problem: ${held.opened.problems.join()}`;
  } catch (error) {
    return `problem: ${String(error)}`;
  }
}

/** The step that decided. */
const failed = ({ steps }: ReachResult) => steps.find(({ verdict }) => verdict === 'failed');

async function nft(commands: string): Promise<void> {
  const { status, stderr } = await mesh.cloud.machine(VM).run(['nft', commands]);
  assert.equal(status, 0, stderr);
}

test('the healthy pair: eleven steps passed, and each says what it rests on', async () => {
  const { status, result } = await eventually('all steps', async () => {
    const answer = await probed();
    return answer.status === 0 ? answer : undefined;
  });
  assert.equal(status, 0);
  assert.equal(result.summary, 'Can connect.');
  assert.equal(result.steps.length, 11);
  const probes = new Set(['name', 'capture', 'network', 'port', 'application']);
  for (const { name, source, verdict, summary } of result.steps) {
    assert.equal(verdict, 'passed', `${name}: ${summary}`);
    if (probes.has(name)) assert.equal(source, 'probed', name);
  }
  const text = await typed('why', 'inventory', `${VM}:5432`, '--probe');
  process.stdout.write(text.stdout);
  assert.equal(text.status, 0);
});

test('who ask at the same moment are all answered, though an agent takes four at a time', async () => {
  const answers = await Promise.all([probed(), probed(), probed()]);
  for (const { status, result } of answers) {
    const unknown = result.steps.filter(({ verdict }) => verdict !== 'passed');
    assert.deepEqual([status, unknown], [0, []]);
  }
});

test('without a probe, traffic of just now is the evidence, with its age', async () => {
  assert.equal(await session(), 'open');
  const { result } = await eventually('that it was reported', async () => {
    const answer = await why(`${VM}:5432`);
    return answer.result.verdict === 'can' ? answer : undefined;
  });
  const of = (name: string) => result.steps.find((step) => step.name === name);
  for (const name of ['network', 'tls', 'identity', 'port', 'application']) {
    assert.equal(of(name)?.source, 'observed', name);
    assert.match(of(name)?.summary ?? '', /\d+ s ago$/, name);
  }
});

test('packets that are dropped: Network, timed out', async () => {
  await nft(
    'add table inet blocked; ' +
      'add chain inet blocked in { type filter hook prerouting priority -400; }; ' +
      'add rule inet blocked in tcp dport 5432 drop',
  );
  const { status, result } = await probed();
  await nft('delete table inet blocked');
  assert.equal(status, 1);
  assert.equal(failed(result)?.name, 'network');
  assert.match(failed(result)?.summary ?? '', /timed out after 3\.\d s/);
  assert.match(failed(result)?.evidence.join() ?? '', /its machine is up/);
});

test('a server that is stopped: Port, and not a word of a firewall', async () => {
  await mesh.postgres.stop();
  const { status, result } = await probed();
  await mesh.postgres.start();
  assert.equal(status, 1);
  assert.equal(failed(result)?.name, 'port');
  assert.match(failed(result)?.summary ?? '', /nothing listens on port 5432 .* refused/);
});

test('a policy that refuses: Authorization names it, and its fix mends it', async () => {
  const object = {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'no-inventory', namespace: 'default' },
    spec: {
      action: 'DENY',
      rules: [{ from: [{ source: { principals: ['cluster.local/ns/default/sa/*'] } }] }],
    },
  };
  await mesh.cluster.apply({ type: AUTHORIZATION_POLICY, object });
  assert.match(await session(), /problem/, 'a real connection is refused, too');
  const refused = await eventually('the refusal', async () => {
    const { result } = await why(`${VM}:5432`);
    return failed(result);
  });
  assert.equal(refused.name, 'authorization');
  assert.equal(refused.summary, 'DENY by default/no-inventory rule 1');
  assert.deepEqual(refused.object, {
    kind: 'AuthorizationPolicy',
    namespace: 'default',
    name: 'no-inventory',
  });
  const mended: typeof object = parse(refused.fix?.yaml ?? '');
  await mesh.cluster.apply({ type: AUTHORIZATION_POLICY, object: mended });
  const { result } = await eventually('that it is mended', async () => {
    const answer = await probed();
    return answer.status === 0 ? answer : undefined;
  });
  assert.equal(result.summary, 'Can connect.');
  assert.equal(await session(), 'open', 'and so is a real connection');
});

test('a server that demands mutual TLS of a client that speaks plaintext: TLS', async () => {
  const { cluster } = mesh;
  const strict = manifests.peerAuthentication({ app: VM, mode: 'STRICT' });
  const inClear: manifests.Manifest = {
    type: DESTINATION_RULE,
    object: {
      metadata: { name: 'in-clear', namespace: 'default' },
      spec: { host: TARGET.host, trafficPolicy: { tls: { mode: 'DISABLE' } } },
    },
  };
  await cluster.apply(strict, inClear);
  const { summary } = await eventually('the disagreement', async () => {
    const { result } = await why(`${VM}:5432`);
    const step = failed(result);
    return step?.name === 'tls' ? step : undefined;
  });
  await cluster.remove(strict, inClear);
  assert.match(summary, /takes mutual TLS only \(STRICT\), and inventory\.default speaks plain/);
});

test('a misspelt name: Name, and what was meant', async () => {
  const { status, result } = await why('postgresql-1-wm:5432');
  assert.equal(status, 1);
  assert.equal(failed(result)?.name, 'name');
  assert.match(failed(result)?.summary ?? '', new RegExp(`did you mean ${VM}\\?`));
});

test('the line that verifies a server shows the certificate that Identity tells of', async () => {
  const { stdout: json } = await typed('identity', '-o', 'json');
  const { certificates }: IdentityReport = JSON.parse(json); // of the program under test
  const told = certificates.find(({ workload }) => workload === VM)?.certificate;
  assert(told);
  // a machine without a proxy: with one it would speak to that instead
  const { machine } = mesh.cluster;
  const place = mesh.cloud.machine(VM).address;
  const { status, stdout, stderr } = await machine.run(['sh', '-c', proofCommand(place, 5432)]);
  assert.equal(status, 0, stderr);
  const [, serial = ''] = /^serial=([0-9A-F]+)$/m.exec(stdout) ?? [];
  assert.equal(serial.toLowerCase(), told.serial.replaceAll(':', ''));
  const [, until = ''] = /^notAfter=(.*)$/m.exec(stdout) ?? [];
  assert.equal(Date.parse(until), told.notAfterMs);
  assert(stdout.includes(`URI:${told.identity}`), stdout);
});

test('identity prints both, with the time that is left', async () => {
  const { stdout, stderr } = await typed('identity');
  assert.match(
    stdout,
    new RegExp(`^${VM}\\.default +VM +spiffe://.* \\d\\d:\\d\\d:\\d\\d`, 'm'),
    stderr,
  );
  assert.match(stdout, /^inventory\.default +- +spiffe:/m);
  assert.match(stdout, /^root .* ([0-9a-f]{2}:){31}[0-9a-f]{2}$/m);
});
