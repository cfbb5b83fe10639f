// Whether a workload or an edge is what was asked for. Three answers: what is not known, or is no
// question for this kind of thing, is neither yes nor no, also when it is negated.
import { FIELDS, type EdgeFacts, type FieldValue, type NodeFacts } from './fields.ts';
import type { Expression, Operator } from './parse.ts';

type Answer = boolean | undefined;
type Ask = (field: keyof typeof FIELDS) => FieldValue;

export const matchesNode = (expression: Expression, facts: NodeFacts): boolean =>
  answer(expression, (field) => FIELDS[field].node?.(facts)) === true;

export const matchesEdge = (expression: Expression, facts: EdgeFacts): boolean =>
  answer(expression, (field) => FIELDS[field].edge?.(facts)) === true;

/**
 * A workload with its edges, for lists of workloads: what is asked of edges only is asked of each
 * of its own, and it is so of the workload when it is so of one.
 */
export const matchesWorkload = (
  expression: Expression,
  facts: NodeFacts,
  edges: readonly EdgeFacts[],
): boolean =>
  answer(expression, (field) => {
    const { node, edge } = FIELDS[field];
    if (node || !edge) return node?.(facts);
    const values = edges.map(edge).filter((value) => value !== undefined && value !== null);
    if (values.length === 0) return undefined;
    if (typeof values[0] === 'boolean') return values.includes(true);
    return values.flat().filter((value) => typeof value !== 'boolean');
  }) === true;

function answer(expression: Expression, ask: Ask): Answer {
  switch (expression.kind) {
    case 'and':
      return both(answer(expression.left, ask), answer(expression.right, ask));
    case 'or':
      return either(answer(expression.left, ask), answer(expression.right, ask));
    case 'not': {
      const inner = answer(expression.inner, ask);
      return inner === undefined ? undefined : !inner;
    }
    case 'flag':
      return asFlag(ask(expression.field));
    case 'word':
      return compare(ask('name'), '*=', expression.text, undefined);
    case 'compare':
      return compare(
        ask(expression.field),
        expression.operator,
        expression.text,
        expression.number,
      );
    default:
      return undefined;
  }
}

const both = (left: Answer, right: Answer): Answer => {
  if (left === false || right === false) return false;
  return left === undefined || right === undefined ? undefined : true;
};

const either = (left: Answer, right: Answer): Answer => {
  if (left === true || right === true) return true;
  return left === undefined || right === undefined ? undefined : false;
};

const asFlag = (value: FieldValue): Answer => (typeof value === 'boolean' ? value : undefined);

function compare(
  value: FieldValue,
  operator: Operator,
  text: string,
  number: number | undefined,
): Answer {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) {
    if (operator === '!=') return value.every((one) => compareOne(one, '!=', text, number));
    return value.some((one) => compareOne(one, operator, text, number));
  }
  return compareOne(value as string | number | boolean, operator, text, number);
}

const YES = new Set(['true', 'yes', '1']);

function compareOne(
  value: string | number | boolean,
  operator: Operator,
  text: string,
  number: number | undefined,
): boolean {
  if (typeof value === 'number') return number !== undefined && ordered(value, operator, number);
  const shown = String(value).toLowerCase();
  const wanted = typeof value === 'boolean' ? String(YES.has(text)) : text;
  switch (operator) {
    case '=':
      return shown === wanted;
    case '!=':
      return shown !== wanted;
    case '*=':
      return shown.includes(wanted);
    case '^=':
      return shown.startsWith(wanted);
    case '$=':
      return shown.endsWith(wanted);
    default:
      return false; // the parser lets no text be more or less
  }
}

function ordered(value: number, operator: Operator, wanted: number): boolean {
  switch (operator) {
    case '=':
      return value === wanted;
    case '!=':
      return value !== wanted;
    case '>':
      return value > wanted;
    case '>=':
      return value >= wanted;
    case '<':
      return value < wanted;
    case '<=':
      return value <= wanted;
    default:
      return false; // the parser lets no number begin with something
  }
}
