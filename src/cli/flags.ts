// What a command can be told, as data: from it follow parsing and its complaints, the help text and
// the shells' completion.
import assert from 'node:assert/strict';
import type { ParseArgsConfig } from 'node:util';
import { readFlags, usageError } from '#base/flags.ts';

export type FlagSpec = {
  readonly type: 'string' | 'boolean';
  /** For the help text: a clause without a final full stop. */
  readonly summary: string;
  /** One letter: `n` for `-n`. */
  readonly short?: string;
  /** May be given several times. */
  readonly multiple?: true;
  readonly isRequired?: true;
  /** Used when the flag is absent; the help text says so. */
  readonly default?: string;
  /** What stands for the value in the help text: `FILE`. */
  readonly value?: string;
  /** The only values that are taken. */
  readonly values?: readonly string[];
  /** What a shell may offer for the value besides `values`. */
  readonly completes?: 'file' | 'folder';
};

export type FlagSpecs = Readonly<Record<string, FlagSpec>>;

/** A word after the command's name that is no flag. */
export type Operand = {
  /** As the usage line shows it: `NAME`, `PORT[:NAME]`. */
  readonly name: string;
  readonly isOptional?: true;
  /** Takes all the words that are left; only the last operand may. */
  readonly isMany?: true;
  /** The only words that are taken. */
  readonly values?: readonly string[];
};

export type Syntax<Flags extends FlagSpecs = FlagSpecs> = {
  /** The words that select the command. */
  readonly name: string;
  readonly operands: readonly Operand[];
  readonly flags: Flags;
};

type ValueOf<Flag extends FlagSpec> = Flag extends { readonly type: 'boolean' }
  ? boolean
  : Flag extends { readonly multiple: true }
    ? readonly string[]
    : Flag extends { readonly default: string } | { readonly isRequired: true }
      ? TextOf<Flag>
      : TextOf<Flag> | undefined;

type TextOf<Flag extends FlagSpec> = Flag extends { readonly values: readonly (infer Value)[] }
  ? Value
  : string;

/** A flag's value by its name, with the type that its spec says. */
export type FlagValues<Flags extends FlagSpecs> = {
  readonly [Name in keyof Flags]: ValueOf<Flags[Name]>;
};

export type Words<Flags extends FlagSpecs> = {
  readonly flags: FlagValues<Flags>;
  readonly operands: readonly string[];
};

/** `isthmus register NAME IP PORT[:NAME]... [flags]`: required flags are spelled out. */
export function usageLine({ name, operands, flags }: Syntax): string {
  const required = Object.entries(flags).filter(([, flag]) => flag.isRequired);
  const words = [
    ...operands.map(usageOfOperand),
    ...required.map(([flagName, flag]) => `--${flagName} ${placeholder(flag)}`),
    ...(Object.keys(flags).length > required.length ? ['[flags]'] : []),
  ];
  return ['isthmus', name, ...words].join(' ');
}

function usageOfOperand({ name, isOptional, isMany }: Operand): string {
  const word = isMany ? `${name}...` : name;
  return isOptional ? `[${word}]` : word;
}

/** What stands for a flag's value: its own word, or the values to choose from. */
export function placeholder({ value, values }: FlagSpec): string {
  return value ?? values?.join('|') ?? 'VALUE';
}

/**
 * The values of flags and operands, checked as far as data can say it.
 *
 * @throws OperatorError USAGE
 */
export function parseWords<const Flags extends FlagSpecs>(
  syntax: Syntax<Flags>,
  argv: readonly string[],
): Words<Flags> {
  const usage = `${usageLine(syntax)}; all of it: isthmus ${syntax.name} --help`;
  const options = Object.fromEntries(
    Object.entries<FlagSpec>(syntax.flags).map(([name, flag]) => [name, parseArgsOption(flag)]),
  );
  const { values, positionals } = readFlags(argv, { options, usage, allowPositionals: true });
  checkOperands(syntax, positionals, usage);
  const given = Object.entries<FlagSpec>(syntax.flags).map(([name, flag]) => {
    const value = values[name] ?? absentValue(flag);
    checkFlag({ name, flag, value, usage });
    return [name, value] as const;
  });
  const flags: Readonly<Record<string, unknown>> = Object.fromEntries(given);
  assert(isComplete(flags, syntax.flags), 'parseArgs gives every flag a value of its type');
  return { flags, operands: positionals };
}

/** Is there a value for each flag, of the type that its spec says? */
function isComplete<Flags extends FlagSpecs>(
  values: Readonly<Record<string, unknown>>,
  specs: Flags,
): values is FlagValues<Flags> {
  return Object.entries<FlagSpec>(specs).every(([name, { type, multiple, isRequired }]) => {
    const value = values[name];
    if (type === 'boolean') return typeof value === 'boolean';
    if (multiple) return Array.isArray(value);
    return typeof value === 'string' || (value === undefined && !isRequired);
  });
}

type ParseArgsOption = NonNullable<ParseArgsConfig['options']>[string];

function parseArgsOption({ type, short, multiple }: FlagSpec): ParseArgsOption {
  return { type, ...(short && { short }), ...(multiple && { multiple }) };
}

function absentValue({ type, multiple, default: fallback }: FlagSpec) {
  if (type === 'boolean') return false;
  return multiple ? [] : fallback;
}

function checkFlag(given: {
  readonly name: string;
  readonly flag: FlagSpec;
  readonly value: unknown;
  readonly usage: string;
}): void {
  const { name, flag, value, usage } = given;
  if (value === undefined && flag.isRequired) throw usageError(`--${name} is missing`, usage);
  const { values } = flag;
  if (values === undefined || typeof value !== 'string' || values.includes(value)) return;
  throw usageError(`--${name} ${value} is none of ${values.join(', ')}`, usage);
}

function checkOperands({ operands }: Syntax, words: readonly string[], usage: string): void {
  const missing = operands.find(({ isOptional }, index) => !isOptional && index >= words.length);
  if (missing) throw usageError(`${missing.name} is missing`, usage);
  const isOpen = operands.at(-1)?.isMany === true;
  const surplus = words[operands.length];
  if (!isOpen && surplus !== undefined)
    throw usageError(`"${surplus}" is one word too many`, usage);
  for (const [index, { name, values }] of operands.entries()) {
    const word = words[index];
    if (values === undefined || word === undefined || values.includes(word)) continue;
    throw usageError(`${name} ${word} is none of ${values.join(', ')}`, usage);
  }
}
