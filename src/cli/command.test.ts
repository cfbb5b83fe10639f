import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { selectCommand, type Command } from './command.ts';
import { renderCommandHelp, renderHelp } from './help.ts';

const command = (name: string): Command => ({
  name,
  group: 'Parts',
  summary: `what ${name} does`,
  operands: [],
  flags: {},
  examples: [{ says: `${name} as it is`, command: `isthmus ${name}` }],
  run: () => Promise.resolve(0),
});
const commands = ['agent', 'agent leave', 'apiserver', 'config clusters', 'config routes'].map(
  command,
);

const usageError =
  (message: string, remedy: string) =>
  (error: unknown): boolean => {
    assert(error instanceof OperatorError && error.code === 'USAGE');
    assert.deepEqual([error.message, error.remedy], [message, remedy]);
    return true;
  };

test('the longest name that fits is selected', () => {
  const rows: readonly [string, string, string][] = [
    ['agent', 'agent', ''],
    ['agent --drain-time 5s', 'agent', '--drain-time 5s'],
    ['agent leave', 'agent leave', ''],
    ['agent leave now', 'agent leave', 'now'],
    ['apiserver leave', 'apiserver', 'leave'],
    ['config routes x', 'config routes', 'x'],
  ];
  for (const [typed, name, rest] of rows) {
    const selected = selectCommand(commands, typed.split(' '));
    assert.deepEqual([selected.command.name, selected.argv.join(' ')], [name, rest], typed);
  }
});

test('an unknown command names itself and lists what there is', () => {
  assert.throws(
    () => selectCommand(commands, ['agnet', 'leave']),
    usageError(
      'isthmus has no command "agnet"',
      'run "isthmus help"; the commands are ' +
        'agent, agent leave, apiserver, config clusters, config routes',
    ),
  );
  const remedy = 'run "isthmus config --help"; the commands are config clusters, config routes';
  assert.throws(
    () => selectCommand(commands, ['config']),
    usageError('isthmus config is not a command by itself', remedy),
  );
  assert.throws(
    () => selectCommand(commands, ['config', 'clutsers', 'x']),
    usageError('isthmus has no command "config clutsers"', remedy),
  );
});

test('help has a line for each command, under its heading', () => {
  assert.equal(
    renderHelp(commands),
    `isthmus brings virtual machines into a service mesh

Parts:
  agent            what agent does
  agent leave      what agent leave does
  apiserver        what apiserver does
  config clusters  what config clusters does
  config routes    what config routes does

isthmus COMMAND --help says more and has examples`,
  );
});

test('a page of its own for each command, and for what only has commands below it', () => {
  assert.equal(
    renderCommandHelp(commands, ['agent']),
    `isthmus agent: what agent does

Usage:
  isthmus agent

Examples:
  # agent as it is
  isthmus agent

Further commands:
  agent leave  what agent leave does`,
  );
  assert.equal(
    renderCommandHelp(commands, ['config']),
    `isthmus config:
  config clusters  what config clusters does
  config routes    what config routes does`,
  );
  assert.equal(renderCommandHelp(commands, ['confog']), undefined);
});
