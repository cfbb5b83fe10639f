// The template of a Deployment: which ReplicaSet has it, and what one is named after.
import { fieldsOf, textMapOf, type Fields } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';

/** On each ReplicaSet of a Deployment and its Pods, so that no two select the same Pods. */
export const TEMPLATE_HASH = 'pod-template-hash';

export const templateOf = ({ spec }: KubeObject): Fields => fieldsOf(spec, 'template');

/** Are these the same but for the hash that the ReplicaSet's has in addition? */
export function isSameTemplate(a: Fields, b: Fields): boolean {
  return canonical(withoutHash(a)) === canonical(withoutHash(b));
}

/** The template with this label in its Pods, or without it. */
export function withHash(template: Fields, hash: string): Fields {
  const { metadata, labels } = partsOf(template);
  return { ...template, metadata: { ...metadata, labels: { ...labels, [TEMPLATE_HASH]: hash } } };
}

function withoutHash(template: Fields): Fields {
  const { metadata, labels } = partsOf(template);
  const { [TEMPLATE_HASH]: _hash, ...others } = labels;
  return { ...template, metadata: { ...metadata, labels: others } };
}

function partsOf(template: Fields) {
  const metadata = fieldsOf(template, 'metadata');
  return { metadata, labels: textMapOf(metadata['labels']) };
}

/** No vowels, and no digits that look like letters (apimachinery rand.SafeEncodeString). */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/**
 * A short name for a template: equal templates have equal ones, and different ones nearly always
 * different ones. `collisions` counts the times that it was not so for this Deployment.
 */
export function hashOf(template: Fields, collisions: number): string {
  const hash = fnv1a(`${canonical(template)} ${collisions}`);
  return String(hash).replaceAll(/\d/g, (digit) => ALPHABET[digit.charCodeAt(0) % 27] ?? '');
}

/** A value as text, equal for equal values: fields in order, without those that are null. */
const canonical = (value: unknown): string => JSON.stringify(sorted(value));

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const present = entries.filter(([, field]) => field !== null && field !== undefined);
  return Object.fromEntries(present.map(([name, field]) => [name, sorted(field)]));
}

/** FNV-1a of 32 bits over UTF-16 code units: http://www.isthe.com/chongo/tech/comp/fnv/ */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash;
}
