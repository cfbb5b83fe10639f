// What is wrong with a policy as it is being written, and where: the same checks that the API
// server's webhook makes, the same advice, and names that nobody has.
import { isMap, isNode, isPair, LineCounter, parseAllDocuments } from 'yaml';
import type { Document } from 'yaml';
import type { PolicyDiagnostic } from '#api/policies.ts';
import { remarksOf } from '#istio/acted-on.ts';
import { UNKNOWN_FIELD } from '#istio/object.ts';
import { parseAuthorizationPolicy } from '#istio/authorizationpolicy/authorization-policy.ts';
import { parseIstioObject } from '#istio/parsers.ts';
import { warningsOf } from '#istio/warnings/warnings.ts';
import { isKubeObject, isRecord } from '#kube/objects.ts';
import type { KubeObject } from '#kube/objects.ts';
import type { Mesh } from '#model/mesh.ts';
import { authorizationNotes } from '#resolve/rbac.ts';
import { policyType } from './policy-types.ts';
import { unknownNames } from './unknown-names.ts';

export type Diagnosed = {
  readonly diagnostics: readonly PolicyDiagnostic[];
  /** undefined: there are errors, or nothing is written. */
  readonly object: KubeObject | undefined;
};

/** What the document is meant to be. */
export type PolicyRef = {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
};

type Severity = PolicyDiagnostic['severity'];
export type FieldNote = {
  readonly severity: Severity;
  /** `spec.rules[0].from[0].source.principals[1]` */
  readonly field: string;
  readonly message: string;
};

/** Against texts whose aliases explode. */
const ALIASES_MAX = 100;
/** Longer is no policy that somebody wrote. */
const TEXT_LENGTH_MAX = 256 * 1024;
const DIAGNOSTICS_MAX = 100;

export function diagnose(mesh: Mesh, ref: PolicyRef, yaml: string): Diagnosed {
  if (yaml.length > TEXT_LENGTH_MAX) return refused('longer than 256 KiB');
  const lines = new LineCounter();
  const documents = parseAllDocuments(yaml, { lineCounter: lines, logLevel: 'silent' });
  const [document, ...others] = Array.isArray(documents) ? documents : [];
  if (document === undefined) return { diagnostics: [], object: undefined };
  const syntax = document.errors.map(({ message, pos }): PolicyDiagnostic => {
    const { line, col } = lines.linePos(pos[0]);
    const [first = ''] = message.split('\n');
    return { severity: 'error', line, column: col, path: '', message: first };
  });
  if (syntax.length > 0)
    return { diagnostics: syntax.slice(0, DIAGNOSTICS_MAX), object: undefined };
  if (others.length > 0) return refused('one document is edited at a time: this has several');
  const object = plainValue(document);
  if (!isKubeObject(object)) return refused('an object with apiVersion, kind and metadata.name');
  const notes = [...identityNotes(object, ref), ...contentNotes(mesh, object, ref)];
  const diagnostics = notes
    .slice(0, DIAGNOSTICS_MAX)
    .map((note) => placed(note, document, lines))
    .toSorted((a, b) => a.line - b.line || a.column - b.column);
  const isGood = !diagnostics.some(({ severity }) => severity === 'error');
  return { diagnostics, object: isGood ? object : undefined };
}

function refused(message: string): Diagnosed {
  const diagnostic = { severity: 'error', line: 0, column: 0, path: '', message } as const;
  return { diagnostics: [diagnostic], object: undefined };
}

function plainValue(document: Document.Parsed): unknown {
  try {
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
    return value;
  } catch {
    return undefined; // too many aliases
  }
}

/** What is written must be what was asked for: else another object would be overwritten. */
function identityNotes(object: KubeObject, { kind, namespace, name }: PolicyRef): FieldNote[] {
  const notes: FieldNote[] = [];
  const wrong = (field: string, wanted: string): void => {
    notes.push({ severity: 'error', field, message: `must be ${wanted} here` });
  };
  if (object.kind !== kind) wrong('kind', kind);
  if ((object.metadata.namespace ?? namespace) !== namespace)
    wrong('metadata.namespace', namespace);
  if (object.metadata.name !== name) wrong('metadata.name', name);
  return notes;
}

function contentNotes(mesh: Mesh, written: KubeObject, ref: PolicyRef): readonly FieldNote[] {
  const { namespace } = ref;
  const object = { ...written, metadata: { ...written.metadata, namespace } };
  const result = policyType(object.kind ?? '') && parseIstioObject(object);
  if (!result) {
    const message = 'is no kind and version that is edited here';
    return [{ severity: 'error', field: 'apiVersion', message }];
  }
  const advice = warningsOf(object).flatMap((warning): readonly FieldNote[] =>
    warning.kind === 'advice'
      ? [{ severity: 'warning', field: warning.field, message: warning.message }]
      : [],
  );
  if (!result.ok) {
    const violations = result.violations.map(({ field, message }): FieldNote => ({
      severity: 'error',
      field,
      message,
    }));
    return [...violations, ...advice];
  }
  const remarks = remarksOf(result.value).map(({ field, message }): FieldNote => ({
    severity: 'warning',
    field,
    message,
  }));
  return [...advice, ...remarks, ...tcpNotes(object), ...unknownNames(mesh, object)];
}

/** What a rule says that TCP connections do not have. */
function tcpNotes(object: KubeObject): readonly FieldNote[] {
  if (object.kind !== 'AuthorizationPolicy') return [];
  const parsed = parseAuthorizationPolicy(object);
  if (!parsed.ok) return [];
  return authorizationNotes(parsed.value).map(({ message }): FieldNote => {
    const [, index] = /\(rule (\d+)\)/.exec(message) ?? [];
    const field = index === undefined ? 'spec' : `spec.rules[${index}]`;
    return { severity: 'info', field, message };
  });
}

function placed(
  { severity, field, message }: FieldNote,
  document: Document.Parsed,
  lines: LineCounter,
): PolicyDiagnostic {
  const offset = offsetOf(document, pathOf(field));
  const { line, col } = offset === undefined ? { line: 0, col: 0 } : lines.linePos(offset);
  const text = message === UNKNOWN_FIELD ? `${UNKNOWN_FIELD} "${field}"` : message;
  return { severity, line, column: col, path: field, message: text };
}

/** `spec.rules[0].labels[a.b/c]` → its steps. */
export function pathOf(field: string): readonly (string | number)[] {
  const steps: (string | number)[] = [];
  for (const [, name, bracketed] of field.matchAll(/([^.[\]]+)|\[([^\]]*)\]/g)) {
    if (name !== undefined) steps.push(name);
    else if (bracketed !== undefined) {
      steps.push(/^\d+$/.test(bracketed) ? Number(bracketed) : bracketed.replace(/^"(.*)"$/, '$1'));
    }
  }
  return steps;
}

/** Where the field's name or the item stands; if it is not there, what should have it. */
function offsetOf(
  document: Document.Parsed,
  path: readonly (string | number)[],
): number | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const parent: unknown =
      length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const step = path[length - 1];
    if (typeof step === 'string' && isMap(parent)) {
      const pair = parent.items.find((item) => isPair(item) && keyText(item.key) === step);
      const start = pair && startOf(pair.key);
      if (start !== undefined) return start;
    }
    const own = startOf(document.getIn(path.slice(0, length), true));
    if (own !== undefined && typeof step === 'number') return own;
  }
  return startOf(document.contents);
}

const keyText = (key: unknown): string =>
  isRecord(key) && 'value' in key ? String(key['value']) : '';

const startOf = (node: unknown): number | undefined => (isNode(node) ? node.range?.[0] : undefined);
