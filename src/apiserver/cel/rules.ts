// The validation rules of a schema (x-kubernetes-validations): read once, then applied to objects.
import { fieldOf, itemOf, keyOf } from '../field-path.ts';
import { itemStep } from '../managed/field-set.ts';
import type { Json } from '../object.ts';
import { isJsonList, isJsonObject } from '../object.ts';
import type { Schema, ValidationRule } from '../schema/schema.ts';
import type { Violation, ViolationReason } from '../violation.ts';
import { invalid } from '../violation.ts';
import { Budget, evaluate } from './evaluate.ts';
import { isKnownFunction } from './functions.ts';
import { CelSyntaxError } from '#base/cel/lexer.ts';
import { parseExpression } from '#base/cel/parser.ts';
import { childrenOf } from '#base/cel/tree.ts';
import type { Expression } from '#base/cel/parser.ts';
import { CelError, toCel } from './values.ts';
import type { CelValue } from './values.ts';

const SELF = 'self';
const OLD_SELF = 'oldSelf';

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

/** Is it about a change: what was before, beside what is now? */
export function isTransitionRule({ rule }: ValidationRule): boolean {
  return namesOf(expressionOf(rule)).has(OLD_SELF);
}

/**
 * @param isCorrelated is it known, of a value here, which value it was before?
 * @returns why the rule cannot be served, or undefined
 */
export function ruleProblem(
  { rule, messageExpression }: ValidationRule,
  isCorrelated: boolean,
): string | undefined {
  if (rule.trim() === '') return 'rule is not specified';
  const variables = new Set(isCorrelated ? [SELF, OLD_SELF] : [SELF]);
  for (const text of [rule, ...(messageExpression === undefined ? [] : [messageExpression])]) {
    try {
      const problem = unknownName(expressionOf(text), variables);
      if (problem !== undefined) return `compilation failed: ${problem}`;
    } catch (error) {
      if (error instanceof CelSyntaxError) return `compilation failed: ${error.message}`;
      throw error;
    }
  }
  return undefined;
}

/** All variables that an expression names. */
function namesOf(expression: Expression): ReadonlySet<string> {
  if (expression.kind === 'variable') return new Set([expression.name]);
  const own = expression.kind === 'macro' ? [expression.of] : [];
  return new Set([...own, ...childrenOf(expression)].flatMap((child) => [...namesOf(child)]));
}

/** A variable or function that is not there: found when the rule is read, not when it is needed. */
function unknownName(expression: Expression, known: ReadonlySet<string>): string | undefined {
  if (expression.kind === 'variable') {
    if (known.has(expression.name)) return undefined;
    if (expression.name === OLD_SELF) {
      return 'oldSelf cannot be used on the uncorrelatable portion of the schema';
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

const VIOLATIONS_MAX = 100;

/**
 * @param value valid against the schema otherwise
 * @param previous what it is to replace: without it, rules about changes say nothing
 */
export function validateRules(schema: Schema, value: Json, previous?: Json): readonly Violation[] {
  const found: Violation[] = [];
  collect(schema, value, { path: '', previous, found, budget: new Budget() });
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
  /** The value that was here before, as far as that can be told. */
  readonly previous: Json | undefined;
  readonly found: Violation[];
  readonly budget: Budget;
};

function collect(schema: Schema, value: Json, walk: Walk): void {
  if (walk.found.length >= VIOLATIONS_MAX || value === null) return;
  if (schema.rules) applyRules(schema, schema.rules, value, walk);
  const { path } = walk;
  const { items } = schema;
  if (isJsonList(value) && items) {
    value.forEach((item, index) => {
      const previous = previousItem(schema, item, walk.previous);
      collect(items, item, { ...walk, path: itemOf(path, index), previous });
    });
  }
  if (!isJsonObject(value)) return;
  for (const [name, inner] of Object.entries(value)) {
    const field = schema.fields?.get(name);
    const known = field ?? schema.values;
    if (!known || inner === undefined) continue;
    collect(known, inner, {
      ...walk,
      path: field ? fieldOf(path, name) : keyOf(path, name),
      previous: isJsonObject(walk.previous) ? walk.previous[name] : undefined,
    });
  }
}

/** Items of a list are the same before and after when their keys are; without keys nobody knows. */
function previousItem(schema: Schema, item: Json, previous: Json | undefined): Json | undefined {
  if (schema.ownership?.kind !== 'map' || previous === undefined) return undefined;
  if (!isJsonList(previous)) return undefined;
  const step = itemStep(schema, item);
  return previous.find((one) => itemStep(schema, one) === step);
}

function applyRules(
  schema: Schema,
  rules: readonly ValidationRule[],
  value: Json,
  walk: Walk,
): void {
  const { previous } = walk;
  const hasPrevious = previous !== undefined && previous !== null;
  const variables = new Map([
    [SELF, toCel(value, schema)],
    ...(hasPrevious ? [[OLD_SELF, toCel(previous, schema)] as const] : []),
  ]);
  for (const rule of rules) {
    if (!hasPrevious && isTransitionRule(rule)) continue;
    const violation = applyRule(rule, { variables, value, walk });
    if (violation) walk.found.push(violation);
  }
}

type Subject = {
  readonly variables: ReadonlyMap<string, CelValue>;
  readonly value: Json;
  readonly walk: Walk;
};

function applyRule(rule: ValidationRule, subject: Subject): Violation | undefined {
  const { variables, value, walk } = subject;
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
