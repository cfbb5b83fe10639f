// Pods without a sidecar reach Services by their cluster IPs: the lab's node routes them as
// kube-proxy would, and keeps up with the endpoints.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runCommand } from '#base/command.ts';
import { fieldsOf, textAt } from '#kube/fields.ts';
import { POD, SERVICE } from '#kube/resources.ts';
import { enterSandbox } from '#lab/enter.ts';
import { until } from '#lab/eventually.ts';
import { podNetns } from '#lab/node/pod-network.ts';
import { NodeWorld, NS } from './node-world.ts';

await enterSandbox();

const PORT = 8080;
const SERVER = `require('node:net').createServer((socket) => {
  socket.on('error', () => undefined);
  socket.end(process.env.HOSTNAME + ' to ' + socket.remoteAddress + '\\n');
}).listen(${PORT});`;

let world: NodeWorld;
let clusterIp: string;
const addresses = new Map<string, string>();

before(async () => {
  world = await NodeWorld.create();
  const { spec } = await world.kube.create(SERVICE, {
    metadata: { name: 'shop', namespace: NS },
    spec: { selector: { role: 'shop' }, ports: [{ name: 'tcp', port: 80, targetPort: PORT }] },
  });
  clusterIp = textAt(fieldsOf(spec), 'clusterIP');
  await Promise.all(['one', 'two', 'client'].map(startPod));
});

after(async () => {
  await world[Symbol.asyncDispose]();
});

async function startPod(name: string): Promise<void> {
  const main = { name: 'main', image: 'node', args: ['-e', SERVER] };
  const ready = { tcpSocket: { port: PORT }, periodSeconds: 1 };
  await world.createPod(name, {
    containers: [{ ...main, readinessProbe: ready }],
    terminationGracePeriodSeconds: 0,
  });
  const { podIp } = await world.awaitRunning(name);
  addresses.set(name, podIp);
}

/** Whether a Pod is one of the Service's. */
async function setRole(name: string, role: string | null): Promise<void> {
  const patch = { metadata: { labels: { role } } };
  await world.kube.patch(POD, { name, namespace: NS }, patch, { kind: 'merge' });
}

/** Who answers a Pod at the cluster IP, and whom it sees; or why nobody does. */
async function ask(from: string, port = 80): Promise<string> {
  const { metadata } = await world.kube.get(POD, { name: from, namespace: NS });
  const script = `exec 3<>/dev/tcp/${clusterIp}/${port} && cat <&3`;
  const inside = [`--net=/run/netns/${podNetns(metadata.uid ?? '')}`, 'timeout', '2'];
  const { stdout, stderr } = await runCommand('nsenter', [...inside, 'bash', '-c', script]);
  return stdout.trim() || (/refused/i.test(stderr) ? 'refused' : stderr.trim() || 'silence');
}

const seenBy = (name: string): string => `${name} to ::ffff:${addresses.get('client')}`;

test('where nobody is ready, a connection is refused at once', async () => {
  await until('the refusal', async () => (await ask('client')) === 'refused');
});

test('a Service leads to its endpoints in turn, and they see the client', async () => {
  await setRole('one', 'shop');
  await until('one', async () => (await ask('client')) === seenBy('one'));
  await setRole('two', 'shop');
  await until('two', async () => (await ask('client')) === seenBy('two'));
  const seen = new Set([await ask('client'), await ask('client')]);
  assert.deepEqual(seen, new Set([seenBy('one'), seenBy('two')]));
  assert.equal(await ask('client', 81), 'refused', 'no port of the Service');
});

test('an endpoint that goes is not asked any more', async () => {
  await setRole('one', null);
  await until('only two', async () => {
    const seen = [await ask('client'), await ask('client')];
    return seen.every((who) => who === seenBy('two'));
  });
});

test('a Pod reaches itself through its Service', async () => {
  assert.match(await ask('two'), /^two to /);
});
