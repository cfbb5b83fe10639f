// Commands as data: what `isthmus` can do, and how its arguments become one of them.
import { OperatorError } from '#base/operator-error.ts';

/** What a command gets from the process: nothing in it reads globals. */
export type Invocation = {
  /** The arguments after the command's name. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by SIGINT and SIGTERM; the command then ends in good order. */
  readonly signal: AbortSignal;
  /** Where results go; diagnostics go through the logger to standard error. */
  readonly print: (text: string) => void;
};

export type Command = {
  /** The words that select it, as typed: `apiserver`, `agent leave`. */
  readonly name: string;
  /** One line for `isthmus help`. */
  readonly summary: string;
  /** Imports the command's code only when it is run. @returns the exit status */
  readonly run: (invocation: Invocation) => Promise<number>;
};

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
  const remedy = `run "isthmus help"; the commands are ${commands.map((c) => c.name).join(', ')}`;
  throw new OperatorError('USAGE', `isthmus has no command "${words[0] ?? ''}"`, { remedy });
}

export function renderHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `isthmus brings virtual machines into a service mesh\n\nCommands:\n${lines.join('\n')}\n`;
}
