// A VM joins by the line that `vm token` prints, and is looked at from afar; another one cannot, for
// a port is taken, and it is said which.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { enterSandbox } from '#lab/enter.ts';
import { Cloud, POD_CIDR, VM_CIDR } from '#lab/cloud.ts';
import { Cluster, CONTROL_PLANE_NAME, isthmus, typed, XDS_PORT } from '#lab/cluster.ts';
import * as manifests from '#lab/manifests.ts';
import type { Machine } from '#lab/machine.ts';
import { Sidecar } from '#lab/sidecar.ts';

await enterSandbox();

const CONTROL_PLANE = '10.24.0.10';
const CLIENT = 'inventory';
const VM = 'books-2-vm';
const TAKEN = 'taken-vm';
const ADDRESSES = { [VM]: '10.128.0.17', [TAKEN]: '10.128.0.18' };
const PORT = 5432;
const SIDECAR_ENV = '/var/lib/istio/envoy/sidecar.env';
const MESH = [POD_CIDR, VM_CIDR, '10.96.0.0/16', '240.240.0.0/16'];

const world = await stand();
const { cloud } = world;

async function stand() {
  const stack = new AsyncDisposableStack();
  const cloud = stack.use(
    await Cloud.create({
      cluster: { isthmusd: CONTROL_PLANE, [CLIENT]: '10.24.2.23' },
      vms: ADDRESSES,
      knows: [{ address: CONTROL_PLANE, names: [CONTROL_PLANE_NAME] }],
      env: process.env,
    }),
  );
  await cloud.firewall.allow(
    { name: 'pods to PostgreSQL', from: POD_CIDR, to: ADDRESSES[VM], tcpPort: PORT },
    { name: 'VMs to isthmusd', from: VM_CIDR, to: CONTROL_PLANE, tcpPort: XDS_PORT },
  );
  const cluster = stack.use(await Cluster.start(cloud.machine('isthmusd')));
  const account = { name: CLIENT, serviceAccount: CLIENT };
  await cluster.apply(
    manifests.meshConfig({ enableAutoMtls: true, ranges: MESH }),
    manifests.serviceAccount(CLIENT),
    manifests.pod({ ...account, app: CLIENT, address: '10.24.2.23' }),
  );
  const options = { serviceAccount: CLIENT, inboundPorts: [] };
  const client = await Sidecar.forPod(cluster, cloud.machine(CLIENT), options);
  await client.ready();
  return { cloud, cluster, client, stack };
}

test.after(() => world.stack.disposeAsync());

/** A command of an operator, beside the control plane. */
const operate = (...words: readonly string[]) =>
  cloud.machine('isthmusd').run(isthmus(...words), {
    env: { KUBECONFIG: '/var/lib/isthmus/apiserver/admin.kubeconfig' },
  });

