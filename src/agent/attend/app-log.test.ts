import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import { parseAgentConfig } from '../config.ts';
import { tailAppLog, tailJournal } from './app-log.ts';
import type { TailedLine } from './log-tail.ts';

const folder = await mkdtemp(join(tmpdir(), 'al-'));
after(() => rm(folder, { recursive: true }));

const { signal } = new AbortController();
const LAST = { lines: 2, follow: false, signal };

async function all(lines: AsyncIterable<readonly TailedLine[]>): Promise<readonly TailedLine[]> {
  const found: TailedLine[] = [];
  for await (const some of lines) found.push(...some);
  return found;
}

const settings = (text: string, file?: string) =>
  parseAgentConfig({
    argv: [],
    env: file === undefined ? { ISTHMUS_APP_LOG: text } : {},
    hostname: 'vm',
    readFile: (path) => (path === file ? `ISTHMUS_APP_LOG='${text}'\n` : undefined),
    parseYaml: () => undefined,
  }).appLog;

describe('which log it is', () => {
  test('the owner says, by a unit or a file', () => {
    assert.deepEqual(settings('unit:postgresql@15-main.service'), {
      kind: 'unit',
      unit: 'postgresql@15-main.service',
    });
    const sidecar = '/var/lib/istio/envoy/sidecar.env';
    assert.deepEqual(settings('file:/var/log/app.log', sidecar), {
      kind: 'file',
      path: '/var/log/app.log',
    });
  });

  for (const wrong of [
    '/var/log/app.log',
    'file:app.log',
    'file:/var/log/../../etc/shadow',
    'file:/var/log/',
    'unit:--merge',
    'unit:a b.service',
    'unit:postgresql',
  ]) {
    test(`not ${wrong}`, () => {
      assert.throws(() => settings(wrong), /ISTHMUS_APP_LOG is ".*", expected/);
    });
  }

  test('the control plane does not, by a file that comes from there', () => {
    assert.throws(
      () => settings('file:/etc/shadow', '/var/lib/istio/envoy/cluster.env'),
      (error) =>
        error instanceof OperatorError &&
        error.code === 'CONFIG_INVALID' &&
        /cluster\.env: ISTHMUS_APP_LOG is the machine's owner's to set/.test(error.message),
    );
    const mesh = '/etc/istio/config/mesh';
    const proxyMetadata = { ISTHMUS_APP_LOG: 'file:/etc/shadow' };
    assert.throws(
      () =>
        parseAgentConfig({
          argv: [],
          env: {},
          hostname: 'vm',
          readFile: (path) => (path === mesh ? 'x' : undefined),
          parseYaml: () => ({ defaultConfig: { proxyMetadata } }),
        }),
      /config\/mesh: ISTHMUS_APP_LOG is the machine's owner's/,
    );
  });
});

describe('a file', () => {
  const tail = (path: string) => all(tailAppLog({ kind: 'file', path }, LAST, systemClock));

  test('its last lines', async () => {
    const path = join(folder, 'app.log');
    await writeFile(path, 'one\ntwo\n2026-11-22T16:30:43.715Z three\u001b[31m\n');
    assert.deepEqual(await tail(path), [
      { atMs: null, text: 'two' },
      {
        atMs: Date.parse('2026-11-22T16:30:43.715Z'),
        text: '2026-11-22T16:30:43.715Z three\uFFFD[31m',
      },
    ]);
  });

  test('a link that the application puts in its place leads nowhere', async () => {
    const path = join(folder, 'link.log');
    await symlink('/etc/shadow', path);
    await assert.rejects(tail(path), /link\.log is a symbolic link/);
  });

  test('a pipe, which nobody writes to, is not waited for', async () => {
    const path = join(folder, 'pipe.log');
    assert.equal((await runCommand('mkfifo', [path])).status, 0);
    await assert.rejects(tail(path), /pipe\.log is no file/);
  });
});

describe('a unit’s journal', () => {
  /** A journal that says so, and writes down what it was asked. */
  async function journal(script: string): Promise<string> {
    const path = join(folder, `journalctl-${script.length}`);
    await writeFile(path, `#!/bin/sh\nprintf '%s\\n' "$@" > ${path}.asked\n${script}\n`);
    await chmod(path, 0o755);
    return path;
  }
  const UNIT = 'app.service';

  test('its entries, with their times', async () => {
    const entries = [
      { __REALTIME_TIMESTAMP: '1763829043715123', MESSAGE: 'started\u001b' },
      { __REALTIME_TIMESTAMP: '1763829044715123', MESSAGE: [104, 105] },
      { __REALTIME_TIMESTAMP: '1763829045715123', MESSAGE: null },
    ];
    const lines = entries.map((entry) => `echo '${JSON.stringify(entry)}'`).join('\n');
    const command = await journal(lines);
    assert.deepEqual(await all(tailJournal(UNIT, LAST, command)), [
      { atMs: 1_763_829_043_715, text: 'started\uFFFD' },
      { atMs: 1_763_829_044_715, text: 'hi' },
      { atMs: 1_763_829_045_715, text: '(a message too long to be shown)' },
    ]);
    const asked = (await runCommand('cat', [`${command}.asked`])).stdout.split('\n');
    assert.deepEqual(asked.slice(0, 4), ['--unit', UNIT, '--lines', '2']);
    assert(!asked.includes('--follow'));
  });

  test('followed until nobody wants it, and then no program is left', async () => {
    const entry = JSON.stringify({ __REALTIME_TIMESTAMP: '1000', MESSAGE: 'now' });
    const command = await journal(`echo '${entry}'\necho $$ > ${folder}/pid\nexec sleep 60`);
    const stop = new AbortController();
    const following = tailJournal(UNIT, { ...LAST, follow: true, signal: stop.signal }, command);
    assert.deepEqual(await following.next(), { done: false, value: [{ atMs: 1, text: 'now' }] });
    stop.abort();
    await assert.rejects(async () => await following.next(), { name: 'AbortError' });
  });

  test('one that may not be read, or is not there, says so in a sentence', async () => {
    const command = await journal('echo "No journal files were opened" >&2\nexit 1');
    await assert.rejects(
      all(tailJournal(UNIT, LAST, command)),
      /^Error: the journal cannot be read: No journal files were opened$/,
    );
    await assert.rejects(
      all(tailJournal(UNIT, LAST, join(folder, 'nowhere'))),
      /there is no journalctl on this machine/,
    );
  });
});
