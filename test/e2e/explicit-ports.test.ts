// The demo where there are no network namespaces: machines are loopback addresses, and nothing is
// captured. Also how it ends when nobody is left to end it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommand } from '#base/command.ts';
import { until } from '#lab/eventually.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/isthmus.js', import.meta.url));
const RUN_LIMIT_MS = 120_000;
const CLAIMS = ['rows', 'access log', 'clear text', 'encryption', 'identities', 'witness', 'drain'];

/** Short: the lab puts sockets below it, and would go elsewhere if their paths were too long. */
const folder = mkdtempSync('/tmp/isthmus-');
chmodSync(folder, 0o755); // as root, PostgreSQL is somebody else
after(() => rmSync(folder, { recursive: true, force: true }));

/** A demo whose programs are told apart from all others by the folder that they run in. */
function surroundings(name: string): { readonly env: NodeJS.ProcessEnv; readonly place: string } {
  const place = join(folder, name);
  mkdirSync(place);
  return { place, env: { ...process.env, NODE_TEST_CONTEXT: undefined, TMPDIR: place } };
}

/** Command lines of processes that have the folder in theirs, or in their environment. */
const programsIn = (place: string): readonly string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => [textOf(`/proc/${pid}/cmdline`), textOf(`/proc/${pid}/environ`)])
    .filter((texts) => texts.some((text) => text.includes(place)))
    .map(([command = '']) => command.replaceAll('\0', ' '));

/** Empty for a process that has just ended. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

test('without namespaces the demo says so, and sees all that can be seen', async () => {
  const { env, place } = surroundings('seen');
  const bin = join(place, 'bin');
  mkdirSync(bin);
  const refusing = '#!/bin/sh\necho "unshare: Operation not permitted" >&2\nexit 1\n';
  writeFileSync(join(bin, 'unshare'), refusing, { mode: 0o755 });
  const reportPath = join(place, 'report.json');
  const command = [LAUNCHER, 'demo', '--once', '--report', reportPath];
  const { status, stdout, stderr } = await runCommand(process.execPath, command, {
    env: { ...env, PATH: `${bin}:${process.env['PATH']}` },
    timeoutMs: RUN_LIMIT_MS,
  });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  const first = stdout.split('\n').find((line) => line.startsWith('  › '));
  const reason = 'unshare: Operation not permitted';
  const said = `no network namespaces here (${reason}): explicit ports, nothing is captured`;
  assert.equal(first, `  › ${said}`);
  assert.match(stdout, /── Not here [\s\S]* capture: [\s\S]* the firewall [\s\S]*DNS/);
  assert.match(stdout, /All of it was seen, in \d+\.\d s\.\n$/);
  assert.equal(stderr, '');
  const report: unknown = JSON.parse(readFileSync(reportPath, 'utf8'));
  assert(typeof report === 'object' && report !== null && 'checks' in report);
  assert(Array.isArray(report.checks));
  assert.deepEqual(
    report.checks.map(({ act, name, ok }: Record<string, unknown>) => [act, name, ok]),
    CLAIMS.map((name) => ['explicit-ports', name, true]),
  );
  // what watches over a program sees its end within a second
  const isOver = async (): Promise<boolean> => programsIn(join(place, 'isthmus-')).length === 0;
  await until('the end of every program', isOver);
  assert.deepEqual(readdirSync(place).toSorted(), ['bin', 'report.json'], 'and no file');
});

test('killed, the demo leaves no program behind', async (t) => {
  const { env, place } = surroundings('killed');
  const command = [LAUNCHER, 'demo', '--once', '--mode', 'explicit-ports'];
  const demo = spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => demo.kill('SIGKILL'));
  const ended = once(demo, 'exit');
  for await (const line of createInterface({ input: demo.stdout })) {
    if (line.includes('✅')) break;
  }
  const programs = programsIn(place).join('\n');
  for (const program of ['apiserver', 'isthmusd', 'postgres', 'envoy-rev.json', 'agent']) {
    assert(programs.includes(program), `${program} runs, in\n${programs}`);
  }
  demo.kill('SIGKILL');
  await ended;
  await until('the end of every program', async () => programsIn(place).length === 0);
});
