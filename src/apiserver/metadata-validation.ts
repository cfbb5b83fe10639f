// Rules for names, labels, annotations, finalizers and owners, as in k8s.io/apimachinery.
import { fieldOf, itemOf } from './field-path.ts';
import type { ObjectMeta } from './object.ts';
import type { Violation } from './violation.ts';
import { forbidden, invalid, required, tooLong } from './violation.ts';

const SUBDOMAIN = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';
const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SERVICE_LABEL = '[a-z]([-a-z0-9]*[a-z0-9])?';
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const SUBDOMAIN_LENGTH_MAX = 253;
const LABEL_LENGTH_MAX = 63;
/** All annotations of an object together. */
const ANNOTATIONS_BYTES_MAX = 256 * 1024;

export type NameRule = 'subdomain' | 'label' | 'service-label' | 'path-segment';

/** @returns why `name` is no name of this kind, or undefined */
export function nameProblem(rule: NameRule, name: string): string | undefined {
  switch (rule) {
    case 'path-segment':
      if (name === '.' || name === '..') return `may not be '${name}'`;
      return /[/%]/.test(name) ? "may not contain '/' or '%'" : undefined;
    case 'subdomain':
      if (name.length > SUBDOMAIN_LENGTH_MAX) return 'must be no more than 253 characters';
      if (matches(SUBDOMAIN, name)) return undefined;
      return `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`;
    case 'label':
      if (name.length > LABEL_LENGTH_MAX) return 'must be no more than 63 characters';
      if (matches(LABEL, name)) return undefined;
      return `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL}')`;
    default:
      if (name.length > LABEL_LENGTH_MAX) return 'must be no more than 63 characters';
      if (matches(SERVICE_LABEL, name)) return undefined;
      return `a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '${SERVICE_LABEL}')`;
  }
}

const compiled = new Map(
  [SUBDOMAIN, LABEL, SERVICE_LABEL, QUALIFIED].map((pattern) => [
    pattern,
    new RegExp(`^${pattern}$`),
  ]),
);

function matches(pattern: string, text: string): boolean {
  return compiled.get(pattern)?.test(text) ?? false;
}

/** @returns why `key` is no label or annotation key, or undefined */
export function keyProblem(key: string): string | undefined {
  const slash = key.lastIndexOf('/');
  const prefix = key.slice(0, Math.max(slash, 0));
  const name = key.slice(slash + 1);
  if (slash === 0) return 'prefix part must be non-empty';
  if (prefix.includes('/')) {
    return `a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${QUALIFIED}') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
  }
  const problem = slash > 0 ? nameProblem('subdomain', prefix.toLowerCase()) : undefined;
  if (problem !== undefined) return `prefix part ${problem}`;
  if (name === '') return 'name part must be non-empty';
  if (name.length > LABEL_LENGTH_MAX) return 'name part must be no more than 63 characters';
  if (matches(QUALIFIED, name)) return undefined;
  return `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${QUALIFIED}')`;
}

/** @returns why `value` is no label value, or undefined */
export function labelValueProblem(value: string): string | undefined {
  if (value.length > LABEL_LENGTH_MAX) return 'must be no more than 63 characters';
  if (value === '' || matches(QUALIFIED, value)) return undefined;
  return `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(${QUALIFIED})?')`;
}

/** @param path where the labels are, `metadata.labels` or `spec.template.metadata.labels` */
export function validateLabels(
  labels: { readonly [key: string]: string } = {},
  path: string,
): Violation[] {
  return Object.entries(labels).flatMap(([key, value]) => {
    const keyFault = keyProblem(key);
    const valueFault = labelValueProblem(value);
    return [
      ...(keyFault === undefined ? [] : [invalid(path, key, keyFault)]),
      ...(valueFault === undefined ? [] : [invalid(path, value, valueFault)]),
    ];
  });
}

export function validateMetadata(metadata: ObjectMeta, rule: NameRule): Violation[] {
  return [
    ...validateName(metadata, rule),
    ...validateLabels(metadata.labels, 'metadata.labels'),
    ...validateAnnotations(metadata.annotations),
    ...validateFinalizers(metadata.finalizers),
    ...validateOwners(metadata),
  ];
}

function validateName({ name, generateName }: ObjectMeta, rule: NameRule): Violation[] {
  if (name === '') {
    const path = 'metadata.name';
    return [required(path, generateName ? '' : 'name or generateName is required')];
  }
  const problem = nameProblem(rule, name);
  return problem === undefined ? [] : [invalid('metadata.name', name, problem)];
}

function validateAnnotations(annotations: { readonly [key: string]: string } = {}): Violation[] {
  const path = 'metadata.annotations';
  const entries = Object.entries(annotations);
  const bytes = entries.reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  return [
    ...entries.flatMap(([key]) => {
      const problem = keyProblem(key.toLowerCase());
      return problem === undefined ? [] : [invalid(path, key, problem)];
    }),
    ...(bytes > ANNOTATIONS_BYTES_MAX ? [tooLong(path, ANNOTATIONS_BYTES_MAX)] : []),
  ];
}

/** Finalizers of Kubernetes itself that have no prefix. */
const BARE_FINALIZERS: ReadonlySet<string> = new Set([
  'orphan',
  'foregroundDeletion',
  'kubernetes',
  'customresourcecleanup.apiextensions.k8s.io',
]);

function validateFinalizers(finalizers: readonly string[] = []): Violation[] {
  const path = 'metadata.finalizers';
  const wrong = finalizers.flatMap((finalizer, index) => {
    const problem =
      keyProblem(finalizer) ??
      (finalizer.includes('/') || BARE_FINALIZERS.has(finalizer)
        ? undefined
        : 'name is neither a standard finalizer name nor is it fully qualified');
    return problem === undefined ? [] : [invalid(itemOf(path, index), finalizer, problem)];
  });
  if (!finalizers.includes('orphan') || !finalizers.includes('foregroundDeletion')) return wrong;
  const why = 'finalizer orphan and foregroundDeletion cannot be both set';
  return [...wrong, invalid(path, [...finalizers], why)];
}

function validateOwners({ ownerReferences = [] }: ObjectMeta): Violation[] {
  const path = 'metadata.ownerReferences';
  const fields = ['apiVersion', 'kind', 'name', 'uid'] as const;
  const missing = ownerReferences.flatMap((owner, index) =>
    fields.flatMap((field) =>
      owner[field] ? [] : [invalid(fieldOf(itemOf(path, index), field), '', 'must not be empty')],
    ),
  );
  const controllers = ownerReferences.filter(({ controller }) => controller).length;
  if (controllers <= 1) return missing;
  return [
    ...missing,
    invalid(path, controllers, 'Only one reference can have Controller set to true'),
  ];
}

/** What an update may not touch. Fields that the server keeps by itself are not judged. */
export function validateMetadataUpdate(next: ObjectMeta, previous: ObjectMeta): Violation[] {
  const added = (next.finalizers ?? []).filter(
    (finalizer) => !(previous.finalizers ?? []).includes(finalizer),
  );
  if (previous.deletionTimestamp === undefined || added.length === 0) return [];
  const why = `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`;
  return [forbidden('metadata.finalizers', why)];
}
