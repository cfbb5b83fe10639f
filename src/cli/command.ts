// Commands as data: what `isthmus` can do, and how its arguments become one of them. Help and
// completion read the same data.
import { OperatorError } from '#base/operator-error.ts';
import { parseWords, type FlagSpecs, type FlagValues, type Operand, type Syntax } from './flags.ts';

/** What a command gets from the process: nothing in it reads globals. */
export type Surroundings = {
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by SIGINT and SIGTERM; the command then ends in good order. */
  readonly signal: AbortSignal;
  /** Where results go; diagnostics go through the logger to standard error. */
  readonly print: (text: string) => void;
};

export type Invocation = Surroundings & {
  /** The arguments after the command's name. */
  readonly argv: readonly string[];
};

export type Example = { readonly says: string; readonly command: string };

/** The headings of `isthmus help`, in their order. */
export const GROUPS = ['Start here', 'Virtual machines', 'Look into the mesh', 'Parts'] as const;

export type Command = Syntax & {
  /** One line for `isthmus help`: a clause without a final full stop. */
  readonly summary: string;
  readonly group: (typeof GROUPS)[number] | 'Other';
  /** Paragraphs for the command's own help. */
  readonly description?: string;
  readonly examples: readonly Example[];
  /** Imports the command's code only when it is run. @returns the exit status */
  readonly run: (invocation: Invocation) => Promise<number>;
};

/** The arguments of a command, parsed by its own data. */
export type Call<Flags extends FlagSpecs> = Surroundings & {
  readonly flags: FlagValues<Flags>;
  readonly operands: readonly string[];
};

type Definition<Flags extends FlagSpecs> = Omit<Command, 'run' | 'operands' | 'flags'> & {
  readonly operands?: readonly Operand[];
  readonly flags: Flags;
  readonly run: (call: Call<Flags>) => Promise<number>;
};

/** A command whose arguments are parsed by its data. One that parses its own is a plain Command. */
export function defineCommand<const Flags extends FlagSpecs>(
  definition: Definition<Flags>,
): Command {
  const { run, operands = [], ...rest } = definition;
  const { name, flags } = rest;
  return {
    ...rest,
    operands,
    run: ({ argv, ...surroundings }) =>
      run({ ...surroundings, ...parseWords({ name, operands, flags }, argv) }),
  };
}

/** The command that the words name, longest first, and what remains of the words. */
export function selectCommand(
  commands: readonly Command[],
  words: readonly string[],
): { readonly command: Command; readonly argv: readonly string[] } {
  const matches = commands
    .map((command) => ({ command, length: command.name.split(' ').length }))
    .filter(({ command, length }) => words.slice(0, length).join(' ') === command.name)
    .toSorted((a, b) => b.length - a.length);
  const [best] = matches;
  if (best) return { command: best.command, argv: words.slice(best.length) };
  throw unknownCommand(commands, words);
}

/** The commands that begin with all of these words: `proxy-config` → its subcommands. */
export function commandsBelow(
  commands: readonly Command[],
  words: readonly string[],
): readonly Command[] {
  const prefix = `${words.join(' ')} `;
  return commands.filter(({ name }) => name.startsWith(prefix));
}

function unknownCommand(commands: readonly Command[], words: readonly string[]): OperatorError {
  const [first = ''] = words;
  const below = commandsBelow(commands, [first]);
  const names = (below.length > 0 ? below : commands).map(({ name }) => name).join(', ');
  const help = below.length > 0 ? `isthmus ${first} --help` : 'isthmus help';
  const what =
    below.length > 0 && words.length === 1
      ? `isthmus ${first} is not a command by itself`
      : `isthmus has no command "${words.slice(0, below.length > 0 ? 2 : 1).join(' ')}"`;
  const remedy = `run "${help}"; the commands are ${names}`;
  return new OperatorError('USAGE', what, { remedy });
}
