// Computing an expression's value.
import { callFunction } from './functions.ts';
import type { Expression } from '#base/cel/parser.ts';
import { CelError, compare, isEqual, isList, isMap, isNumber, typeOf } from './values.ts';
import type { CelValue } from './values.ts';

export type Variables = ReadonlyMap<string, CelValue>;

/** One object may cost so many steps; nested loops reach it before they can hurt. */
const STEPS_MAX = 2_000_000;

/** Counts the steps of all rules of one object. */
export class Budget {
  #left = STEPS_MAX;

  /** @throws CelError when it is used up */
  spend(): void {
    this.#left -= 1;
    if (this.#left < 0) throw new CelError('validation rules cost too much for this object');
  }
}

/** @throws CelError */
export function evaluate(expression: Expression, variables: Variables, budget: Budget): CelValue {
  budget.spend();
  const value = (inner: Expression) => evaluate(inner, variables, budget);
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'variable':
      return variableOf(expression.name, variables);
    case 'field':
      return fieldOf(value(expression.of), expression.name);
    case 'has':
      return hasField(value(expression.of), expression.name);
    case 'index':
      return itemOf(value(expression.of), value(expression.at));
    case 'not':
      return !truth(value(expression.of));
    case 'negative':
      return negative(value(expression.of));
    case 'choice':
      return truth(value(expression.test)) ? value(expression.yes) : value(expression.no);
    case 'list':
      return expression.items.map(value);
    case 'map':
      return new Map(expression.entries.map(([key, inner]) => [keyOf(value(key)), value(inner)]));
    case 'binary':
      return binary(expression, value);
    case 'call': {
      const of = expression.of && value(expression.of);
      const args = expression.args.map(value);
      return callFunction(expression.name, of === undefined ? args : [of, ...args]);
    }
    default:
      return macro(expression, variables, budget);
  }
}

function variableOf(name: string, variables: Variables): CelValue {
  const found = variables.get(name);
  if (found === undefined) throw new CelError(`undeclared reference to '${name}'`);
  return found;
}

/** Field names that are no CEL identifiers are written in an escaped form. */
const ESCAPES: readonly (readonly [string, string])[] = [
  ['__underscores__', '__'],
  ['__dot__', '.'],
  ['__dash__', '-'],
  ['__slash__', '/'],
];

function plainName(name: string): string {
  const keyword = /^__([a-z]+)__$/.exec(name);
  if (keyword && !ESCAPES.some(([escaped]) => escaped === name)) return keyword[1] ?? name;
  return ESCAPES.reduce((text, [escaped, plain]) => text.replaceAll(escaped, plain), name);
}

function fieldOf(value: CelValue, name: string): CelValue {
  const found = isMap(value) ? value.get(plainName(name)) : undefined;
  if (found === undefined) throw new CelError(`no such key: ${name}`);
  return found;
}

function hasField(value: CelValue, name: string): boolean {
  if (!isMap(value)) throw new CelError(`no such overload: has() on ${typeOf(value)}`);
  return value.has(plainName(name));
}

function itemOf(value: CelValue, at: CelValue): CelValue {
  if (isMap(value)) {
    const found = value.get(keyOf(at));
    if (found === undefined) throw new CelError(`no such key: ${String(keyOf(at))}`);
    return found;
  }
  if (!isList(value) || !isNumber(at)) throw new CelError(`no such overload: ${typeOf(value)}[]`);
  const found = value[Number(at)];
  if (found === undefined) throw new CelError(`index out of bounds: ${at}`);
  return found;
}

function keyOf(value: CelValue): string | bigint | boolean {
  if (typeof value === 'string' || typeof value === 'bigint' || typeof value === 'boolean') {
    return value;
  }
  throw new CelError(`unsupported key type: ${typeOf(value)}`);
}

function truth(value: CelValue): boolean {
  if (typeof value !== 'boolean') throw new CelError(`no such overload: ${typeOf(value)} as bool`);
  return value;
}

function negative(value: CelValue): CelValue {
  if (!isNumber(value)) throw new CelError(`no such overload: -${typeOf(value)}`);
  return -value;
}

