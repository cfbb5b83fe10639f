// The find language: `kind=vm and (tcp > 1kB/s or denied > 0)`, `!mtls`, `cert < 24h`. Words without
// an operator are flags (`mtls`) or part of a name. Pure; errors carry the place that they are at.
import { FIELDS, isField, type FieldName } from './fields.ts';
import { lex, type Token } from './lex.ts';

export type Operator = '=' | '!=' | '>' | '>=' | '<' | '<=' | '*=' | '^=' | '$=';

export type Expression =
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'not'; readonly inner: Expression }
  | { readonly kind: 'flag'; readonly field: FieldName }
  /** A bare word: part of a name. */
  | { readonly kind: 'word'; readonly text: string }
  | {
      readonly kind: 'compare';
      readonly field: FieldName;
      readonly operator: Operator;
      readonly text: string;
      /** Of a numeric field, in its base unit. */
      readonly number: number | undefined;
    };

export type FindError = { readonly start: number; readonly end: number; readonly message: string };

export type Parsed =
  /** Null: nothing was asked for. */
  | { readonly isValid: true; readonly expression: Expression | null }
  | { readonly isValid: false; readonly error: FindError };

/** Deeper nesting is no question anybody asks. */
const DEPTH_MAX = 32;

class Failure extends Error {
  readonly at: FindError;

  constructor(token: { readonly start: number; readonly end: number }, message: string) {
    super(message);
    this.at = { start: token.start, end: Math.max(token.end, token.start + 1), message };
  }
}

export function parseFind(text: string): Parsed {
  try {
    const expression = new Parser(lex(text), text.length).whole();
    return { isValid: true, expression };
  } catch (error) {
    if (error instanceof Failure) return { isValid: false, error: error.at };
    throw error;
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #end: Token;
  #index = 0;
  #depth = 0;

  constructor(tokens: readonly Token[], length: number) {
    this.#tokens = tokens;
    this.#end = { kind: 'end', text: '', start: length, end: length };
  }

  whole(): Expression | null {
    if (this.#tokens.length === 0) return null;
    const expression = this.#or();
    const rest = this.#peek();
    if (rest.kind !== 'end') throw new Failure(rest, `“${rest.text}” is not expected here`);
    return expression;
  }

  #peek(): Token {
    return this.#tokens[this.#index] ?? this.#end;
  }

  #next(): Token {
    const token = this.#peek();
    this.#index += 1;
    return token;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#peek().kind === 'or') {
      this.#next();
      left = { kind: 'or', left, right: this.#and() };
    }
    return left;
  }

  /** Terms side by side are meant together: `vm postgres`. */
  #and(): Expression {
    let left = this.#not();
    for (;;) {
      const { kind } = this.#peek();
      if (kind === 'end' || kind === 'or' || kind === 'close') return left;
      if (kind === 'and') this.#next();
      left = { kind: 'and', left, right: this.#not() };
    }
  }

  #not(): Expression {
    const token = this.#peek();
    if (token.kind !== 'not') return this.#term();
    this.#next();
    return this.#nested(token, () => ({ kind: 'not', inner: this.#not() }));
  }

  #nested<T>(token: Token, work: () => T): T {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw new Failure(token, 'this is nested too deeply');
    const result = work();
    this.#depth -= 1;
    return result;
  }

  #term(): Expression {
    const token = this.#next();
    if (token.kind === 'open') {
      const inner = this.#nested(token, () => this.#or());
      const close = this.#next();
      if (close.kind !== 'close') throw new Failure(close, 'a closing parenthesis is missing');
      return inner;
    }
    if (token.kind === 'end') throw new Failure(token, 'something is missing at the end');
    if (token.kind !== 'word') throw new Failure(token, `“${token.text}” is not expected here`);
    if (this.#peek().kind === 'operator') return this.#comparison(token);
    const name = token.text.toLowerCase();
    if (!token.isQuoted && isField(name) && FIELDS[name].type === 'flag') {
      return { kind: 'flag', field: name };
    }
    return { kind: 'word', text: token.text.toLowerCase() };
  }

  #comparison(name: Token): Expression {
    const operator = this.#next();
    const field = name.text.toLowerCase();
    if (!isField(field)) throw new Failure(name, `there is no “${name.text}” to look at`);
    const value = this.#next();
    if (value.kind !== 'word')
      throw new Failure(value, `a value is missing after ${operator.text}`);
    const { type } = FIELDS[field];
    const number = type === 'text' || type === 'flag' ? undefined : numberOf(value.text, type);
    if (Number.isNaN(number)) throw new Failure(value, `“${value.text}” is no ${NOUNS[type]}`);
    const isOrder = /^[<>]/.test(operator.text);
    if (isOrder && number === undefined) {
      throw new Failure(operator, `${field} cannot be more or less: use = or *=`);
    }
    if (number !== undefined && /^[*^$]=/.test(operator.text)) {
      throw new Failure(operator, `${field} is a number: use = < or >`);
    }
    const text = value.text.toLowerCase();
    return { kind: 'compare', field, operator: operator.text as Operator, text, number };
  }
}

const NOUNS = {
  text: 'text',
  flag: 'yes or no',
  number: 'number',
  rate: 'rate, as in 1kB/s',
  duration: 'time, as in 10m',
  share: 'share, as in 1%',
} as const;

const UNITS = {
  number: { '': 1, k: 1e3, m: 1e6, '/s': 1, '%': 0.01 },
  rate: { '': 1, b: 1, k: 1e3, kb: 1e3, m: 1e6, mb: 1e6, g: 1e9, gb: 1e9 },
  share: { '': 0.01, '%': 0.01 },
  duration: { '': 1, ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 },
} as const;

/** In bytes per second, in seconds, or of one; NaN: that is no such number. */
function numberOf(text: string, type: keyof typeof UNITS): number {
  const [, digits = '', unit = ''] = /^([+-]?\d+(?:\.\d+)?)(.*)$/.exec(text) ?? [];
  const lower = unit.toLowerCase();
  const plain = type === 'rate' ? lower.replace(/(\/s|ps)$/, '') : lower;
  const units: Readonly<Record<string, number>> = UNITS[type];
  return digits === '' || !Object.hasOwn(units, plain)
    ? Number.NaN
    : Number(digits) * (units[plain] ?? Number.NaN);
}
