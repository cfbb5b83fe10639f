import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCommand } from '#base/command.ts';
import { OperatorError } from '#base/operator-error.ts';
import { renderUnit, UNIT_NAME, type AgentUnit } from './unit.ts';

const UNIT: AgentUnit = {
  command: [process.execPath, '--no-warnings', '/opt/my isthmus/bin/100%$HOME.js', 'agent'],
  environment: { PATH: '/usr/bin:/bin', ISTHMUS_APP_LOG: 'unit:a"b\\c.service' },
  writable: ['/var/lib/istio/data', '/var/log/istio'],
  groups: ['adm'],
};

test('the unit: one capability, its own directories, always there, Envoy left alone', () => {
  const lines = renderUnit(UNIT).split('\n');
  for (const line of [
    'CapabilityBoundingSet=CAP_NET_ADMIN',
    'NoNewPrivileges=yes',
    'ProtectSystem=strict',
    'ReadWritePaths="/var/lib/istio/data" "/var/log/istio"',
    'SupplementaryGroups=adm',
    'Restart=always',
    'KillMode=process',
    'WantedBy=multi-user.target',
  ]) {
    assert(lines.includes(line), line);
  }
  assert(!renderUnit({ ...UNIT, groups: [] }).includes('SupplementaryGroups'));
});

test('words are quoted: blanks, percent signs, dollars, quotation marks, ends of lines', () => {
  const text = renderUnit({
    ...UNIT,
    environment: { ...UNIT.environment, ISTIO_X: 'a\nExecStartPre=/bin/evil' },
  });
  assert.match(
    text,
    /^ExecStart=".+" "--no-warnings" "\/opt\/my isthmus\/bin\/100%%\$\$HOME\.js" "agent"$/m,
  );
  assert.match(text, /^Environment="ISTHMUS_APP_LOG=unit:a\\"b\\\\c\.service"$/m);
  assert.match(text, /^Environment="ISTIO_X=a\\nExecStartPre=\/bin\/evil"$/m);
  assert.doesNotMatch(text, /^ExecStartPre/m);
});

test('systemd itself finds nothing wrong with it, where it is installed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'unit-'));
  try {
    const path = join(folder, UNIT_NAME);
    await writeFile(path, renderUnit({ ...UNIT, command: [process.execPath, 'agent'] }));
    const { status, stderr } = await runCommand('systemd-analyze', ['verify', '--man=no', path]);
    const own = stderr.split('\n').filter((line) => line.includes(UNIT_NAME));
    assert.deepEqual([status, own], [0, []], stderr);
  } catch (error) {
    const isMissing = error instanceof OperatorError && error.code === 'TOOL_MISSING';
    if (!isMissing) throw error; // then the text alone was looked at
  } finally {
    await rm(folder, { recursive: true });
  }
});
