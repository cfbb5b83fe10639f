import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { parseAgentConfig } from '#agent/config.ts';
import type { CommandResult } from '#base/command.ts';
import { UNIT_PLACE } from '#registry/vm/unit.ts';
import { FakeClock } from '../../../test/fakes/clock.ts';
import { endService, isService, runsSystemd, startService, type ServiceTools } from './service.ts';

const CONFIG = parseAgentConfig({
  argv: [],
  env: { OUTPUT_CERTS: '/etc/istio-output-certs' },
  hostname: 'vm',
  readFile: () => undefined,
  parseYaml: () => undefined,
});
const ENV = { PATH: '/usr/bin', ISTHMUS_APP_LOG: 'file:/a.log', SECRET: 'x', ISTIO_SVC_IP: '' };

/** A machine that systemd runs, as a folder; `state` is what `systemctl show` says. */
async function machine(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'sv-'));
  t.after(() => rm(root, { recursive: true }));
  await mkdir(join(root, 'run/systemd/system'), { recursive: true });
  await mkdir(join(root, 'etc'));
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nadm:x:4:\n');
  const calls: string[] = [];
  const clock = new FakeClock();
  const said = { state: 'MainPID=77\nNRestarts=0\nActiveState=active\n', refusal: '' };
  const answered = (stdout: string): CommandResult => ({ status: 0, stdout, stderr: '' });
  const tools: ServiceTools = {
    clock,
    root,
    run: async (command, args) => {
      await Promise.resolve();
      calls.push([command, ...args].join(' '));
      if (said.refusal !== '') return { status: 1, stdout: '', stderr: said.refusal };
      if (args[0] === 'show') return answered(said.state);
      return answered(
        command === 'journalctl' ? 'x\nerror ADDRESS_IN_USE: 15020 is taken\n  end it\n' : '',
      );
    },
  };
  return { root, tools, calls, clock, said };
}

test('written, enabled, started; its settings are the agent’s and no others', async (t) => {
  const { root, tools, calls } = await machine(t);
  assert(await runsSystemd(root));
  const agent = await startService({ config: CONFIG, env: ENV }, tools);
  agent.release();
  assert.equal(agent.pid, 77);
  assert.deepEqual(calls.slice(0, 2), [
    'systemctl daemon-reload',
    'systemctl enable --now isthmus-agent.service',
  ]);
  const path = join(root, UNIT_PLACE);
  const text = await readFile(path, 'utf8');
  assert.equal((await stat(path)).mode & 0o777, 0o644);
  assert.match(text, /^Environment="ISTHMUS_APP_LOG=file:\/a\.log"$/m);
  assert(!text.includes('SECRET'));
  assert.match(text, /^ReadWritePaths=.*"\/etc\/istio-output-certs"$/m);
  assert((await stat(join(root, '/var/log/istio'))).isDirectory(), 'what it names is there');
  assert(await isService(77, tools));
  assert(!(await isService(78, tools)), 'another agent of the same kernel');
});

test('an agent that systemd starts again and again has ended, and why', async (t) => {
  const { tools, clock, said } = await machine(t);
  const agent = await startService({ config: CONFIG, env: ENV }, tools);
  await clock.untilSleeping(500);
  said.state = 'MainPID=0\nNRestarts=1\nActiveState=activating\n';
  clock.advance(500);
  assert.equal(await agent.ended, 'error ADDRESS_IN_USE: 15020 is taken;   end it');
});

test('what systemd refuses is told with its words', async (t) => {
  const { tools, said } = await machine(t);
  said.refusal = 'Failed to connect to bus: No such file\nmore';
  await assert.rejects(
    startService({ config: CONFIG, env: ENV }, tools),
    /systemctl daemon-reload: Failed to connect to bus: No such file$/,
  );
});

test('after leaving, nothing starts it again', async (t) => {
  const { root, tools, calls } = await machine(t);
  const agent = await startService({ config: CONFIG, env: ENV }, tools);
  agent.release();
  await endService(tools);
  assert(calls.includes('systemctl disable --now isthmus-agent.service'));
  await assert.rejects(stat(join(root, UNIT_PLACE)), { code: 'ENOENT' });
  assert(!(await isService(77, tools)));
});
