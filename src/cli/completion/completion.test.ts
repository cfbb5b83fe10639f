import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommand } from '#base/command.ts';
import { defineCommand } from '../command.ts';
import { COMMANDS } from '../commands.ts';
import { renderCompletion } from './completion.ts';

const run = () => Promise.resolve(0);
const commands = [
  defineCommand({
    name: 'paint',
    group: 'Other',
    summary: "a thing's colour",
    operands: [{ name: 'COLOUR', values: ['red', 'blue'] }],
    flags: {
      tool: { type: 'string', short: 't', values: ['brush', 'roller'], summary: 'the tool' },
      on: { type: 'string', completes: 'file', summary: 'where' },
      dry: { type: 'boolean', summary: 'change nothing' },
    },
    examples: [],
    run,
  }),
  defineCommand({
    name: 'paint dry',
    group: 'Other',
    summary: 'wait',
    flags: { until: { type: 'string', summary: 'when' } },
    examples: [],
    run,
  }),
];

/** What bash offers at the end of a line. */
async function completeInBash(script: string, line: string): Promise<string[]> {
  const words = ['isthmus', ...line.split(' ')];
  const driver = `${script}
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_isthmus
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const args = ['--norc', '-c', driver, 'complete', ...words];
  const { stdout, stderr, status } = await runCommand('bash', args);
  assert.deepEqual([status, stderr], [0, '']);
  return stdout.split('\n').filter(Boolean).toSorted();
}

test('bash offers commands, flags and values where they belong', async () => {
  const script = renderCompletion('bash', commands);
  const rows: readonly [string, readonly string[]][] = [
    ['', ['paint']],
    ['p', ['paint']],
    ['x', []],
    ['paint ', ['blue', 'dry', 'red']],
    ['paint d', ['dry']],
    ['paint -', ['--dry', '--help', '--on', '--tool', '-h', '-t']],
    ['paint red --t', ['--tool']],
    ['paint --tool ', ['brush', 'roller']],
    ['paint -t r', ['roller']],
    ['paint --on package.j', ['package.json']],
    ['paint dry --', ['--help', '--until']],
    ['paint dry --until ', []],
  ];
  for (const [line, offered] of rows) {
    assert.deepEqual(await completeInBash(script, line), offered, line);
  }
});

test('the script of all commands is whole', async () => {
  const script = renderCompletion('bash', COMMANDS);
  assert.deepEqual(await completeInBash(script, 'agent l'), ['leave']);
  assert.deepEqual(await completeInBash(script, 'completion '), ['bash', 'fish', 'zsh']);
  assert((await completeInBash(script, '')).length >= COMMANDS.length / 2);
});

test('zsh and fish get the same words with what they mean', () => {
  const zsh = renderCompletion('zsh', commands);
  assert.match(zsh, /^#compdef isthmus\n/);
  assert(zsh.includes(`('') candidates=('paint:a thing'\\''s colour') ;;`), zsh);
  assert(zsh.includes(`('paint --tool'|'paint -t') compadd -- 'brush' 'roller'; return ;;`));
  assert(zsh.includes(`('paint --on') _files; return ;;`));
  const fish = renderCompletion('fish', commands);
  for (const line of [
    `complete -c isthmus -n '__isthmus_typed ""' -a 'paint' -d 'a thing\\'s colour'`,
    `complete -c isthmus -n '__isthmus_typed "paint"' -a 'red'`,
    `complete -c isthmus -n '__isthmus_runs "paint"' -l tool -s t -x -a 'brush roller' -d 'the tool'`,
    `complete -c isthmus -n '__isthmus_runs "paint"' -l dry -d 'change nothing'`,
  ]) {
    assert(fish.split('\n').includes(line), line);
  }
});
