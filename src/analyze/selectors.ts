// Selection by labels as Istio's analyzers mean it: a selector without labels selects everything.
import { fieldsOf, textMapOf } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Path, Resource } from './resource.ts';

export type Labels = Readonly<Record<string, string>>;

export const specOf = (resource: Resource): Fields => fieldsOf(resource.object.spec);
export const labelsOf = (resource: Resource): Labels => textMapOf(resource.object.metadata.labels);
export const annotationsOf = (resource: Resource): Labels =>
  textMapOf(resource.object.metadata.annotations);

export function selects(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}

/** `app=web,version=v1`, sorted by name. */
export function renderSelector(selector: Labels): string {
  const names = Object.keys(selector).toSorted();
  return names.map((name) => `${name}=${selector[name]}`).join(',');
}

/** Where the selector's first label stands, under `path`. */
export function selectorPath(selector: Labels, ...path: Path): Path {
  const [first] = Object.keys(selector).toSorted();
  return first === undefined ? path : [...path, first];
}

/** A list as Go prints it: `[a b]`. */
export const goList = (items: readonly (string | number)[]): string => `[${items.join(' ')}]`;

/** A text as Go quotes it. */
export const goQuote = (text: string): string => JSON.stringify(text);

/** `matchLabels` of a policy; undefined where it has no selector. */
export function policySelector(resource: Resource): Labels | undefined {
  const selector = specOf(resource)['selector'];
  return selector === undefined || selector === null
    ? undefined
    : textMapOf(fieldsOf(selector)['matchLabels']);
}
