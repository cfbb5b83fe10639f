// Whom a LabelSelector selects.
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/label-selector/
import { fieldsOf, objectsAt, textAt, textMapOf, textsAt, type Fields } from './fields.ts';
import { isRecord } from './objects.ts';

export type Labels = Readonly<Record<string, string>>;
export type LabelMatch = (labels: Labels | undefined) => boolean;

/** A selector that is absent selects nothing; one without requirements selects everything. */
export function labelMatch(selector: unknown): LabelMatch {
  if (!isRecord(selector)) return () => false;
  const wanted = Object.entries(textMapOf(selector['matchLabels']));
  const requirements = objectsAt(selector, 'matchExpressions').map(requirementMatch);
  return (labels = {}) =>
    wanted.every(([name, value]) => labels[name] === value) &&
    requirements.every((holds) => holds(labels));
}

/** All of these labels with these values; none at all select nothing, as in a Service. */
export function labelsMatch(selector: unknown): LabelMatch {
  const wanted = Object.entries(textMapOf(fieldsOf(selector)));
  if (wanted.length === 0) return () => false;
  return (labels = {}) => wanted.every(([name, value]) => labels[name] === value);
}

/** One requirement of a LabelSelector or NodeSelector; one of an unknown operator never holds. */
export function requirementMatch(requirement: Fields): (labels: Labels) => boolean {
  const key = textAt(requirement, 'key');
  const values = textsAt(requirement, 'values');
  switch (textAt(requirement, 'operator')) {
    case 'In':
      return (labels) => values.includes(labels[key] ?? '') && Object.hasOwn(labels, key);
    case 'NotIn':
      return (labels) => !Object.hasOwn(labels, key) || !values.includes(labels[key] ?? '');
    case 'Exists':
      return (labels) => Object.hasOwn(labels, key);
    case 'DoesNotExist':
      return (labels) => !Object.hasOwn(labels, key);
    case 'Gt':
      return (labels) => isInOrder(values[0], labels[key]);
    case 'Lt':
      return (labels) => isInOrder(labels[key], values[0]);
    default:
      return () => false;
  }
}

/** Both whole numbers, the first less than the second: `Gt` and `Lt` of node selectors. */
function isInOrder(low: string | undefined, high: string | undefined): boolean {
  const isWhole = (text: string | undefined): text is string =>
    text !== undefined && /^-?\d{1,18}$/.test(text);
  return isWhole(low) && isWhole(high) && BigInt(low) < BigInt(high);
}
