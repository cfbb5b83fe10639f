import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { LabProcess } from './process.ts';

const logsDir = mkdtempSync(join(tmpdir(), 'lab-process-'));
after(() => rmSync(logsDir, { recursive: true }));

const options = (name: string, script: string) => ({
  name,
  command: ['bash', '-c', script],
  env: process.env,
  logsDir,
});

test('lines of both outputs are kept, listened to and logged', async () => {
  const heard: string[] = [];
  const onLine = (line: string): void => void heard.push(line);
  const talker = new LabProcess({ ...options('talker', 'echo one; echo two >&2; exit 3'), onLine });
  assert.deepEqual(await talker.exited, { status: 3, signal: null });
  assert.deepEqual(heard.toSorted(), ['one', 'two']);
  assert.deepEqual(talker.lines, heard);
  assert.equal(talker.isRunning, false);
  assert.match(readFileSync(join(logsDir, 'talker.log'), 'utf8'), /^one$/m);
});

test('a line is waited for, or found among those printed before', async () => {
  await using echo = new LabProcess(options('echo', 'while read -r line; do echo "$line"; done'));
  const limits = { what: 'echo', limitMs: 5_000 };
  const coming = echo.waitForLine(/^a/, limits);
  echo.writeLine('alpha');
  assert.equal(await coming, 'alpha');
  assert.equal(await echo.waitForLine(/^a/, limits), 'alpha');
  const next = echo.waitForLine(/^a/, { ...limits, from: echo.lines.length });
  echo.writeLine('another');
  assert.equal(await next, 'another');
});

test('a line that does not come is one sentence with the last words', async () => {
  const launched = LabProcess.launch(options('dying', 'echo last words; exit 4'), {
    line: /^ready$/,
    limitMs: 5_000,
  });
  await assert.rejects(launched, {
    code: 'LAB_FAILED',
    message: 'dying: start: it ended with status 4; it last said:\nlast words',
  });
  const slow = LabProcess.launch(options('slow', 'sleep 60'), { line: /^ready$/, limitMs: 50 });
  await assert.rejects(slow, { message: 'slow: start: not within 50 ms' });
});

test('a program that does not exist has ended with status 127', async () => {
  const missing = new LabProcess({ ...options('missing', ''), command: ['/no/such/program'] });
  assert.deepEqual(await missing.exited, { status: 127, signal: null });
  assert.match(missing.tail, /cannot run: .*ENOENT/);
});

test('a program that hears no SIGTERM is killed after a while', async () => {
  const deaf = new LabProcess(options('deaf', "trap '' TERM; echo up; while :; do sleep 1; done"));
  await deaf.waitForLine(/^up$/, { what: 'start', limitMs: 5_000 });
  const noPatience = { nowMs: () => 0, sleep: () => Promise.resolve() };
  assert.deepEqual(await deaf.stop(noPatience), { status: null, signal: 'SIGKILL' });
});

test('what a child of it keeps open does not keep us', async () => {
  const parent = new LabProcess(options('parent', 'sleep 30 & echo $!'));
  assert.deepEqual(await parent.exited, { status: 0, signal: null });
  process.kill(Number(parent.lines[0]), 'SIGKILL');
});
