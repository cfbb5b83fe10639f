// `isthmus demo` as an ordinary user runs it: what it shows, what it reports, and how it ends.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runCommand, type CommandResult } from '#base/command.ts';
import { becomeOrdinaryUser } from './ordinary-user.ts';

const RUN_LIMIT_MS = 120_000;
const folder = mkdtempSync(join(tmpdir(), 'isthmus-demo-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const user = await becomeOrdinaryUser(folder);

async function demo(
  args: readonly string[],
  env: NodeJS.ProcessEnv = user.env,
): Promise<CommandResult> {
  const [program, ...command] = user.isthmus('demo', ...args);
  return await runCommand(program, command, { env, timeoutMs: RUN_LIMIT_MS });
}

const LIBRARY_CHECKS = [
  'page',
  'request',
  'way in',
  'books',
  'clear text',
  'encryption',
  'identities',
  'drain',
  'outside',
];
const MESH_CHECKS = [
  'rows',
  'access log',
  'clear text',
  'encryption',
  'identities',
  'witness',
  'drain',
];

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
      const { act, name, ok, figures } = fieldsOf(check);
      assert.equal(ok, true, String(name));
      return [`${String(act)}: ${String(name)}`, fieldsOf(figures)];
    }),
  );
  const figure = (name: string, of: string): unknown => checks.get(name)?.[of];
  const namesOf = (act: string): readonly string[] =>
    [...checks.keys()].flatMap((name) =>
      name.startsWith(`${act}: `) ? name.slice(act.length + 2) : [],
    );
  const isElsewhere = stdout.includes('› no network namespaces here (');
  assert.equal(isElsewhere, !(await user.hasNamespaces()), 'chosen as the machine allows');
  if (isElsewhere) return assert.deepEqual(namesOf('explicit-ports'), MESH_CHECKS);
  assert.deepEqual(new Set(LIBRARY_CHECKS).difference(new Set(namesOf('library-once'))), new Set());
  assert.deepEqual(namesOf('mesh'), MESH_CHECKS);
  assert.equal(figure('library-once: outside', 'rows'), 1);
  assert.equal(figure('mesh: rows', 'rows'), figure('mesh: rows', 'inserted'));
  const [, closer = ''] = stdout.split('Once more and closer');
  assert.equal(closer.match(/✅ inserted /g)?.length, figure('mesh: rows', 'rows'));
  assert(Number(figure('mesh: clear text', 'occurrences')) > 0);
  assert.equal(figure('mesh: encryption', 'occurrences'), 0);
  assert(Number(figure('mesh: encryption', 'bytes')) > 10_000);
  assert.match(
    String(figure('mesh: access log', 'vmLine')),
    /"- - -" 0 - "-" "-" \d+ \d+ \d+ - "-" "-" "-" "-" "127\.0\.0\.1:5432" inbound\|5432\|tcp\|postgresql-1-vm\.default\.svc\.cluster\.local 127\.0\.0\.1:\d+ 10\.128\.0\.14:5432 10\.24\.2\.23:\d+ outbound_\.5432_\._\.postgresql-1-vm\.default\.svc\.cluster\.local -$/,
  );
  assert.match(
    String(figure('mesh: access log', 'clientLine')),
    / outbound\|5432\|\|postgresql-1-vm\./,
  );
  assert.equal(
    figure('mesh: identities', 'client'),
    'spiffe://cluster.local/ns/default/sa/inventory',
  );
  assert.match(stdout, /All of it was seen, in \d+\.\d s\.\n$/);
  assert(!stdout.includes('\u001B'), 'no colours where the output is no terminal');
  assert.equal(stderr, '');
});

test('what is asked for wrongly is one sentence and a usage', async () => {
  const unknown = await demo(['--twice']);
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /^error USAGE: .*--twice[\s\S]*usage: isthmus demo \[--once/);
  writeFileSync(join(folder, 'file'), '');
  const unwritable = await demo(['--once', '--report', join(folder, 'file', 'report.json')]);
  assert.equal(unwritable.status, 1);
  assert.match(
    unwritable.stderr,
    /^error FILE_UNREADABLE: the report cannot be written: .*\n {2}name a/,
  );
  assert.equal(unwritable.stdout, '', 'nothing was started');
});

test('--step without a terminal is one sentence, and nothing is started', async () => {
  const { status, stdout, stderr } = await demo(['--step']);
  assert.equal(status, 2);
  assert.match(stderr, /^error USAGE: --step waits for Enter, and standard input is no terminal\n/);
  assert.equal(stdout, '');
});

test('a kernel that allows no namespaces, asked for them, is one sentence with the remedy', async () => {
  const bin = mkdtempSync(join(folder, 'bin-'));
  const refusing =
    '#!/bin/sh\necho "unshare: unshare failed: Operation not permitted" >&2\nexit 1\n';
  writeFileSync(join(bin, 'unshare'), refusing);
  for (const path of [bin, join(bin, 'unshare')]) chmodSync(path, 0o755);
  const env = { ...user.env, PATH: `${bin}:${process.env['PATH']}` };
  const { status, stderr } = await demo(['--once', '--mode', 'namespaces'], env);
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^error LAB_FAILED: the kernel refuses the lab's namespaces: unshare: .*\n {2}allow/,
  );
});
