// However the lab's parent ends, nothing of the lab stays behind.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock, withDeadline } from '#base/clock.ts';
import { REPOSITORY } from '#lab/cloud.ts';
import { exitOf } from '#lab/process.ts';

const TENANT = fileURLToPath(new URL('lab-tenant.ts', import.meta.url));
const STAND_LIMIT_MS = 30_000;
const END_LIMIT_MS = 5_000;
const POLL_MS = 20;

/** Processes that have this lab's id in their environment; what is no longer readable is gone. */
function processesOf(id: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`ISTHMUS_LAB_ID=${id}`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Waits until the lab says that it stands; returns what it said. */
async function standing(child: ChildProcess): Promise<string> {
  assert(child.stdout);
  const lines = createInterface({ input: child.stdout });
  const line = once(lines, 'line').then(([text]) => String(text));
  const ended = exitOf(child).then(({ status }) => {
    throw new Error(`the lab ended with status ${status} before it stood`);
  });
  return await withDeadline({ what: 'the lab', limitMs: STAND_LIMIT_MS }, (signal) =>
    Promise.race([line, ended, once(signal, 'abort').then(() => assert.fail('too slow'))]),
  );
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return `${pid}, which has just ended`;
  }
}

async function untilNothingIsLeft(id: string): Promise<void> {
  const deadlineMs = systemClock.nowMs() + END_LIMIT_MS;
  while (processesOf(id).length > 0) {
    const isTime = systemClock.nowMs() < deadlineMs;
    assert(isTime, `still there: ${processesOf(id).map(commandOf).join('; ')}`);
    await systemClock.sleep(POLL_MS);
  }
}

const environment = { ...process.env, NODE_TEST_CONTEXT: undefined };
const stdio: StdioOptions = ['ignore', 'pipe', 'inherit'];

const startTenant = (id: string): ChildProcess =>
  spawn(process.execPath, [TENANT, id], { stdio, env: environment });

/** The checkout may be in a home that nobody may enter: they see it under another path. */
function startTenantAsNobody(id: string): ChildProcess {
  const elsewhere = (path: string): string => path.replace(REPOSITORY, '/mnt');
  const script = 'mount --bind "$0" /mnt && cd / && exec "$@"';
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const program = [elsewhere(process.execPath), elsewhere(TENANT), id];
  const command = ['--mount', 'sh', '-c', script, REPOSITORY, ...nobody, ...program];
  return spawn('unshare', command, { stdio, env: { ...environment, PATH: '/usr/bin:/bin' } });
}

test('kill -9 of the program that made the lab ends everything in it', async () => {
  const id = randomUUID();
  const tenant = startTenant(id);
  await standing(tenant);
  assert(processesOf(id).length > 8, 'PostgreSQL, tcpdump and the others are found by the id');
  tenant.kill('SIGKILL');
  await untilNothingIsLeft(id);
});

test('so does SIGTERM', async () => {
  const id = randomUUID();
  const tenant = startTenant(id);
  await standing(tenant);
  const ended = exitOf(tenant);
  tenant.kill('SIGTERM');
  assert.deepEqual(await ended, { status: 137, signal: null });
  await untilNothingIsLeft(id);
});

test('so does kill -9 of what started that program', async () => {
  const id = randomUUID();
  const script =
    'require("node:child_process").spawn(process.execPath, process.argv.slice(1), {stdio: "inherit"})';
  const launch = ['-e', script, TENANT, id];
  const launcher = spawn(process.execPath, launch, { stdio, env: environment });
  await standing(launcher);
  launcher.kill('SIGKILL');
  await untilNothingIsLeft(id);
});

test('an ordinary user gets the same lab', async () => {
  const id = randomUUID();
  const tenant = process.getuid?.() === 0 ? startTenantAsNobody(id) : startTenant(id);
  assert.match(await standing(tenant), /^standing as uid [1-9]\d*$/);
  tenant.kill('SIGKILL');
  await untilNothingIsLeft(id);
});
