// Completion for fish: one line for each word and flag, with the condition under which it is
// offered.
import { assertNever } from '#base/assert-never.ts';
import type { CompletionData, FlagHint, ValueHint } from './data.ts';

const HELPERS = `# fish completion for isthmus, made by: isthmus completion fish
function __isthmus_words
    for word in (commandline -opc)[2..-1]
        string match -q -- '-*' $word; and break
        echo $word
    end
end
function __isthmus_typed
    set -l words (__isthmus_words)
    test "$words" = "$argv[1]"
end
function __isthmus_runs
    set -l words (__isthmus_words) ''
    string match -q -- "$argv[1] *" "$words"
end
complete -c isthmus -f`;

export function renderFish({ next, flags }: CompletionData): string {
  const words = [...next].flatMap(([typed, candidates]) =>
    candidates.map(
      ({ word, says }) =>
        `complete -c isthmus -n ${condition('__isthmus_typed', typed)} -a ${quoted(word)}` +
        (says === '' ? '' : ` -d ${quoted(says)}`),
    ),
  );
  const options = [...flags].flatMap(([command, hints]) =>
    hints.map((hint) => renderFlag(command, hint)),
  );
  return [HELPERS, ...words, ...options].join('\n');
}

function renderFlag(command: string, { spellings, says, value }: FlagHint): string {
  const names = spellings.map((it) => (it.startsWith('--') ? `-l ${it.slice(2)}` : `-s ${it[1]}`));
  const when = condition('__isthmus_runs', command);
  const takes = value ? ` ${renderValue(value)}` : '';
  return `complete -c isthmus -n ${when} ${names.join(' ')}${takes} -d ${quoted(says)}`;
}

/** `-r`: a value must follow; `-F`: files after all. */
function renderValue(value: ValueHint): string {
  switch (value.kind) {
    case 'words':
      return `-x -a ${quoted(value.words.join(' '))}`;
    case 'file':
      return '-r -F';
    case 'folder':
      return `-x -a '(__fish_complete_directories)'`;
    case 'any':
      return '-x';
    default:
      return assertNever(value);
  }
}

const condition = (test: string, words: string): string => quoted(`${test} "${words}"`);

/** In fish's single quotes only a backslash and the quote itself are special. */
const quoted = (text: string): string => `'${text.replaceAll(/[\\']/g, (it) => `\\${it}`)}'`;
