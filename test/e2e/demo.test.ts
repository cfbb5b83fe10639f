// `isthmus demo` as a user runs it: what it shows, what it reports, and how it ends.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '#base/clock.ts';
import { runCommand, type CommandResult } from '#base/command.ts';
import { exitOf } from '#lab/process.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/isthmus.js', import.meta.url));
const RUN_LIMIT_MS = 60_000;
const END_LIMIT_MS = 5_000;
const folder = mkdtempSync(join(tmpdir(), 'isthmus-demo-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const environment = { ...process.env, NODE_TEST_CONTEXT: undefined };

async function demo(
  args: readonly string[],
  env: NodeJS.ProcessEnv = environment,
): Promise<CommandResult> {
  const options = { env, timeoutMs: RUN_LIMIT_MS };
  return await runCommand(process.execPath, [LAUNCHER, 'demo', ...args], options);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  assert(typeof value === 'object' && value !== null);
  return { ...value };
}

test('demo --once sees everything, and the report says each with its figures', async () => {
  const reportPath = join(folder, 'new', 'report.json');
  const { status, stdout, stderr } = await demo(['--once', '--report', reportPath]);
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  const report = fieldsOf(JSON.parse(readFileSync(reportPath, 'utf8')));
  assert.equal(report['ok'], true);
  assert(Array.isArray(report['checks']));
  const checks = new Map(
    report['checks'].map((check: unknown) => {
      const { name, ok, figures } = fieldsOf(check);
      assert.equal(ok, true, String(name));
      return [name, fieldsOf(figures)];
    }),
  );
  const figure = (name: string, of: string): unknown => checks.get(name)?.[of];
  assert.deepEqual(
    [...checks.keys()],
    ['rows', 'access log', 'clear text', 'encryption', 'identities', 'witness', 'drain'],
  );
  assert.equal(figure('rows', 'rows'), figure('rows', 'inserted'));
  assert.equal(stdout.match(/✅ inserted /g)?.length, figure('rows', 'rows'));
  assert(Number(figure('clear text', 'occurrences')) > 0);
  assert.equal(figure('encryption', 'occurrences'), 0);
  assert(Number(figure('encryption', 'bytes')) > 10_000);
  assert.match(
    String(figure('access log', 'vmLine')),
    /"- - -" 0 - "-" "-" \d+ \d+ \d+ - "-" "-" "-" "-" "127\.0\.0\.1:5432" inbound\|5432\|tcp\|postgresql-1-vm\.default\.svc\.cluster\.local 127\.0\.0\.1:\d+ 10\.128\.0\.14:5432 10\.24\.2\.23:\d+ outbound_\.5432_\._\.postgresql-1-vm\.default\.svc\.cluster\.local -$/,
  );
  assert.match(String(figure('access log', 'clientLine')), / outbound\|5432\|\|postgresql-1-vm\./);
  assert.equal(figure('identities', 'client'), 'spiffe://cluster.local/ns/default/sa/inventory');
  assert.match(stdout, /All of it was seen, in \d+\.\d s\.\n$/);
  assert(!stdout.includes('\u001B'), 'no colours where the output is no terminal');
  assert.equal(stderr, '');
});

test('what is asked for wrongly is one sentence and a usage', async () => {
  const unknown = await demo(['--twice']);
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /^error USAGE: .*--twice[\s\S]*usage: isthmus demo \[--once\]/);
  writeFileSync(join(folder, 'file'), '');
  const unwritable = await demo(['--once', '--report', join(folder, 'file', 'report.json')]);
  assert.equal(unwritable.status, 1);
  assert.match(
    unwritable.stderr,
    /^error FILE_UNREADABLE: the report cannot be written: .*\n {2}name a/,
  );
  assert.equal(unwritable.stdout, '', 'nothing was started');
});

test('a kernel that allows no namespaces is one sentence with the remedy', async () => {
  const bin = mkdtempSync(join(folder, 'bin-'));
  const refusing =
    '#!/bin/sh\necho "unshare: unshare failed: Operation not permitted" >&2\nexit 1\n';
  writeFileSync(join(bin, 'unshare'), refusing);
  chmodSync(join(bin, 'unshare'), 0o755);
  const env = { ...environment, PATH: `${bin}:${process.env['PATH']}` };
  const { status, stderr } = await demo(['--once'], env);
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^error LAB_FAILED: the kernel refuses the lab's namespaces: unshare: .*\n {2}allow/,
  );
});

/** Names of the labs that the process and its descendants are in; one may end meanwhile. */
function labsBelow(pid: number): string[] {
  try {
    return labsOf(pid);
  } catch {
    return [];
  }
}

function labsOf(pid: number): string[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  );
  const own = /ISTHMUS_LAB_ID=([^\0]+)/.exec(readFileSync(`/proc/${pid}/environ`, 'utf8'))?.[1];
  return [
    ...(own === undefined ? [] : [own]),
    ...children.flatMap((child) => labsBelow(Number(child))),
  ];
}

function processesIn(lab: string): string[] {
  return readdirSync('/proc').filter((name) => {
    const file = `/proc/${name}/environ`;
    try {
      return existsSync(file) && readFileSync(file, 'utf8').includes(`ISTHMUS_LAB_ID=${lab}`);
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

test('without --once it goes on until it is killed, and then nothing is left', async (t) => {
  const child = spawn(process.execPath, [LAUNCHER, 'demo'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environment,
  });
  using _ending = { [Symbol.dispose]: () => child.kill('SIGKILL') }; // whatever fails below
  t.after(() => child.kill('SIGKILL'));
  const ended = exitOf(child);
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('It goes on until')) break;
  }
  assert(child.pid !== undefined);
  const [lab] = labsBelow(child.pid);
  assert(lab !== undefined, 'the demo runs in no lab');
  assert(processesIn(lab).length > 10, processesIn(lab).join(' '));
  child.kill('SIGKILL');
  assert.equal((await ended).signal, 'SIGKILL');
  const deadlineMs = systemClock.nowMs() + END_LIMIT_MS;
  while (processesIn(lab).length > 0) {
    assert(systemClock.nowMs() < deadlineMs, `still there: ${processesIn(lab).join(' ')}`);
    await systemClock.sleep(50);
  }
});
