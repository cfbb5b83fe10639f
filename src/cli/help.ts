// `isthmus help`: the list of commands, and each command's own page. Pure.
import { commandsBelow, GROUPS, type Command } from './command.ts';
import { placeholder, usageLine, type FlagSpec } from './flags.ts';

/** Where a page's text ends: kubectl's and most terminals' width. */
const WIDTH_MAX = 100;
/** A flag's left side that is longer gets a line of its own. */
const FLAG_WIDTH_MAX = 30;

export function renderHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const sections = [...GROUPS, 'Other' as const].flatMap((group) => {
    const members = commands.filter((command) => command.group === group);
    const lines = members.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
    return members.length === 0 ? [] : [`${group}:\n${lines.join('\n')}\n`];
  });
  return [
    'isthmus brings virtual machines into a service mesh\n',
    ...sections,
    'isthmus COMMAND --help says more and has examples',
  ].join('\n');
}

/** One command's page; of a word with subcommands only, their list. */
export function renderCommandHelp(
  commands: readonly Command[],
  words: readonly string[],
): string | undefined {
  const name = words.join(' ');
  const command = commands.find((candidate) => candidate.name === name);
  const below = commandsBelow(commands, words);
  if (command) return renderPage(command, below);
  return below.length === 0 ? undefined : renderList(`isthmus ${name}`, below);
}

function renderPage(command: Command, below: readonly Command[]): string {
  const { name, summary, description, examples, flags } = command;
  const flagLines = Object.entries(flags).map(([flagName, flag]) => renderFlag(flagName, flag));
  return [
    `isthmus ${name}: ${summary}`,
    `Usage:\n  ${usageLine(command)}`,
    ...(description === undefined ? [] : [description]),
    ...(examples.length === 0 ? [] : [`Examples:\n${examples.map(renderExample).join('\n')}`]),
    ...(flagLines.length === 0 ? [] : [`Flags:\n${flagLines.join('\n')}`]),
    ...(below.length === 0 ? [] : [renderList('Further commands', below)]),
  ].join('\n\n');
}

function renderList(title: string, commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `${title}:\n${lines.join('\n')}`;
}

const renderExample = ({ says, command }: { says: string; command: string }): string =>
  `  # ${says}\n  ${command}`;

function renderFlag(name: string, flag: FlagSpec): string {
  const value = flag.type === 'boolean' ? '' : ` ${placeholder(flag)}`;
  const left = `  ${flag.short ? `-${flag.short}, ` : '    '}--${name}${value}`;
  const notes = [
    ...(flag.isRequired ? ['required'] : []),
    ...(flag.multiple ? ['repeatable'] : []),
    ...(flag.default === undefined ? [] : [`default ${flag.default}`]),
  ];
  const says = notes.length === 0 ? flag.summary : `${flag.summary} (${notes.join(', ')})`;
  const column = FLAG_WIDTH_MAX + 2;
  const [first = '', ...rest] = wrap(says, WIDTH_MAX - column);
  const lines =
    left.length > FLAG_WIDTH_MAX
      ? [left, `${' '.repeat(column)}${first}`]
      : [`${left.padEnd(column)}${first}`];
  return [...lines, ...rest.map((line) => `${' '.repeat(column)}${line}`)].join('\n');
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
