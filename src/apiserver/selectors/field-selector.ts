// Field selectors: `fieldSelector=metadata.name=x,status.phase!=Running`.
import type { KubeObject } from '../object.ts';
import type { ParsedSelector } from './label-selector.ts';

export type FieldRequirement = {
  readonly field: string;
  readonly value: string;
  readonly isNegated: boolean;
};

export type FieldSelector = readonly FieldRequirement[];

/** Reads the fields that a kind lets requests select by. */
export type SelectableFields = ReadonlyMap<string, (object: KubeObject) => string>;

const TEXT_LENGTH_MAX = 16_384;

/** All kinds have these two. */
export const COMMON_FIELDS: SelectableFields = new Map([
  ['metadata.name', ({ metadata }: KubeObject) => metadata.name],
  ['metadata.namespace', ({ metadata }: KubeObject) => metadata.namespace ?? ''],
]);

export function parseFieldSelector(
  text: string,
  known: SelectableFields,
): ParsedSelector<FieldSelector> {
  if (text.length > TEXT_LENGTH_MAX) {
    return { ok: false, problem: `longer than ${TEXT_LENGTH_MAX} characters` };
  }
  const requirements: FieldRequirement[] = [];
  // A backslash takes the special meaning from the comma, the equals sign or itself.
  for (const part of text.split(/(?<!\\),/)) {
    if (part === '') continue;
    const match = /^(.*?)(!=|==|=)(.*)$/s.exec(part);
    if (!match)
      return { ok: false, problem: `invalid selector: '${text}'; can't understand '${part}'` };
    const [, field = '', operator, value = ''] = match;
    if (!known.has(field)) {
      const names = [...known.keys()].map((name) => JSON.stringify(name)).join(', ');
      const problem = `${JSON.stringify(field)} is not a known field selector: only ${names}`;
      return { ok: false, problem };
    }
    requirements.push({
      field,
      value: value.replaceAll(/\\([\\,=])/g, '$1'),
      isNegated: operator === '!=',
    });
  }
  return { ok: true, selector: requirements };
}

export function matchesFields(
  selector: FieldSelector,
  object: KubeObject,
  known: SelectableFields,
): boolean {
  return selector.every(({ field, value, isNegated }) => {
    const found = known.get(field)?.(object) ?? '';
    return (found === value) !== isNegated;
  });
}

/** The one name that a selector allows, when it allows only one. */
export function selectedName(selector: FieldSelector): string | undefined {
  return selector.find(({ field, isNegated }) => field === 'metadata.name' && !isNegated)?.value;
}
