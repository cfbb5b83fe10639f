// Label selectors: the query language of `labelSelector=` and the objects in specs.
import type { JsonObject } from '../object.ts';
import { listAt, objectAt, objectsAt, stringAt } from '../object.ts';

export type LabelRequirement =
  | { readonly operator: 'in' | 'notin'; readonly key: string; readonly values: readonly string[] }
  | { readonly operator: 'exists' | 'absent'; readonly key: string }
  | { readonly operator: 'gt' | 'lt'; readonly key: string; readonly bound: number };

/** All requirements must hold; none select everything. */
export type LabelSelector = readonly LabelRequirement[];

export type Labels = { readonly [key: string]: string };

export type ParsedSelector<T> =
  | { readonly ok: true; readonly selector: T }
  | { readonly ok: false; readonly problem: string };

/** A selector longer than this is no selector that a person or a controller wrote. */
const TEXT_LENGTH_MAX = 16_384;
const KEY =
  /^(?:[a-z0-9A-Z][-a-z0-9A-Z.]{0,252}\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const VALUE = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** `a=b,c!=d,e in (x,y),f notin (),g,!h,i>3` */
export function parseLabelSelector(text: string): ParsedSelector<LabelSelector> {
  if (text.length > TEXT_LENGTH_MAX) return fail(`longer than ${TEXT_LENGTH_MAX} characters`);
  const requirements: LabelRequirement[] = [];
  for (const part of text.trim() === '' ? [] : splitRequirements(text)) {
    const requirement = parseRequirement(part.trim());
    if (typeof requirement === 'string') return fail(requirement);
    requirements.push(requirement);
  }
  return { ok: true, selector: requirements };
}

/** At commas, but not at those within parentheses: they belong to a set of values. */
function splitRequirements(text: string): string[] {
  const parts: string[] = [];
  let [start, isInSet] = [0, false];
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === '(' || character === ')') isInSet = character === '(';
    if (character !== ',' || isInSet) continue;
    parts.push(text.slice(start, index));
    start = index + 1;
  }
  return [...parts, text.slice(start)];
}

function parseRequirement(text: string): LabelRequirement | string {
  const absent = /^!\s*([^\s=!<>()]+)$/.exec(text);
  if (absent) return checkKey({ operator: 'absent', key: absent[1] ?? '' });
  const set = /^([^\s=!<>()]+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (set) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim());
    return checkKey({ operator: set[2] === 'in' ? 'in' : 'notin', key: set[1] ?? '', values });
  }
  const compare = /^([^\s=!<>()]+)\s*(==|!=|=|<|>)\s*([^\s=!<>()]*)$/.exec(text);
  if (compare) return parseComparison(compare[1] ?? '', compare[2] ?? '', compare[3] ?? '');
  if (/^[^\s=!<>()]+$/.test(text)) return checkKey({ operator: 'exists', key: text });
  return `unable to parse requirement: found '${text}', expected: identifier`;
}

function parseComparison(key: string, operator: string, value: string): LabelRequirement | string {
  if (operator === '<' || operator === '>') {
    if (!/^-?\d+$/.test(value)) return `for 'Gt', 'Lt' operators, the value must be an integer`;
    return checkKey({ operator: operator === '<' ? 'lt' : 'gt', key, bound: Number(value) });
  }
  return checkKey({ operator: operator === '!=' ? 'notin' : 'in', key, values: [value] });
}

function checkKey(requirement: LabelRequirement): LabelRequirement | string {
  const { key } = requirement;
  if (!KEY.test(key)) return `key: Invalid value: ${JSON.stringify(key)}: not a label key`;
  const values = 'values' in requirement ? requirement.values : [];
  const wrong = values.find((value) => !VALUE.test(value));
  if (wrong === undefined) return requirement;
  return `values: Invalid value: ${JSON.stringify(wrong)}: not a label value`;
}

function fail(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}

export function matchesLabels(selector: LabelSelector, labels: Labels = {}): boolean {
  return selector.every((requirement) => {
    const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
    switch (requirement.operator) {
      case 'in':
        return value !== undefined && requirement.values.includes(value);
      case 'notin':
        return value === undefined || !requirement.values.includes(value);
      case 'exists':
        return value !== undefined;
      case 'absent':
        return value === undefined;
      case 'gt':
        return value !== undefined && Number(value) > requirement.bound;
      default:
        return value !== undefined && Number(value) < requirement.bound;
    }
  });
}

/** A `LabelSelector` object of a spec: matchLabels and matchExpressions. */
export function labelSelectorOf(object: JsonObject): LabelSelector {
  const equal = Object.entries(objectAt(object, 'matchLabels')).flatMap(([key, value]) =>
    typeof value === 'string' ? [{ operator: 'in' as const, key, values: [value] }] : [],
  );
  return [...equal, ...objectsAt(object, 'matchExpressions').map(expressionOf)];
}

function expressionOf(expression: JsonObject): LabelRequirement {
  const key = stringAt(expression, 'key');
  const values = listAt(expression, 'values').filter((value) => typeof value === 'string');
  switch (stringAt(expression, 'operator')) {
    case 'NotIn':
      return { operator: 'notin', key, values };
    case 'Exists':
      return { operator: 'exists', key };
    case 'DoesNotExist':
      return { operator: 'absent', key };
    default:
      return { operator: 'in', key, values }; // an unknown operator was refused before
  }
}
