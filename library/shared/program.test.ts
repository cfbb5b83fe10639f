import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SettingError, portSetting, setting, urlSetting } from './program.ts';

test('settings are read or refused by name', () => {
  assert.equal(setting({ A: 'x' }, 'A'), 'x');
  assert.equal(setting({}, 'A', 'y'), 'y');
  assert.throws(() => setting({ A: '' }, 'A'), /A is not set/);
  assert.equal(portSetting({}, 'PORT', 8080), 8080);
  for (const PORT of ['-1', '65536', '1e3x', '80.5']) {
    assert.throws(() => portSetting({ PORT }, 'PORT', 8080), SettingError);
  }
  assert.equal(urlSetting({ U: 'http://a.b:80/' }, 'U'), 'http://a.b:80');
  for (const U of ['a.b', 'ftp://a.b', 'https://a.b']) {
    assert.throws(() => urlSetting({ U }, 'U'), SettingError);
  }
});

const programOf = (name: string): string =>
  fileURLToPath(new URL(`../${name}/main.ts`, import.meta.url));

async function run(name: string, env: NodeJS.ProcessEnv, onReady: (pid: number) => void) {
  const child = spawn(process.execPath, [programOf(name)], { env });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (chunk.includes('ready on') && child.pid !== undefined) onReady(child.pid);
    });
  }
  const [status] = await once(child, 'close');
  return { status: Number(status), text };
}

test('a program says when it is ready, and ends in order on SIGTERM', async () => {
  const env = { PORT: '0', CATALOGUE_URL: 'http://127.0.0.1:2' };
  const { status, text } = await run('recommendations', env, (pid) => process.kill(pid, 'SIGTERM'));
  assert.equal(status, 0, text);
  assert.match(text, /ready on .*\n.*stopping on SIGTERM\n$/);
});

test('a missing setting is one sentence and status 2', async () => {
  const { status, text } = await run('recommendations', { PORT: '0' }, () => undefined);
  assert.deepEqual(
    { status, text },
    { status: 2, text: 'recommendations: CATALOGUE_URL is not set\n' },
  );
});
