// What the shells' completion scripts are made of: which words, flags and values may follow what
// has been typed. The scripts hold it all, so that a Tab starts no program.
import type { Command } from '../command.ts';
import type { FlagSpec } from '../flags.ts';

/** A word that may come next, and what it is. */
export type Candidate = { readonly word: string; readonly says: string };

/** What a flag's value may be: one of some words, a path, or anything. */
export type ValueHint =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'file' }
  | { readonly kind: 'folder' }
  | { readonly kind: 'any' };

export type FlagHint = {
  /** `--output`, and where there is one, `-o`. */
  readonly spellings: readonly string[];
  readonly says: string;
  /** undefined: the flag takes no value. */
  readonly value: ValueHint | undefined;
};

export type CompletionData = {
  /** Words typed so far (joined by a space; at first none) → what may come next. */
  readonly next: ReadonlyMap<string, readonly Candidate[]>;
  /** Command → its flags. Every command is here. */
  readonly flags: ReadonlyMap<string, readonly FlagHint[]>;
};

const HELP: FlagHint = {
  spellings: ['--help', '-h'],
  says: 'what the command can do, with examples',
  value: undefined,
};

export function completionData(commands: readonly Command[]): CompletionData {
  const next = new Map<string, Candidate[]>();
  const offer = (typed: string, candidate: Candidate): void => {
    const offered = next.get(typed) ?? [];
    if (offered.some(({ word }) => word === candidate.word)) return;
    next.set(typed, [...offered, candidate]);
  };
  for (const { name, summary, operands } of commands) {
    const words = name.split(' ');
    for (const [index, word] of words.entries()) {
      const says = index === words.length - 1 ? summary : `commands about ${word}`;
      offer(words.slice(0, index).join(' '), { word, says });
    }
    for (const word of operands[0]?.values ?? []) offer(name, { word, says: '' });
  }
  return { next, flags: new Map(commands.map((command) => [command.name, flagHints(command)])) };
}

function flagHints({ flags }: Command): readonly FlagHint[] {
  const own = Object.entries(flags).map(([name, flag]) => ({
    spellings: [`--${name}`, ...(flag.short ? [`-${flag.short}`] : [])],
    says: flag.summary,
    value: flag.type === 'boolean' ? undefined : valueHint(flag),
  }));
  return [...own, HELP];
}

function valueHint({ values, completes }: FlagSpec): ValueHint {
  if (values !== undefined) return { kind: 'words', words: values };
  return { kind: completes ?? 'any' };
}

/** For bash and zsh: a word in single quotes. */
export const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** The flags' values as `command spelling` → hint, for every flag that takes one. */
export function valueHints({
  flags,
}: CompletionData): readonly { readonly at: readonly string[]; readonly value: ValueHint }[] {
  return [...flags].flatMap(([command, hints]) =>
    hints.flatMap(({ spellings, value }) =>
      value ? [{ at: spellings.map((spelling) => `${command} ${spelling}`), value }] : [],
    ),
  );
}
