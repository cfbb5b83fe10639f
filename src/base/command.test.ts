import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommand } from './command.ts';
import { OperatorError } from './operator-error.ts';

test('status and both outputs come back, input goes in', async () => {
  const script =
    'process.stdin.pipe(process.stdout); process.stderr.write("e"); process.exitCode = 3';
  const result = await runCommand(process.execPath, ['-e', script], { input: 'hello' });
  assert.deepEqual(result, { status: 3, stdout: 'hello', stderr: 'e' });
});

test('a missing program is named, with what to do', async () => {
  await assert.rejects(
    runCommand('no-such-program', []),
    (error) => error instanceof OperatorError && error.code === 'TOOL_MISSING',
  );
});

test('a program that does not end is ended, and the result says so', async () => {
  const script = 'setInterval(() => {}, 1000)';
  const result = await runCommand(process.execPath, ['-e', script], { timeoutMs: 200 });
  assert.notEqual(result.status, 0);
  assert.match(result.stderr, /ended by SIGKILL/);
});

test('arguments are not read by a shell', async () => {
  const result = await runCommand(process.execPath, ['-p', 'process.argv[1]', '$(id); `id`']);
  assert.equal(result.stdout, '$(id); `id`\n');
});
