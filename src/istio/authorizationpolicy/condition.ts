// Which attributes a `when` may ask for, and with which values (pkg/config/security in Istio).
import { parseRange } from '#base/ip.ts';
import type { AuthorizationCondition } from './schema.ts';

type Problem = { readonly field: 'key' | 'values' | 'notValues'; readonly message: string };
type Attribute = { readonly isValue: (value: string) => boolean };

/** With or without its namespace; no wildcards. */
export const isServiceAccount = (text: string): boolean => /^[^/*]+(\/[^/*]+)?$/.test(text);

/** `*` stands for anything at the beginning or at the end, once. */
export const isTextPattern = (text: string): boolean => /^(\*?[^*]*|[^*]*\*)$/.test(text);

const anything: Attribute = { isValue: () => true };
const ipBlock: Attribute = { isValue: (value) => parseRange(value) !== undefined };
const port: Attribute = { isValue: (value) => /^\d{1,5}$/.test(value) && Number(value) <= 65_535 };

const ATTRIBUTES: ReadonlyMap<string, Attribute> = new Map([
  ['source.ip', ipBlock],
  ['remote.ip', ipBlock],
  ['source.namespace', anything],
  ['source.principal', anything],
  ['source.serviceAccount', { isValue: isServiceAccount }],
  ['source.trustDomain', { isValue: isTextPattern }],
  ['request.auth.principal', anything],
  ['request.auth.audiences', anything],
  ['request.auth.presenter', anything],
  ['destination.ip', ipBlock],
  ['destination.port', port],
  ['connection.sni', anything],
]);

/** Attributes with a name in brackets, such as `request.headers[User-Agent]`. */
const KEYED = /^(request\.headers|request\.auth\.claims|experimental\.envoy\.filters\.)/;
const IN_BRACKETS = /^[^[]+\[.+\]$/;

/** What is wrong with a condition, or undefined. */
export function conditionProblem(condition: AuthorizationCondition): Problem | undefined {
  const { key, values = [], notValues = [] } = condition;
  const quoted = JSON.stringify(key.slice(0, 256));
  if (key === '') return { field: 'key', message: 'Required value' };
  const attribute = KEYED.test(key) ? anything : ATTRIBUTES.get(key);
  if (attribute === undefined) {
    return { field: 'key', message: `Unsupported value: ${quoted}: unknown attribute` };
  }
  if (KEYED.test(key) && !IN_BRACKETS.test(key)) {
    return { field: 'key', message: `Invalid value: ${quoted}: must have the form a[b]` };
  }
  if (values.length + notValues.length === 0) {
    return { field: 'values', message: 'Required value: one of values and notValues must be set' };
  }
  for (const [field, list] of Object.entries({ values, notValues })) {
    const bad = list.find((value) => value === '' || !attribute.isValue(value));
    if (bad === undefined) continue;
    const message = `Invalid value: ${JSON.stringify(bad.slice(0, 256))}: not a value of ${key}`;
    return { field: field === 'values' ? 'values' : 'notValues', message };
  }
  return undefined;
}
