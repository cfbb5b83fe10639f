// The validation rules of a schema (x-kubernetes-validations): read once, then applied to objects.
import { fieldOf, itemOf, keyOf } from '../field-path.ts';
import type { Json } from '../object.ts';
import { isJsonList, isJsonObject } from '../object.ts';
import type { Schema, ValidationRule } from '../schema/schema.ts';
import type { Violation, ViolationReason } from '../violation.ts';
import { invalid } from '../violation.ts';
import { Budget, evaluate } from './evaluate.ts';
import { isKnownFunction } from './functions.ts';
import { CelSyntaxError } from './lexer.ts';
import { parseExpression } from './parser.ts';
import type { Expression } from './parser.ts';
import { CelError, toCel } from './values.ts';
import type { CelValue } from './values.ts';

/** Expressions by their text: the same few are in every version of every kind. */
const parsed = new Map<string, Expression>();
const PARSED_MAX = 5_000;

function expressionOf(text: string): Expression {
  const known = parsed.get(text);
  if (known) return known;
  const expression = parseExpression(text);
  if (parsed.size >= PARSED_MAX) parsed.clear();
  parsed.set(text, expression);
  return expression;
}

/** @returns why the rule cannot be served, or undefined */
export function ruleProblem({ rule, messageExpression }: ValidationRule): string | undefined {
  if (rule.trim() === '') return 'rule is not specified';
  for (const text of [rule, ...(messageExpression === undefined ? [] : [messageExpression])]) {
    try {
      const problem = unknownName(expressionOf(text), new Set(['self']));
      if (problem !== undefined) return `compilation failed: ${problem}`;
    } catch (error) {
      if (error instanceof CelSyntaxError) return `compilation failed: ${error.message}`;
      throw error;
    }
  }
  return undefined;
}

/** A variable or function that is not there: found when the rule is read, not when it is needed. */
function unknownName(expression: Expression, known: ReadonlySet<string>): string | undefined {
  if (expression.kind === 'variable') {
    if (known.has(expression.name)) return undefined;
    if (expression.name === 'oldSelf') {
      return 'rules on oldSelf are not supported by this API server';
    }
    return `undeclared reference to '${expression.name}'`;
  }
  if (expression.kind === 'call' && !isKnownFunction(expression.name)) {
    return `undeclared reference to '${expression.name}' (a function)`;
  }
  const within = expression.kind === 'macro' ? new Set([...known, expression.variable]) : known;
  const own = expression.kind === 'macro' ? unknownName(expression.of, known) : undefined;
  if (own !== undefined) return own;
  for (const child of childrenOf(expression)) {
    const problem = unknownName(child, within);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function childrenOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'literal':
    case 'variable':
      return [];
    case 'index':
      return [expression.of, expression.at];
    case 'binary':
      return [expression.a, expression.b];
    case 'choice':
      return [expression.test, expression.yes, expression.no];
    case 'list':
      return expression.items;
    case 'map':
      return expression.entries.flat();
    case 'call':
      return expression.of ? [expression.of, ...expression.args] : expression.args;
    case 'macro':
      return expression.body;
    default:
      return [expression.of];
  }
}

const VIOLATIONS_MAX = 100;

/** @param value valid against the schema otherwise */
export function validateRules(schema: Schema, value: Json): readonly Violation[] {
  const found: Violation[] = [];
  collect(schema, value, { path: '', found, budget: new Budget() });
  return found;
}

/** Does the schema, or anything in it, have a rule? */
export function hasRules(schema: Schema): boolean {
  if (schema.rules) return true;
  const children = [
    ...(schema.fields?.values() ?? []),
    ...(schema.values ? [schema.values] : []),
    ...(schema.items ? [schema.items] : []),
  ];
  return children.some((child) => child.typeName === undefined && hasRules(child));
}

type Walk = {
  readonly path: string;
  readonly found: Violation[];
  readonly budget: Budget;
};

function collect(schema: Schema, value: Json, walk: Walk): void {
  if (walk.found.length >= VIOLATIONS_MAX || value === null) return;
  if (schema.rules) applyRules(schema, schema.rules, value, walk);
  const { path } = walk;
  const { items } = schema;
  if (isJsonList(value) && items) {
    value.forEach((item, index) => collect(items, item, { ...walk, path: itemOf(path, index) }));
  }
  if (!isJsonObject(value)) return;
  for (const [name, inner] of Object.entries(value)) {
    const field = schema.fields?.get(name);
    const known = field ?? schema.values;
    if (!known || inner === undefined) continue;
    collect(known, inner, { ...walk, path: field ? fieldOf(path, name) : keyOf(path, name) });
  }
}

function applyRules(
  schema: Schema,
  rules: readonly ValidationRule[],
  value: Json,
  walk: Walk,
): void {
  const self = toCel(value, schema);
  for (const rule of rules) {
    const violation = applyRule(rule, { self, value, walk });
    if (violation) walk.found.push(violation);
  }
}

type Subject = { readonly self: CelValue; readonly value: Json; readonly walk: Walk };

function applyRule(rule: ValidationRule, { self, value, walk }: Subject): Violation | undefined {
  const variables = new Map([['self', self]]);
  const shown = isJsonObject(value) ? 'object' : isJsonList(value) ? 'array' : value;
  try {
    if (evaluate(expressionOf(rule.rule), variables, walk.budget) === true) return undefined;
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
    const message = rule.message ?? rule.rule;
    const kind = typeof shown === 'string' && shown !== value ? shown : typeof value;
    return invalid(walk.path, kind, `${error.message} evaluating rule: ${message}`);
  }
  const field = rule.fieldPath === undefined ? walk.path : `${walk.path}${rule.fieldPath}`;
  const violation = invalid(field, shown, messageOf(rule, variables, walk.budget));
  const reason = REASONS.find((one) => one === rule.reason);
  return reason === undefined ? violation : { ...violation, reason };
}

const REASONS: readonly ViolationReason[] = [
  'FieldValueInvalid',
  'FieldValueForbidden',
  'FieldValueRequired',
  'FieldValueDuplicate',
];

function messageOf(
  { rule, message, messageExpression }: ValidationRule,
  variables: ReadonlyMap<string, CelValue>,
  budget: Budget,
): string {
  const fallback = message ?? `failed rule: ${rule.trim()}`;
  if (messageExpression === undefined) return fallback;
  try {
    const text = evaluate(expressionOf(messageExpression), variables, budget);
    return typeof text === 'string' && text.trim() !== '' ? text.trim() : fallback;
  } catch (error) {
    if (error instanceof CelError) return fallback;
    throw error;
  }
}

/** Said beside other violations, when rules were not looked at because of them. */
export const RULES_NOT_CHECKED: Violation = invalid(
  '<nil>',
  null,
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
);
