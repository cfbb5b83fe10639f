// Words of the Common Expression Language (https://github.com/google/cel-spec, langdef.md).

export type Token =
  | { readonly kind: 'identifier' | 'operator'; readonly text: string; readonly at: number }
  | { readonly kind: 'literal'; readonly value: Literal; readonly at: number }
  | { readonly kind: 'end'; readonly at: number };

export type Literal = null | boolean | bigint | number | string;

/** The expression is not CEL, or uses a part of it that is not known here. */
export class CelSyntaxError extends Error {}

const SPACE = /[ \t\n\r\f]+|\/\/[^\n]*/y;
const NUMBER = /0x[0-9a-fA-F]+u?|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?u?|\.\d+/y;
const IDENTIFIER = /[_a-zA-Z]\w*/y;
const OPERATOR = /&&|\|\||[<>=!]=|[-+*/%<>!?:.,()[\]{}]/y;
const LONG_STRING = /"""((?:[^\\]|\\.)*?)"""|'{3}((?:[^\\]|\\.)*?)'{3}/y;
const STRING = /"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'/y;
const RAW_STRING = /[rR](?:"""([^]*?)"""|'''([^]*?)'''|"([^"\n]*)"|'([^'\n]*)')/y;
const TOKENS_MAX = 10_000;

const WORDS: Readonly<Record<string, Literal>> = { true: true, false: false, null: null };

/** @throws CelSyntaxError */
export function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match;
  };
  while (at < text.length) {
    if (tokens.length > TOKENS_MAX) throw new CelSyntaxError('the expression is too long');
    if (take(SPACE)) continue;
    const start = at;
    const raw = take(RAW_STRING);
    const string = raw ?? take(LONG_STRING) ?? take(STRING);
    const number = string ? null : take(NUMBER);
    const word = string || number ? null : take(IDENTIFIER);
    const operator = string || number || word ? null : take(OPERATOR);
    if (raw) tokens.push({ kind: 'literal', value: quoted(raw), at: start });
    else if (string) tokens.push({ kind: 'literal', value: unescape(quoted(string)), at: start });
    else if (number) tokens.push({ kind: 'literal', value: numberValue(number[0]), at: start });
    else if (word) tokens.push(wordToken(word[0], start));
    else if (operator) tokens.push({ kind: 'operator', text: operator[0], at: start });
    else throw new CelSyntaxError(`unexpected ${JSON.stringify(text[at])} at ${at}`);
  }
  return [...tokens, { kind: 'end', at }];
}

function wordToken(text: string, at: number): Token {
  const literal = Object.hasOwn(WORDS, text) ? WORDS[text] : undefined;
  return literal === undefined
    ? { kind: 'identifier', text, at }
    : { kind: 'literal', value: literal, at };
}

function numberValue(text: string): bigint | number {
  const digits = text.replace(/u$/, '');
  return /^(?:0x[0-9a-fA-F]+|\d+)$/.test(digits) ? BigInt(digits) : Number(digits);
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\u0007',
  b: '\b',
  f: '\f',
  v: '\v',
  '\\': '\\',
  '?': '?',
  '"': '"',
  "'": "'",
  '`': '`',
};
const CODE_POINT_MAX = 0x10_ff_ff;

/** What is between the quotes. */
function quoted([, ...inside]: RegExpExecArray): string {
  return inside.find((text: string | undefined) => text !== undefined) ?? '';
}

function unescape(text: string): string {
  return text.replaceAll(
    /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-3][0-7]{2})|([^]))/g,
    (whole: string, ...groups: readonly (string | undefined)[]) => {
      const [short, long, byte, octal, plain = ''] = groups;
      const hexadecimal = short ?? long ?? byte;
      if (hexadecimal !== undefined) return character(Number.parseInt(hexadecimal, 16), whole);
      if (octal !== undefined) return character(Number.parseInt(octal, 8), whole);
      const found = Object.hasOwn(ESCAPES, plain) ? ESCAPES[plain] : undefined;
      if (found === undefined) throw new CelSyntaxError(`unknown escape ${whole}`);
      return found;
    },
  );
}

function character(code: number, whole: string): string {
  if (code > CODE_POINT_MAX) throw new CelSyntaxError(`unknown escape ${whole}`);
  return String.fromCodePoint(code);
}
