// What an idle mesh may cost: memory and processor time of isthmusd with its API server, and of the
// agents, read from the kernel while nothing happens.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { isthmus } from '#lab/cluster.ts';
import { enterSandbox } from '#lab/enter.ts';
import { LibraryMesh } from '#lab/library-mesh.ts';
import type { LabProcess } from '#lab/process.ts';

await enterSandbox();

const WINDOW_MS = 6_000;
/** What was started last still installs kinds, lists them and compiles: idle comes after that. */
const WINDOWS_MAX = 6;
const SHARE_MAX = 0.01;
/** Linux: USER_HZ, the unit of /proc/PID/stat, is 100 a second on every architecture we run on. */
const TICKS_PER_SECOND = 100;
const MIB = 1024;

let mesh: LibraryMesh;
/** isthmusd and the API server in one process, as on one machine. */
let embedded: LabProcess;

before(async () => {
  mesh = await LibraryMesh.create({ env: process.env, enableAutoMtls: true });
  const dataDir = ['--apiserver-data-dir', '/var/lib/isthmus/embedded'];
  const ports = ['--listen', '0.0.0.0:25012', '--monitoring', '127.0.0.1:25014'];
  const pages = ['--webhooks', '127.0.0.1:25017', '--console', '127.0.0.1:28080'];
  const flags = [...dataDir, ...ports, ...pages];
  embedded = mesh.cluster.machine.start('embedded', isthmus('isthmusd', ...flags));
  await embedded.waitForLine(/^ready\b/, { what: 'start', limitMs: 20_000 });
});

after(async () => {
  await mesh[Symbol.asyncDispose]();
});

/** A field of /proc/PID/status, in KiB. */
function memoryKib(pid: number, field: 'VmRSS' | 'RssAnon'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
}

/** User and system time, in ticks: proc(5), fields 14 and 15 of stat. */
function processorTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/** Shares of one core during a window in which nothing is asked of anybody. */
async function sharesOfWindow(pids: readonly number[]): Promise<readonly number[]> {
  const before = pids.map(processorTicks);
  await systemClock.sleep(WINDOW_MS);
  const ticksOfCore = (WINDOW_MS / 1000) * TICKS_PER_SECOND;
  return pids.map((pid, index) => (processorTicks(pid) - (before[index] ?? 0)) / ticksOfCore);
}

test('idle: isthmusd with its API server ≤ 1 % of a core, an agent too', async () => {
  const pids = [embedded.pid, mesh.client.agent.pid, mesh.vm.agent.pid];
  const windows: (readonly number[])[] = [];
  const isIdle = (shares: readonly number[]) => shares.every((share) => share <= SHARE_MAX);
  while (windows.length < WINDOWS_MAX && !windows.some(isIdle)) {
    windows.push(await sharesOfWindow(pids));
  }
  assert(windows.some(isIdle), `of a core, by window: ${JSON.stringify(windows)}`);
});

test('isthmusd with its API server ≤ 200 MB', () => {
  const kib = memoryKib(embedded.pid, 'VmRSS');
  assert(kib > 0 && kib <= 200 * MIB, `${kib} KiB resident`);
});

test('an agent ≤ 110 MB, 60 MB of it anonymous', () => {
  for (const { agent, machine } of [mesh.client, mesh.vm]) {
    const resident = memoryKib(agent.pid, 'VmRSS');
    const anonymous = memoryKib(agent.pid, 'RssAnon');
    const figures = `${machine.name}: ${resident} KiB resident, ${anonymous} KiB anonymous`;
    assert(resident > 0 && resident <= 110 * MIB, figures);
    assert(anonymous > 0 && anonymous <= 60 * MIB, figures);
  }
});
