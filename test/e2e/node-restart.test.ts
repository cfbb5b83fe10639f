// A node that is killed: the next one ends what it left running, runs its Pods again, and says so.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommand } from '#base/command.ts';
import { POD } from '#kube/resources.ts';
import { enterSandbox } from '#lab/enter.ts';
import { eventually } from '#lab/eventually.ts';
import { NodeWorld, NS } from './node-world.ts';

await enterSandbox();

const CHILD = fileURLToPath(new URL('node-child.ts', import.meta.url));

let world: NodeWorld;

before(async () => {
  world = await NodeWorld.create({ hasNode: false });
});

after(async () => {
  await world[Symbol.asyncDispose]();
});

async function startChild(): Promise<ChildProcess> {
  const { folder, kubeconfig, cloud } = world;
  const args = ['--disable-warning=ExperimentalWarning', CHILD, folder, kubeconfig, cloud.logsDir];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  assert.deepEqual(await once(createInterface(child.stdout), 'line'), ['ready']);
  return child;
}

const container = (script: string) => ({
  name: 'main',
  image: 'busybox',
  command: ['sh', '-c', script],
});

/** How many programs with this argument run in the lab. */
async function countRunning(word: string): Promise<number> {
  const { stdout } = await runCommand('pgrep', ['-xf', `sleep ${word}`]);
  return stdout.split('\n').filter(Boolean).length;
}

test('a node that is killed, and the one after it', async () => {
  const child = await startChild();
  await world.createPod('worker', { containers: [container('exec sleep 4711')] });
  const done = { containers: [container('exit 0')], restartPolicy: 'Never' };
  await world.createPod('job', done);
  const leaving = { containers: [container('trap "" TERM; sleep 4712 & wait; wait')] };
  await world.createPod('leaving', { ...leaving, terminationGracePeriodSeconds: 600 });
  const before = await world.awaitRunning('worker');
  await world.awaitRunning('leaving');
  await world.awaitPod('job', 'over', ({ phase }) => phase === 'Succeeded');
  await world.kube.remove(POD, { namespace: NS, name: 'leaving' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(await countRunning('4711'), 1, 'nobody has ended it yet');

  await world.startNode();
  const restarted = await world.awaitPod(
    'worker',
    'restarted',
    ({ isReady, containers: [main] }) => isReady && main?.restartCount === 1,
  );
  const [main] = restarted.containers;
  assert.equal(main?.lastReason, 'ContainerStatusUnknown');
  assert.equal(main.lastExitCode, 137);
  assert.equal(restarted.phase, 'Running');
  assert.match(before.podIp, /^10\.24\.2\./);
  assert.equal(await countRunning('4711'), 1, 'the one of before is gone');
  await eventually('the Pod that was being deleted gone', async () =>
    (await world.pod('leaving')) === undefined ? true : undefined,
  );
  assert.equal(await countRunning('4712'), 0);
  const job = await world.awaitPod('job', 'still over', () => true);
  assert.equal(job.phase, 'Succeeded');
  assert.equal(job.containers[0]?.restartCount, 0);
});
