// Is a text a format of Envoy's access logs? Envoy refuses a listener with one that is none, and
// with it every later change of that listener; so it must not get that far.
// https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/advanced/substitution_formatter
import { LOG_OPERATORS } from './log-operators.ts';

/** `%NAME%`, `%NAME(what)%`, either with a length; `%%` is a percent sign. */
const OPERATOR = /%%|%([A-Z0-9_]+)(?:\((.*?)\))?(?::(\d+))?%/y;

/** Nobody writes a longer one, and looking for the ends of brackets takes its square. */
const LENGTH_MAX = 16_384;
/** As much of a text as a message repeats. */
const QUOTE_LENGTH_MAX = 40;

export const isLogFormat = (text: string): boolean => logFormatProblem(text) === undefined;

/** Why Envoy would not take the text; undefined when it would. */
export function logFormatProblem(text: string): string | undefined {
  if (text.length > LENGTH_MAX) return `longer than ${LENGTH_MAX} characters`;
  let at = text.indexOf('%');
  while (at >= 0) {
    OPERATOR.lastIndex = at;
    const match = OPERATOR.exec(text);
    if (match === null) {
      return `${JSON.stringify(text.slice(at, at + QUOTE_LENGTH_MAX))} is no operator`;
    }
    const [, name, argument = '', length] = match;
    const problem = name === undefined ? undefined : operatorProblem({ name, argument, length });
    if (problem !== undefined) return problem;
    at = text.indexOf('%', OPERATOR.lastIndex);
  }
  return undefined;
}

function operatorProblem({
  name,
  argument,
  length,
}: {
  readonly name: string;
  readonly argument: string;
  readonly length: string | undefined;
}): string | undefined {
  const operator = LOG_OPERATORS.get(name);
  if (operator === undefined) return `Envoy knows no operator ${name}`;
  if (operator.argument === 'needed' && argument === '') return `${name} needs something in ()`;
  if (operator.argument === 'none' && argument !== '') return `${name} takes nothing in ()`;
  if (length !== undefined && !operator.hasLength) return `${name} takes no length`;
  const problem = argument === '' ? undefined : operator.problem?.(argument);
  return problem && `${name}: ${problem}`;
}