type Binary = Extract<Expression, { kind: 'binary' }>;

function binary({ operator, a, b }: Binary, value: (inner: Expression) => CelValue): CelValue {
  switch (operator) {
    case '&&':
      return settle(
        () => truth(value(a)),
        () => truth(value(b)),
        false,
      );
    case '||':
      return settle(
        () => truth(value(a)),
        () => truth(value(b)),
        true,
      );
    case '==':
      return isEqual(value(a), value(b));
    case '!=':
      return !isEqual(value(a), value(b));
    case '<':
      return compare(value(a), value(b)) < 0;
    case '<=':
      return compare(value(a), value(b)) <= 0;
    case '>':
      return compare(value(a), value(b)) > 0;
    case '>=':
      return compare(value(a), value(b)) >= 0;
    case 'in':
      return contains(value(b), value(a));
    default:
      return arithmetic(operator, value(a), value(b));
  }
}

/** Either side may decide, even when the other fails: `false && error` is false, both ways. */
function settle(first: () => boolean, second: () => boolean, decisive: boolean): boolean {
  let failure: CelError | undefined;
  try {
    if (first() === decisive) return decisive;
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
    failure = error;
  }
  const other = second();
  if (failure && other !== decisive) throw failure;
  return other;
}

function contains(container: CelValue, item: CelValue): boolean {
  if (isList(container)) return container.some((one) => isEqual(one, item));
  if (isMap(container)) return container.has(keyOf(item));
  throw new CelError(`no such overload: in ${typeOf(container)}`);
}

function arithmetic(operator: string, a: CelValue, b: CelValue): CelValue {
  if (operator === '+') {
    if (typeof a === 'string' && typeof b === 'string') return a + b;
    if (isList(a) && isList(b)) return [...a, ...b];
  }
  if (typeof a === 'bigint' && typeof b === 'bigint') return integer(operator, a, b);
  if (typeof a === 'number' && typeof b === 'number') return double(operator, a, b);
  throw new CelError(`no such overload: ${typeOf(a)} ${operator} ${typeOf(b)}`);
}

function integer(operator: string, a: bigint, b: bigint): bigint {
  if ((operator === '/' || operator === '%') && b === 0n) throw new CelError('division by zero');
  const result = { '+': () => a + b, '-': () => a - b, '*': () => a * b, '/': () => a / b }[
    operator
  ];
  const value = result ? result() : a % b;
  if (BigInt.asIntN(64, value) !== value) throw new CelError('integer overflow');
  return value;
}

function double(operator: string, a: number, b: number): number {
  const result = { '+': a + b, '-': a - b, '*': a * b, '/': a / b }[operator];
  if (result === undefined) throw new CelError(`no such overload: double ${operator} double`);
  return result;
}

type Macro = Extract<Expression, { kind: 'macro' }>;

function macro(expression: Macro, variables: Variables, budget: Budget): CelValue {
  const range = evaluate(expression.of, variables, budget);
  const items = isMap(range) ? [...range.keys()] : isList(range) ? range : undefined;
  if (!items) throw new CelError(`no such overload: ${typeOf(range)}.${expression.name}()`);
  const [test, result = test] = expression.body;
  if (!test || !result) return false;
  const within = (inner: Expression, item: CelValue) =>
    evaluate(inner, new Map([...variables, [expression.variable, item]]), budget);
  const holds = (item: CelValue) => truth(within(test, item));
  switch (expression.name) {
    case 'all':
      return items.reduce<boolean>(
        (all, item) =>
          settle(
            () => all,
            () => holds(item),
            false,
          ),
        true,
      );
    case 'exists':
      return items.reduce<boolean>(
        (any, item) =>
          settle(
            () => any,
            () => holds(item),
            true,
          ),
        false,
      );
    case 'exists_one':
      return items.filter(holds).length === 1;
    case 'filter':
      return items.filter(holds);
    default:
      return (expression.body.length === 2 ? items.filter(holds) : items).map((item) =>
        within(result, item),
      );
  }
}
