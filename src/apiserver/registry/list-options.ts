// The query of a list or watch.
import type { Kind } from '../kinds/kind.ts';
import type { KubeObject } from '../object.ts';
import { matchesFields, parseFieldSelector, selectedName } from '../selectors/field-selector.ts';
import { matchesLabels, parseLabelSelector } from '../selectors/label-selector.ts';
import { badRequest } from '../status.ts';

export type Selection = {
  readonly matches: (object: KubeObject) => boolean;
  /** Selects everything: objects need not be looked at. */
  readonly isAll: boolean;
  /** Selects at most the object of this name. */
  readonly name: string | undefined;
};

/** @throws StatusError BadRequest */
export function parseSelection(query: URLSearchParams, kind: Kind): Selection {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  if (!labels.ok) throw badRequest(`unable to parse labelSelector: ${labels.problem}`);
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '', kind.selectableFields);
  if (!fields.ok) throw badRequest(fields.problem);
  return {
    isAll: labels.selector.length === 0 && fields.selector.length === 0,
    name: selectedName(fields.selector),
    matches: (object) =>
      matchesLabels(labels.selector, object.metadata.labels) &&
      matchesFields(fields.selector, object, kind.selectableFields),
  };
}

/** @throws StatusError BadRequest when the value is no whole number */
export function numberOption(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw badRequest(`invalid ${name}: ${JSON.stringify(text)} is not a non-negative whole number`);
}

/** @throws StatusError BadRequest when the value is neither true nor false */
export function booleanOption(query: URLSearchParams, name: string): boolean | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (text === 'true' || text === '1' || text === '') return true;
  if (text === 'false' || text === '0') return false;
  throw badRequest(`invalid ${name}: ${JSON.stringify(text)} is neither true nor false`);
}
