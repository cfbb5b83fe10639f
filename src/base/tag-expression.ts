// What a tag of a metric is set to, of each call: the part of CEL that needs no more than an entry
// of the access log has.
// https://istio.io/latest/docs/reference/config/telemetry/#MetricsOverrides-TagOverride
import { CelSyntaxError } from './cel/lexer.ts';
import { parseExpression, type Expression } from './cel/parser.ts';
import { childrenOf, heightOf } from './cel/tree.ts';

/** Envoy's attributes of a call, by name; one that is not there is not known. */
export type TagAttributes = Readonly<Record<string, TagValue>>;
type TagValue = string | number | boolean;

/** Envoy's names (envoyproxy.io: "Attributes") of what the agent is told of a call. */
export const TAG_ATTRIBUTES: ReadonlySet<string> = new Set([
  'request.host',
  'request.method',
  'request.path',
  'request.url_path',
  'request.scheme',
  'request.useragent',
  'response.code',
  'destination.port',
  'connection.mtls',
  'connection.requested_server_name',
]);

/** A longer one is no tag that anybody wrote. */
const LENGTH_MAX = 1024;
const HEIGHT_MAX = 50;
/** Every series keeps it. */
const VALUE_LENGTH_MAX = 200;
const METHODS = new Set(['startsWith', 'endsWith', 'contains']);
const OPERATORS = new Set(['==', '!=', '+', '&&', '||', '<', '<=', '>', '>=']);

/** Istio's word for what an expression has no value for. */
const UNKNOWN = 'unknown';

/** Why a text cannot be worked out here; undefined: it can. */
export function tagExpressionProblem(text: string): string | undefined {
  if (text.length > LENGTH_MAX) return `longer than ${LENGTH_MAX} characters`;
  const parsed = parsedOf(text);
  if (typeof parsed === 'string') return parsed;
  return heightOf(parsed) > HEIGHT_MAX ? 'nested too deeply' : problemOf(parsed);
}

/** @param text without a problem: of another, or where an attribute is missing, it is `unknown` */
export function tagExpression(text: string): (attributes: TagAttributes) => string {
  const parsed = tagExpressionProblem(text) === undefined ? parsedOf(text) : UNKNOWN;
  if (typeof parsed === 'string') return () => UNKNOWN;
  return (attributes) => {
    const value = evaluate(parsed, attributes);
    return value === undefined ? UNKNOWN : String(value).slice(0, VALUE_LENGTH_MAX) || UNKNOWN;
  };
}

function parsedOf(text: string): Expression | string {
  try {
    return parseExpression(text);
  } catch (error) {
    if (error instanceof CelSyntaxError) return error.message;
    throw error;
  }
}

function problemOf(expression: Expression): string | undefined {
  const own = ownProblem(expression);
  if (own !== undefined || attributeOf(expression) !== undefined) return own;
  if (expression.kind === 'has') return undefined;
  for (const child of childrenOf(expression)) {
    const problem = problemOf(child);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function ownProblem(expression: Expression): string | undefined {
  const attribute = attributeOf(expression);
  if (attribute !== undefined) {
    return TAG_ATTRIBUTES.has(attribute) ? undefined : `${attribute} is not to be had here`;
  }
  switch (expression.kind) {
    case 'literal':
    case 'choice':
    case 'not':
      return undefined;
    case 'binary':
      return OPERATORS.has(expression.operator) ? undefined : `no ${expression.operator} here`;
    case 'call': {
      const { name, of, args } = expression;
      const isText = name === 'string' && of === undefined && args.length === 1;
      const isMethod = METHODS.has(name) && of !== undefined && args.length === 1;
      return isText || isMethod ? undefined : `no ${name}() here`;
    }
    default:
      return 'only attributes, literals and comparisons are worked out here';
  }
}

/** `request.host`, also as `has(request.host)` asks for it; undefined: it is none. */
function attributeOf(expression: Expression): string | undefined {
  if (expression.kind === 'variable') return expression.name;
  if (expression.kind !== 'field' && expression.kind !== 'has') return undefined;
  const of = attributeOf(expression.of);
  return of === undefined ? undefined : `${of}.${expression.name}`;
}

/** undefined: it has no value, as an attribute is not there or the kinds do not fit. */
function evaluate(expression: Expression, attributes: TagAttributes): TagValue | undefined {
  const valueOf = (one: Expression): TagValue | undefined => evaluate(one, attributes);
  switch (expression.kind) {
    case 'literal': {
      const { value } = expression;
      return value === null ? undefined : typeof value === 'bigint' ? Number(value) : value;
    }
    case 'has':
      return attributes[attributeOf(expression) ?? ''] !== undefined;
    case 'variable':
    case 'field':
      return attributes[attributeOf(expression) ?? ''];
    case 'not': {
      const value = valueOf(expression.of);
      return typeof value === 'boolean' ? !value : undefined;
    }
    case 'choice': {
      const test = valueOf(expression.test);
      return typeof test === 'boolean' ? valueOf(test ? expression.yes : expression.no) : undefined;
    }
    case 'binary':
      return binary(
        expression.operator,
        () => valueOf(expression.a),
        () => valueOf(expression.b),
      );
    case 'call':
      return called(expression, valueOf);
    default:
      return undefined;
  }
}

/** CEL's `&&` and `||` know the answer where one side decides it, whatever becomes of the other. */
function binary(
  operator: string,
  left: () => TagValue | undefined,
  right: () => TagValue | undefined,
): TagValue | undefined {
  const [a, b] = [left(), right()];
  if (operator === '&&') return a === false || b === false ? false : bothTrue(a, b);
  if (operator === '||') return a === true || b === true ? true : bothTrue(a, b);
  if (a === undefined || b === undefined || typeof a !== typeof b) return undefined;
  if (operator === '==') return a === b;
  if (operator === '!=') return a !== b;
  if (typeof a === 'string' && typeof b === 'string' && operator === '+') return a + b;
  if (typeof a === 'number' && typeof b === 'number' && operator === '+') return a + b;
  if (operator === '<') return a < b;
  if (operator === '<=') return a <= b;
  if (operator === '>') return a > b;
  return operator === '>=' ? a >= b : undefined;
}

const bothTrue = (a: TagValue | undefined, b: TagValue | undefined): boolean | undefined =>
  typeof a === 'boolean' && typeof b === 'boolean' ? a && b : undefined;

function called(
  { name, of, args: [arg] }: Expression & { readonly kind: 'call' },
  valueOf: (one: Expression) => TagValue | undefined,
): TagValue | undefined {
  const value = arg && valueOf(arg);
  if (of === undefined) return value === undefined ? undefined : String(value);
  const text = valueOf(of);
  if (typeof text !== 'string' || typeof value !== 'string') return undefined;
  if (name === 'startsWith') return text.startsWith(value);
  return name === 'endsWith' ? text.endsWith(value) : text.includes(value);
}
