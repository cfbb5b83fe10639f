import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { renderHelp, selectCommand, type Command } from './command.ts';

const command = (name: string): Command => ({
  name,
  summary: `what ${name} does`,
  run: () => Promise.resolve(0),
});
const commands = [command('agent'), command('agent leave'), command('apiserver')];

test('the longest name that fits is selected', () => {
  const rows: readonly [string, string, string][] = [
    ['agent', 'agent', ''],
    ['agent --drain-time 5s', 'agent', '--drain-time 5s'],
    ['agent leave', 'agent leave', ''],
    ['agent leave now', 'agent leave', 'now'],
    ['apiserver leave', 'apiserver', 'leave'],
  ];
  for (const [typed, name, rest] of rows) {
    const selected = selectCommand(commands, typed.split(' '));
    assert.deepEqual([selected.command.name, selected.argv.join(' ')], [name, rest], typed);
  }
});

test('an unknown command names itself and lists what there is', () => {
  assert.throws(
    () => selectCommand(commands, ['agnet']),
    (error) =>
      error instanceof OperatorError &&
      error.code === 'USAGE' &&
      error.message.includes('"agnet"') &&
      error.remedy.includes('apiserver'),
  );
});

test('help has a line for each command', () => {
  const help = renderHelp(commands);
  for (const { name, summary } of commands) assert.match(help, new RegExp(`${name} +${summary}`));
});
