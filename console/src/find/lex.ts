// Cuts a find expression into words and signs. Never fails: what it does not know becomes a word.

export type Token = {
  readonly kind: 'word' | 'operator' | 'and' | 'or' | 'not' | 'open' | 'close' | 'end';
  /** Of a quoted word without its quotes; of an operator its sign. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly isQuoted?: boolean;
};

const SIGNS: readonly (readonly [RegExp, Token['kind']])[] = [
  [/^(&&|&)/, 'and'],
  [/^(\|\||\|)/, 'or'],
  [/^\(/, 'open'],
  [/^\)/, 'close'],
  [/^(!=|>=|<=|\*=|\^=|\$=|=|>|<)/, 'operator'],
  [/^!/, 'not'],
];

const WORDS: Readonly<Record<string, Pick<Token, 'kind' | 'text'>>> = {
  and: { kind: 'and', text: 'and' },
  or: { kind: 'or', text: 'or' },
  not: { kind: 'not', text: 'not' },
  contains: { kind: 'operator', text: '*=' },
  startswith: { kind: 'operator', text: '^=' },
  endswith: { kind: 'operator', text: '$=' },
};

export function lex(text: string): Token[] {
  const tokens: Token[] = [];
  let start = 0;
  while (start < text.length) {
    const rest = text.slice(start);
    const space = /^\s+/.exec(rest)?.[0].length;
    if (space) start += space;
    else {
      const token = tokenAt(rest, start);
      tokens.push(token);
      start = token.end;
    }
  }
  return tokens;
}

function tokenAt(rest: string, start: number): Token {
  const quoted = /^"([^"]*)"?|^'([^']*)'?/.exec(rest);
  if (quoted) {
    const text = quoted[1] ?? quoted[2] ?? '';
    return { kind: 'word', text, start, end: start + quoted[0].length, isQuoted: true };
  }
  for (const [pattern, kind] of SIGNS) {
    const sign = pattern.exec(rest)?.[0];
    if (sign) return { kind, text: sign, start, end: start + sign.length };
  }
  const text = /^[^\s()&|!=<>*^$"']+/.exec(rest)?.[0] ?? rest.slice(0, 1);
  const word = Object.hasOwn(WORDS, text.toLowerCase()) ? WORDS[text.toLowerCase()] : undefined;
  return { kind: 'word', text, ...word, start, end: start + text.length };
}
