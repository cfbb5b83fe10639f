// From the words of an expression to its tree.
import { CelSyntaxError, tokenize } from './lexer.ts';
import type { Literal, Token } from './lexer.ts';
import { heightOf } from './tree.ts';

export type Expression =
  | { readonly kind: 'literal'; readonly value: Literal }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'field'; readonly of: Expression; readonly name: string }
  | { readonly kind: 'index'; readonly of: Expression; readonly at: Expression }
  | { readonly kind: 'has'; readonly of: Expression; readonly name: string }
  | { readonly kind: 'not' | 'negative'; readonly of: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly a: Expression;
      readonly b: Expression;
    }
  | {
      readonly kind: 'choice';
      readonly test: Expression;
      readonly yes: Expression;
      readonly no: Expression;
    }
  | { readonly kind: 'list'; readonly items: readonly Expression[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [Expression, Expression])[] }
  | {
      readonly kind: 'call';
      readonly name: string;
      /** The receiver of `receiver.name(…)`. */
      readonly of: Expression | undefined;
      readonly args: readonly Expression[];
    }
  | {
      readonly kind: 'macro';
      readonly name: string;
      readonly of: Expression;
      readonly variable: string;
      readonly body: readonly Expression[];
    };

/** Loosest first; within a level from left to right. */
const LEVELS: readonly (readonly string[])[] = [
  ['||'],
  ['&&'],
  ['==', '!=', '<', '<=', '>', '>=', 'in'],
  ['+', '-'],
  ['*', '/', '%'],
];
const MACROS = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
/** Of what is nested in brackets, or has that many signs before it. */
const DEPTH_MAX = 200;
/** Of the whole tree, chains of operators included: walking it must fit into the stack. */
const HEIGHT_MAX = 1000;

const tooDeep = (): CelSyntaxError => new CelSyntaxError('the expression is nested too deeply');

/** @throws CelSyntaxError */
export function parseExpression(text: string): Expression {
  const parser = new Parser(tokenize(text));
  const expression = parser.choice();
  parser.requireEnd();
  if (heightOf(expression) > HEIGHT_MAX) throw tooDeep();
  return expression;
}

class Parser {
  readonly #tokens: readonly Token[];
  #position = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  choice(): Expression {
    this.#deepen();
    const test = this.#binary(0);
    let result = test;
    if (this.#takes('?')) {
      const yes = this.#binary(0);
      this.#require(':');
      result = { kind: 'choice', test, yes, no: this.choice() };
    }
    this.#depth -= 1;
    return result;
  }

  #deepen(): void {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) throw tooDeep();
  }

  requireEnd(): void {
    if (this.#current.kind !== 'end') throw this.#unexpected();
  }

  get #current(): Token {
    return this.#tokens[this.#position] ?? { kind: 'end', at: 0 };
  }

  #isAt(text: string): boolean {
    const token = this.#current;
    return (token.kind === 'operator' || token.kind === 'identifier') && token.text === text;
  }

  #takes(text: string): boolean {
    if (!this.#isAt(text)) return false;
    this.#position += 1;
    return true;
  }

  #require(text: string): void {
    if (!this.#takes(text)) throw this.#unexpected(text);
  }

  #unexpected(wanted?: string): CelSyntaxError {
    const { at } = this.#current;
    return new CelSyntaxError(
      wanted === undefined ? `syntax error at ${at}` : `expected '${wanted}' at ${at}`,
    );
  }

  #binary(level: number): Expression {
    const operators = LEVELS[level];
    if (!operators) return this.#unary();
    let a = this.#binary(level + 1);
    for (;;) {
      const operator = operators.find((one) => this.#takes(one));
      if (operator === undefined) return a;
      a = { kind: 'binary', operator, a, b: this.#binary(level + 1) };
    }
  }

  #unary(): Expression {
    const kind = this.#takes('!') ? 'not' : this.#takes('-') ? 'negative' : undefined;
    if (kind === undefined) return this.#member(this.#primary());
    this.#deepen();
    const of = this.#unary();
    this.#depth -= 1;
    return { kind, of };
  }

  #member(start: Expression): Expression {
    let of = start;
    for (;;) {
      if (this.#takes('[')) {
        of = { kind: 'index', of, at: this.choice() };
        this.#require(']');
      } else if (this.#takes('.')) {
        const name = this.#identifier();
        of = this.#isAt('(')
          ? methodCall(of, name, this.#arguments())
          : { kind: 'field', of, name };
      } else {
        return of;
      }
    }
  }

  #identifier(): string {
    const token = this.#current;
    if (token.kind !== 'identifier') throw this.#unexpected('identifier');
    this.#position += 1;
    return token.text;
  }

  #arguments(): readonly Expression[] {
    this.#require('(');
    return this.#sequence(')', () => this.choice());
  }

  #sequence<T>(end: string, item: () => T): readonly T[] {
    const items: T[] = [];
    while (!this.#takes(end)) {
      if (items.length > 0) this.#require(',');
      if (this.#takes(end)) break; // a comma may stand at the end
      items.push(item());
    }
    return items;
  }

  #primary(): Expression {
    const token = this.#current;
    if (token.kind === 'literal') {
      this.#position += 1;
      return { kind: 'literal', value: token.value };
    }
    if (this.#takes('(')) {
      const inner = this.choice();
      this.#require(')');
      return inner;
    }
    if (this.#takes('[')) return { kind: 'list', items: this.#sequence(']', () => this.choice()) };
    if (this.#takes('{')) return { kind: 'map', entries: this.#sequence('}', () => this.#entry()) };
    const name = this.#identifier();
    return this.#isAt('(') ? functionCall(name, this.#arguments()) : { kind: 'variable', name };
  }

  #entry(): readonly [Expression, Expression] {
    const key = this.choice();
    this.#require(':');
    return [key, this.choice()];
  }
}

function functionCall(name: string, args: readonly Expression[]): Expression {
  if (name !== 'has') return { kind: 'call', name, of: undefined, args };
  const [field, ...rest] = args;
  if (field?.kind !== 'field' || rest.length > 0) {
    throw new CelSyntaxError('has() takes one field selection');
  }
  return { kind: 'has', of: field.of, name: field.name };
}

function methodCall(of: Expression, name: string, args: readonly Expression[]): Expression {
  if (!MACROS.has(name)) return { kind: 'call', name, of, args };
  const [variable, ...body] = args;
  const isWhole = body.length === 1 || (name === 'map' && body.length === 2);
  if (variable?.kind !== 'variable' || !isWhole) {
    throw new CelSyntaxError(`${name}() takes a variable and an expression`);
  }
  return { kind: 'macro', name, of, variable: variable.name, body };
}
