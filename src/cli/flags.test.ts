import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatorError } from '#base/operator-error.ts';
import { defineCommand } from './command.ts';
import { renderCommandHelp } from './help.ts';
import { parseWords, usageLine } from './flags.ts';

const syntax = {
  name: 'paint',
  operands: [{ name: 'THING' }, { name: 'COLOUR', isMany: true }],
  flags: {
    on: { type: 'string', isRequired: true, value: 'FILE', summary: 'where it stands' },
    with: {
      type: 'string',
      short: 'w',
      values: ['brush', 'roller'],
      default: 'brush',
      summary: 'the tool',
    },
    note: { type: 'string', multiple: true, summary: 'what to remember of it' },
    dry: { type: 'boolean', summary: 'change nothing' },
    until: { type: 'string', summary: 'when it must be dry' },
  },
} as const;

test('flags get the types and defaults that their data says', () => {
  const typed = 'door red --on wall --note a --note=b blue';
  const { flags, operands } = parseWords(syntax, typed.split(' '));
  assert.deepEqual(operands, ['door', 'red', 'blue']);
  const expected: typeof flags = {
    on: 'wall',
    with: 'brush',
    note: ['a', 'b'],
    dry: false,
    until: undefined,
  };
  assert.deepEqual(flags, expected);
  const { with: tool, dry } = parseWords(syntax, [
    'x',
    'y',
    '--on=z',
    '-w',
    'roller',
    '--dry',
  ]).flags;
  assert.deepEqual([tool, dry], ['roller', true]);
});

test('wrong words are named, with the usage and the way to the whole help', () => {
  const rows: readonly [string, string][] = [
    ['', 'THING is missing'],
    ['door', 'COLOUR is missing'],
    ['door red', '--on is missing'],
    ['door red --on w -w spoon', '--with spoon is none of brush, roller'],
    ['door red --on w --wiht roller', "Unknown option '--wiht'"],
  ];
  for (const [typed, message] of rows) {
    assert.throws(
      () => parseWords(syntax, typed.split(' ').filter(Boolean)),
      (error) => {
        assert(error instanceof OperatorError && error.code === 'USAGE', typed);
        assert(error.message.startsWith(message), error.message);
        const usage = 'isthmus paint THING COLOUR... --on FILE [flags]';
        assert.equal(error.remedy, `usage: ${usage}; all of it: isthmus paint --help`);
        return true;
      },
    );
  }
});

test('operands beyond the last, or outside the words allowed', () => {
  const shell = { name: 'x', operands: [{ name: 'SHELL', values: ['bash', 'zsh'] }], flags: {} };
  assert.equal(usageLine(shell), 'isthmus x SHELL');
  assert.throws(() => parseWords(shell, ['csh']), /SHELL csh is none of bash, zsh/);
  assert.throws(() => parseWords(shell, ['zsh', 'now']), /"now" is one word too many/);
});

test("a command's help page says it all", () => {
  const paint = defineCommand({
    ...syntax,
    group: 'Other',
    summary: 'give a thing a colour',
    description: 'Several colours are mixed.',
    examples: [{ says: 'a purple door', command: 'isthmus paint door red blue --on wall' }],
    run: () => Promise.resolve(0),
  });
  assert.equal(
    renderCommandHelp([paint], ['paint']),
    `isthmus paint: give a thing a colour

Usage:
  isthmus paint THING COLOUR... --on FILE [flags]

Several colours are mixed.

Examples:
  # a purple door
  isthmus paint door red blue --on wall

Flags:
      --on FILE                 where it stands (required)
  -w, --with brush|roller       the tool (default brush)
      --note VALUE              what to remember of it (repeatable)
      --dry                     change nothing
      --until VALUE             when it must be dry`,
  );
});
