// What names, labels and lists of namespaces must look like (istio.io/istio pkg/config/labels and
// pkg/config/validation/agent).
import type { Reading } from './schema/reading.ts';

/** RFC 1123 labels, in either case, as Istio takes them. */
const DNS_LABEL = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/;
/** The first label of a host may be `*`, or begin with it. */
const WILDCARD_LABEL = /^(?:\*|(?:\*-?)?[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)$/;
const DNS_LABEL_LENGTH_MAX = 63;
/** RFC 1035 §2.3.4. */
const DNS_NAME_LENGTH_MAX = 255;
/** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set */
const LABEL_VALUE = /^(?:[a-zA-Z0-9](?:[-a-zA-Z0-9_.]{0,61}[a-zA-Z0-9])?)?$/;
const LABEL_NAME = /^(?:(.{1,253})\/)?[a-zA-Z0-9](?:[-a-zA-Z0-9_.]{0,61}[a-zA-Z0-9])?$/;

export const isDnsLabel = (text: string): boolean => DNS_LABEL.test(text);

/** A host name; one final dot is allowed, a top-level domain of digits is not. */
export function isHostname(text: string): boolean {
  if (text === '' || text.length > DNS_NAME_LENGTH_MAX) return false;
  const labels = text.split('.');
  if (/^\d+$/.test(labels.at(-1) ?? '')) return false;
  const named = labels.at(-1) === '' ? labels.slice(0, -1) : labels;
  return named.length > 0 && named.every(isDnsLabel);
}

/** A host name whose first label may be a wildcard. */
export function isWildcardHostname(text: string): boolean {
  if (text === '' || text.length > DNS_NAME_LENGTH_MAX) return false;
  const [first = '', ...rest] = text.split('.');
  if (first.length > DNS_LABEL_LENGTH_MAX || !WILDCARD_LABEL.test(first)) return false;
  return rest.length === 0 || isHostname(rest.join('.'));
}

/** `*-eu.example.com`: Envoy's TLS takes no such name, and Istio takes it in some places only. */
export const isPartialWildcard = (text: string): boolean =>
  text.length > 1 && text.startsWith('*') && !text.startsWith('*.');

/** Notes what is wrong with labels as Kubernetes means them. */
export function checkLabels(labels: Readonly<Record<string, string>>, at: Reading): void {
  for (const [name, value] of Object.entries(labels)) {
    const [, prefix] = LABEL_NAME.exec(name) ?? [];
    if (!LABEL_NAME.test(name) || (prefix !== undefined && !isHostname(prefix))) {
      at.key(name).refuse(`Invalid value: ${at.quote(name)}: not a label's name`);
    } else if (!LABEL_VALUE.test(value)) {
      at.key(name).refuse(`Invalid value: ${at.quote(value)}: not a label's value`);
    }
  }
}

/** Notes what is wrong with an exportTo: `.`, `*`, `~` or namespaces, in a way that makes sense. */
export function checkExportTo(exportTo: readonly string[], namespace: string, at: Reading): void {
  const seen = new Set<string>();
  for (const [index, entry] of exportTo.entries()) {
    const place = at.item(index);
    const meant = entry === '.' && namespace !== '' ? namespace : entry;
    if (seen.has(meant)) place.refuse(`Duplicate value: ${place.quote(entry)}`);
    seen.add(meant);
    if (!['.', '*', '~'].includes(entry) && !isDnsLabel(entry)) {
      const rule = 'only ., *, ~ or a namespace is allowed';
      place.refuse(`Invalid value: ${place.quote(entry)}: ${rule}`);
    }
  }
  if (exportTo.length > 1 && seen.has('*')) {
    at.refuse('Invalid value: cannot be both public (*) and for some namespaces');
  }
  if (exportTo.length > 1 && seen.has('~')) {
    at.refuse('Invalid value: cannot be exported to no one (~) and someone');
  }
}
