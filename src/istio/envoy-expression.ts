// Is a text an expression of CEL that Envoy takes in access logs? It plans an expression when it
// reads a listener, and refuses the whole listener, and with it every later change of it, for one
// that it cannot: so such a one must not pass here. What is refused here and Envoy would take is
// rare: literals of bytes, a leading dot, `!(-a)`.
//
// Functions, their forms and the limits are what Envoy 1.40 does (test/envoy/log-syntax.test.ts).
// https://github.com/google/cel-spec/blob/master/doc/langdef.md
import { CelSyntaxError, tokenize } from '#base/cel/lexer.ts';
import { parseExpression } from '#base/cel/parser.ts';
import type { Expression } from '#base/cel/parser.ts';
import { childrenOf } from '#base/cel/tree.ts';
import { isRe2 } from './re2.ts';

/** A longer one is no filter that anybody wrote. */
const LENGTH_MAX = 4096;
/** Envoy's limit of brackets in brackets, and of the tree, is 32; ours counts a little otherwise. */
const DEPTH_MAX = 30;
const INTEGER_MAX = 2n ** 63n - 1n;

/** How many arguments a function takes: called as it is, and after a dot. */
type Arity = { readonly plain?: readonly number[]; readonly method?: readonly number[] };

const CONVERSION: Arity = { plain: [1] };
const ON_TEXT: Arity = { plain: [2], method: [1] };
/** With or without a time zone. */
const OF_TIME: Arity = { method: [0, 1] };

const FUNCTIONS: ReadonlyMap<string, Arity> = new Map<string, Arity>([
  ['size', { plain: [1], method: [0] }],
  ['matches', ON_TEXT],
  ['contains', ON_TEXT],
  ['startsWith', ON_TEXT],
  ['endsWith', ON_TEXT],
  ...['int', 'uint', 'double', 'bytes', 'bool', 'type', 'dyn', 'duration', 'timestamp'].map(
    (name) => [name, CONVERSION] as const,
  ),
  ...['FullYear', 'Month', 'Date', 'DayOfMonth', 'DayOfWeek', 'DayOfYear'].map(
    (name) => [`get${name}`, OF_TIME] as const,
  ),
  ...['Hours', 'Minutes', 'Seconds', 'Milliseconds'].map(
    (name) => [`get${name}`, OF_TIME] as const,
  ),
  ['re.extract', { plain: [3] }],
  ['re.capture', { plain: [2] }],
  ['re.captureN', { plain: [2] }],
]);

/** Functions with a name of two parts, the first of which is no variable. */
const PACKAGE = 're';

const RESERVED = new Set(
  (
    'as break const continue else for function if import in let loop package namespace return ' +
    'var void while'
  ).split(' '),
);

/** Why Envoy would not take the text; undefined when it would. */
export function expressionProblem(text: string): string | undefined {
  if (text.length > LENGTH_MAX) return `longer than ${LENGTH_MAX} characters`;
  try {
    return tokenProblem(text) ?? treeProblem(parseExpression(text), 1);
  } catch (error) {
    if (error instanceof CelSyntaxError) return error.message;
    throw error;
  }
}

function tokenProblem(text: string): string | undefined {
  let depth = 0;
  let before = '';
  for (const token of tokenize(text)) {
    const operator = token.kind === 'operator' ? token.text : '';
    if (operator === ')' && before === ',') return 'a comma before a closing bracket';
    if (operator !== '' && '([{'.includes(operator)) depth += 1;
    if (operator !== '' && ')]}'.includes(operator)) depth -= 1;
    if (depth > DEPTH_MAX) return `more than ${DEPTH_MAX} brackets in one another`;
    if (token.kind === 'literal' && typeof token.value === 'bigint' && token.value > INTEGER_MAX) {
      return `${token.value} is no integer of 64 bits`;
    }
    before = operator;
  }
  return undefined;
}

function treeProblem(expression: Expression, depth: number): string | undefined {
  if (depth > DEPTH_MAX) return `more than ${DEPTH_MAX} levels`;
  const problem = ownProblem(expression);
  if (problem !== undefined) return problem;
  for (const [child, levels] of below(expression)) {
    const inner = treeProblem(child, depth + levels);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** Envoy balances chains of `&&` and `||`, and takes a chain of `!` for one or none. */
function below(expression: Expression): readonly (readonly [Expression, number])[] {
  if (expression.kind === 'binary' && /^(?:&&|\|\|)$/.test(expression.operator)) {
    const links = chain(expression, expression.operator);
    const levels = Math.ceil(Math.log2(links.length));
    return links.map((link) => [link, levels]);
  }
  const levels = expression.kind === 'not' ? 0 : 1;
  return childrenOf(expression).map((child) => [child, levels]);
}

function chain(expression: Expression, operator: string): readonly Expression[] {
  const links: Expression[] = [];
  let rest = expression;
  while (rest.kind === 'binary' && rest.operator === operator) {
    links.push(rest.b);
    rest = rest.a;
  }
  return [...links, rest];
}

function ownProblem(expression: Expression): string | undefined {
  switch (expression.kind) {
    case 'literal':
      return typeof expression.value === 'string' && !expression.value.isWellFormed()
        ? 'a text with half a character'
        : undefined;
    case 'variable':
      return RESERVED.has(expression.name) ? `${expression.name} is a reserved word` : undefined;
    case 'field':
    case 'has':
      return expression.name === 'in' ? 'in is no name of a field' : undefined;
    case 'not':
    case 'negative': {
      const { kind, of } = expression;
      const isMixed = (of.kind === 'not' || of.kind === 'negative') && of.kind !== kind;
      return isMixed ? '! and - side by side' : undefined;
    }
    case 'macro':
      return `Envoy takes no ${expression.name}() here`;
    case 'call':
      return callProblem(expression);
    default:
      return undefined;
  }
}

function callProblem(call: Expression & { readonly kind: 'call' }): string | undefined {
  const { of, args } = call;
  const isPackaged = of?.kind === 'variable' && of.name === PACKAGE;
  const name = isPackaged ? `${PACKAGE}.${call.name}` : call.name;
  const form = isPackaged || of === undefined ? 'plain' : 'method';
  if (FUNCTIONS.get(name)?.[form]?.includes(args.length) !== true) {
    return `Envoy has no ${form === 'method' ? '.' : ''}${name}() of ${args.length} arguments`;
  }
  const pattern = name === 'matches' ? args.at(-1) : undefined;
  const isBad =
    pattern?.kind === 'literal' && typeof pattern.value === 'string' && !isRe2(pattern.value);
  return isBad ? `${JSON.stringify(pattern.value)} is no regular expression of RE2` : undefined;
}
