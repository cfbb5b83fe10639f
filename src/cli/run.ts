// From words to a command that runs: `main.ts` without the process, so that tests can call it.
import { selectCommand, type Surroundings } from './command.ts';
import { COMMANDS } from './commands.ts';

/**
 * @returns the exit status
 * @throws OperatorError USAGE, and what the command throws
 */
export async function runCli(
  words: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  const asked = helpAskedFor(words);
  if (asked !== undefined) return await runCli(['help', ...asked], surroundings);
  const { command, argv } = selectCommand(COMMANDS, words);
  return await command.run({ ...surroundings, argv });
}

/** The words that help is wanted for; undefined: none is. What follows `--` is not ours. */
function helpAskedFor(words: readonly string[]): readonly string[] | undefined {
  if (words.length === 0) return [];
  const end = words.indexOf('--');
  const own = end < 0 ? words : words.slice(0, end);
  if (!own.includes('--help') && !own.includes('-h')) return undefined;
  const first = own.findIndex((word) => word.startsWith('-'));
  return nameIn(own.slice(0, first));
}

/** As many of the words as name a command, or the beginning of one: operands may follow. */
function nameIn(words: readonly string[]): readonly string[] {
  for (let count = words.length; count > 0; count -= 1) {
    const name = words.slice(0, count).join(' ');
    if (COMMANDS.some((command) => `${command.name} `.startsWith(`${name} `))) {
      return words.slice(0, count);
    }
  }
  return words;
}
