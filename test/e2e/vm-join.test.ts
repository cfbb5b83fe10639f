// A VM joins by the line that `vm token` prints, and is looked at from afar; another one cannot, for
// a port is taken, and it is said which.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterSandbox } from '#lab/enter.ts';
import { Cloud, POD_CIDR, VM_CIDR } from '#lab/cloud.ts';
import { Cluster, CONTROL_PLANE_NAME, isthmus, XDS_PORT } from '#lab/cluster.ts';
import { eventually } from '#lab/eventually.ts';
import * as manifests from '#lab/manifests.ts';
import type { Machine } from '#lab/machine.ts';
import { Sidecar } from '#lab/sidecar.ts';

await enterSandbox();

const CONTROL_PLANE = '10.24.0.10';
const CLIENT = 'inventory';
const VM = 'mysql-2-vm';
const TAKEN = 'taken-vm';
const ADDRESSES = { [VM]: '10.128.0.17', [TAKEN]: '10.128.0.18' };
const PORT = 3306;
/** The printed line is typed as it is; a machine of the lab has neither sudo nor a link to us. */
const SHELL = `sudo() { "$@"; }; isthmus() { ${isthmus().join(' ')} "$@"; }`;
const MESH = [POD_CIDR, VM_CIDR, '10.96.0.0/16', '240.240.0.0/16'];

const world = await stand();
const { cloud, cluster } = world;

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
    { name: 'pods to MySQL', from: POD_CIDR, to: ADDRESSES[VM], tcpPort: PORT },
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
async function typed(...words: readonly string[]): Promise<string> {
  const env = { KUBECONFIG: '/var/lib/isthmus/apiserver/admin.kubeconfig' };
  const { status, stdout, stderr } = await cloud
    .machine('isthmusd')
    .run(isthmus(...words), { env });
  assert.equal(status, 0, `${words.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

async function lineFor(name: string): Promise<string> {
  const printed = await typed('vm', 'token', name, `${PORT}:tcp-mysql`, '--gateway', CONTROL_PLANE);
  const [line = ''] = printed.split('\n').filter((text) => /^ +sudo isthmus vm join /.test(text));
  assert.match(line, /^ {2}sudo isthmus vm join ij1\.[\w.-]+@10\.24\.0\.10:15012$/, printed);
  return line;
}

/** Something that listens, and says who it is to whoever calls. */
function serve(machine: Machine, port: number): void {
  const program = `require('net').createServer((s) => s.end('hello')).listen(${port}, '127.0.0.1')`;
  machine.start(`server-${port}`, [process.execPath, '-e', program]);
}

test('the printed line, typed as it is, makes a machine a member', async () => {
  const vm = cloud.machine(VM);
  serve(vm, PORT);
  const line = await lineFor(VM);
  const { status, stdout, stderr } = await vm.run(['bash', '-c', `${SHELL}\n${line}`]);
  assert.equal(status, 0, stdout + stderr);
  process.stdout.write(stdout);
  const marks = [...stdout.matchAll(/^ ✓ (\d) /gm)].map(([, number]) => Number(number));
  assert.deepEqual(marks, [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.match(stdout, /joins as WorkloadEntry mysql-2-vm-10\.128\.0\.17 \(10\.128\.0\.17\)/);
  assert.match(
    stdout,
    /mysql-2-vm\.default\.svc\.cluster\.local is [\d.:a-f]+, asked from default\/inventory/,
  );
  const again = await cloud.machine(TAKEN).run(['bash', '-c', `${SHELL}\n${line}`]);
  assert.equal(again.status, 1);
  assert.match(again.stderr, /the token was used already/);
  const token = /ij1\.[\w-]+\.([\w-]+)/.exec(line)?.[1] ?? '';
  assert(!vm.readFile('/var/log/istio/isthmus-agent.log').includes(token));
});