async function operated(...words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await operate(...words);
  assert.equal(status, 0, `${words.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

async function lineFor(name: string): Promise<string> {
  const printed = await operated(
    'vm',
    'token',
    name,
    `${PORT}:tcp-postgres`,
    '--gateway',
    CONTROL_PLANE,
  );
  const line = printed.split('\n').find((text) => text.includes('sudo isthmus vm join')) ?? '';
  assert.match(line, /^ {2}sudo isthmus vm join ij1\.[\w.-]+@10\.24\.0\.10:15012$/, printed);
  return line;
}

/** Something that listens, and says who it is to whoever calls. */
function serve(machine: Machine, port: number): void {
  const program = `require('net').createServer((s) => s.end('hello')).listen(${port}, '127.0.0.1')`;
  machine.start(`server-${port}`, [process.execPath, '-e', program]);
}

/** Types a line on a machine, as it was printed. */
const typeOn = (machine: Machine, line: string) => machine.run(typed(line));

/** The API as the administrator, asked beside the control plane. */
async function ask(method: string, path: string, body?: object): Promise<unknown> {
  const program = fileURLToPath(new URL('api-call.ts', import.meta.url));
  const env = { KUBECONFIG: '/var/lib/isthmus/apiserver/admin.kubeconfig' };
  const words = [process.execPath, program, method, path, JSON.stringify(body ?? null)];
  const { status, stdout, stderr } = await cloud.machine('isthmusd').run(words, { env });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

test('the printed line, typed as it is, makes a machine a member', async () => {
  const vm = cloud.machine(VM);
  serve(vm, PORT);
  // what its owner lets others read
  vm.writeFile('/var/log/books.log', 'started\na book came\n');
  vm.writeFile(SIDECAR_ENV, "ISTHMUS_APP_LOG='file:/var/log/books.log'\n");
  const line = await lineFor(VM);
  // another control plane than the token's is told nothing, and the token stays good
  const wrongPin = line.replace(/\.[\w-]{43}@/, `.${'A'.repeat(43)}@`);
  const foreign = await typeOn(vm, wrongPin);
  assert.equal(foreign.status, 1);
  assert.match(
    foreign.stderr,
    /IDENTITY_REFUSED: .* is not the control plane that gave out the token/,
  );
  const { status, stdout, stderr } = await typeOn(vm, line);
  assert.equal(status, 0, stdout + stderr);
  const marks = [...stdout.matchAll(/^ ✓ (\d) /gm)].map(([, number]) => Number(number));
  assert.deepEqual(marks, [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.match(stdout, /joins as WorkloadEntry books-2-vm-10\.128\.0\.17 \(10\.128\.0\.17\)/);
  const name = 'books-2-vm.default.svc.cluster.local';
  assert.match(stdout, new RegExp(`${name} is 10\\.96\\.[\\d.]+, asked from default/inventory`));
  const again = await typeOn(cloud.machine(TAKEN), line);
  assert.equal(again.status, 1);
  assert.match(again.stderr, /the token was used already/);
  const secret = /ij1\.[\w-]+\.([\w-]+)/.exec(line)?.[1] ?? '';
  const kept = cloud.machine('isthmusd').readFile('/var/lib/isthmus/isthmusd/joins.json');
  assert(kept.includes('"usedAtMs"') && !kept.includes(secret));
});

test('a client’s first bytes end the join', async () => {
  const client = cloud.machine(CLIENT);
  const script = `exec 3<>/dev/tcp/${VM}.default.svc.cluster.local/${PORT}; printf x >&3; timeout 10 head -c 5 <&3`;
  const { stdout, stderr } = await client.run(['bash', '-c', script]);
  assert.equal(stdout, 'hello', stderr);
  const shown = await operated('join-status', VM, '-w');
  assert.match(shown, /^ ✓ 9 First encrypted bytes .*spiffe:.*\/sa\/inventory → :5432, TLSv1\.3$/m);
  assert.match(await operated('join-status'), /books-2-vm +default +done +9\/9/);
});

test('the VM is looked at from afar', async () => {
  const report = Object(await ask('GET', `/api/v1/workloads/default/${VM}/proxy`));
  const ports = report.listeners.flatMap((one: { ports: number[] }) => one.ports);
  assert(ports.includes(PORT), JSON.stringify(report.listeners));
  const states = report.sync.map(({ type, state }: Record<string, string>) => `${type} ${state}`);
  assert(states.includes('listeners in-sync'), states.join());
  const dump = JSON.stringify(await ask('GET', `/api/v1/workloads/default/${VM}/proxy/dump`));
  assert(dump.includes('virtualInbound') && !dump.includes('PRIVATE KEY'));
  assert.match(await operated('logs', VM), new RegExp(`inbound\\|${PORT}\\|`));
  assert.match(await operated('logs', VM, '--source', 'agent'), / agent: ready$/m);
  assert.equal(await operated('logs', VM, '--source', 'app', '--lines', '1'), 'a book came\n');
  const overview = Object(await ask('GET', `/api/v1/workloads/default/${VM}/overview`));
  assert.equal(overview.join.state, 'done');
});

test('probes from both machines tell what is open, refused and dropped', async () => {
  const why = async (from: string, to: string): Promise<string> => {
    const { stdout, stderr } = await operate('why', from, to, '--probe');
    return stdout || stderr;
  };
  // one after the other from one machine: an agent takes four requests at a time, and refuses more
  const fromClient = async (): Promise<readonly [string, string]> => [
    await why(CLIENT, `${VM}:${PORT}`),
    await why(CLIENT, `${CONTROL_PLANE}:9`),
  ];
  const [[open, refused], dropped] = await Promise.all([fromClient(), why(VM, `${CLIENT}:9`)]);
  assert.match(open, / 1 Name .* → 10\.96\.[\d.]+ \(mesh DNS\) {2}\[probed\]/);
  assert.match(open, / 6 Network .*connect to 10\.128\.0\.17:5432 took \d+ ms {2}\[probed\]/);
  assert.match(open, /10 Port .*listens on 127\.0\.0\.1:5432 {2}\[probed\]/);
  assert.match(refused, /✗ {2}6 Network .*refused/);
  assert.match(dropped, /✗ {2}6 Network .*timed out/);
});

test('an agent that cannot start says why, on both sides', async () => {
  const vm = cloud.machine(TAKEN);
  const taken = `require('net').createServer().listen(15020, '0.0.0.0', () => console.log('up'))`;
  const squatter = vm.start('squatter-15020', [process.execPath, '-e', taken]);
  await squatter.waitForLine(/up/, { what: 'listen', limitMs: 5_000 });
  const { status, stderr } = await typeOn(vm, await lineFor(TAKEN));
  assert.equal(status, 1);
  assert.match(stderr, /^error ENVOY_FAILED: the agent ended: error ADDRESS_IN_USE: .*15020/);
  assert.match(await operated('join-status', TAKEN), /✗ 5 .*the agent ended: .*15020/);
  await squatter.stop();
});

test('a port that is taken is named, and nothing is green', async () => {
  const vm = cloud.machine(TAKEN);
  const taken = `require('net').createServer().listen(15006, '0.0.0.0', () => console.log('up'))`;
  const squatter = vm.start('squatter', [process.execPath, '-e', taken]);
  await squatter.waitForLine(/up/, { what: 'listen', limitMs: 5_000 });
  const joining = vm.start('join', typed(await lineFor(TAKEN)));
  await joining.waitForLine(/✗ 5 Configuration accepted/, { what: 'fail', limitMs: 20_000 });
  const shown = await operated('join-status', TAKEN);
  assert.match(shown, /✗ 5 .*cannot bind '0\.0\.0\.0:15006': Address already in use/);
  assert.match(shown, /^ +ss -ltnp 'sport = :15006'$/m);
  assert.match(shown, /^default\/taken-vm: failed/);
  assert.doesNotMatch(shown, /✓ [5-9]/);
  await squatter.stop();
});
