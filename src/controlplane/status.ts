// What the control plane says of an object in its status, where `kubectl describe` shows it: that
// it is refused and why, that nothing acts on its kind or on parts of it. Pure.
//
// The form is Istio's (meta.istio.io IstioStatus). An object of which there is nothing to say has
// no condition of ours: thousands of good ones cost no write.
import { assertNever } from '#base/assert-never.ts';
import { NOT_ACTED_ON, remarksOf, UNUSED } from '#istio/acted-on.ts';
import { renderViolation } from '#istio/object.ts';
import type { ParseResult, Violation } from '#istio/object.ts';
import { timestamp } from '#kube/event-recorder.ts';
import { fieldsOf, objectsAt, textAt, type Fields } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';

export type Verdict =
  /** In force as written. */
  | { readonly kind: 'good' }
  | {
      readonly kind: 'refused';
      /** At least one. */
      readonly violations: readonly Violation[];
      /** Is an earlier form of the object in force still? */
      readonly isFormerInForce: boolean;
    }
  /** Nothing acts on the kind yet. */
  | { readonly kind: 'unsupported' }
  /** In force, but for some of it: sentences. At least one. */
  | { readonly kind: 'partial'; readonly notes: readonly string[] };

const TYPE = 'Accepted';
/** A hopeless object is not described to its end. */
const REASONS_MAX = 8;
/** Istio's code for "the resource has a schema validation error". */
const INVALID_CODE = 'IST0106';

/**
 * @param notes what whoever acts on the value has to say of it
 */
export function verdictOf(
  result: ParseResult<unknown>,
  options: { readonly isFormerInForce: boolean; readonly notes: readonly string[] },
): Verdict {
  if (!result.ok) {
    const { violations } = result;
    return { kind: 'refused', violations, isFormerInForce: options.isFormerInForce };
  }
  if (result.value === UNUSED) return { kind: 'unsupported' };
  const notes = [...remarkNotes(remarksOf(result.value)), ...options.notes];
  return notes.length === 0 ? { kind: 'good' } : { kind: 'partial', notes };
}

/** Fields without a word of their own share one sentence. */
function remarkNotes(remarks: readonly Violation[]): readonly string[] {
  const bare = remarks.filter(({ message }) => message === NOT_ACTED_ON);
  const others = remarks.filter(({ message }) => message !== NOT_ACTED_ON);
  const fields = some(bare.map(({ field }) => field)).join(', ');
  return [
    ...others.map(({ field, message }) => `${field}: ${message}`),
    ...(bare.length > 0 ? [`${NOT_ACTED_ON}: ${fields}`] : []),
  ];
}

function some(reasons: readonly string[]): readonly string[] {
  const rest = reasons.length - REASONS_MAX;
  return rest > 0 ? [...reasons.slice(0, REASONS_MAX), `and ${rest} more`] : reasons;
}

type Saying = {
  readonly status: 'True' | 'False';
  /** One word in CamelCase. */
  readonly reason: string;
  readonly message: string;
};

/** undefined: nothing. */
function sayingOf(verdict: Verdict, kind: string): Saying | undefined {
  switch (verdict.kind) {
    case 'good':
      return undefined;
    case 'refused': {
      const reasons = some(verdict.violations.map(renderViolation)).join('; ');
      const inForce = verdict.isFormerInForce
        ? 'the form before this one stays in force'
        : 'nothing of it is in force';
      return { status: 'False', reason: 'Invalid', message: `${reasons} (${inForce})` };
    }
    case 'unsupported': {
      const message = `the control plane does not act on ${kind} objects yet: this one has no effect`;
      return { status: 'False', reason: 'NotSupported', message };
    }
    case 'partial': {
      const message = some(verdict.notes).join('; ');
      return { status: 'True', reason: 'PartiallySupported', message };
    }
    default:
      return assertNever(verdict);
  }
}

/** What `status` must be changed to, as a merge patch; undefined when it says all that already. */
export function planStatus(
  object: KubeObject,
  verdict: Verdict,
  options: { readonly kind: string; readonly nowMs: number },
): Fields | undefined {
  const status = fieldsOf(object.status);
  const conditions = objectsAt(status, 'conditions');
  const before = conditions.find((condition) => condition['type'] === TYPE);
  const after = conditionOf(object, sayingOf(verdict, options.kind), before, options.nowMs);
  const messages = objectsAt(status, 'validationMessages');
  const wantsMessage = verdict.kind === 'refused';
  const isConditionRight = before === undefined ? after === undefined : isSame(before, after);
  if (isConditionRight && messages.some(isOurs) === wantsMessage) return undefined;
  const others = conditions.filter((condition) => condition !== before);
  return {
    conditions: listOrNothing([...others, ...(after ? [after] : [])]),
    validationMessages: listOrNothing([
      ...messages.filter((message) => !isOurs(message)),
      ...(wantsMessage ? [INVALID_MESSAGE] : []),
    ]),
  };
}

/** Of an object that has nothing of ours, a good one, nothing need be remembered. */
export function hasOwnStatus({ status }: KubeObject): boolean {
  const fields = fieldsOf(status);
  const hasCondition = objectsAt(fields, 'conditions').some((it) => it['type'] === TYPE);
  return hasCondition || objectsAt(fields, 'validationMessages').some(isOurs);
}

function conditionOf(
  { metadata }: KubeObject,
  saying: Saying | undefined,
  before: Fields | undefined,
  nowMs: number,
): Fields | undefined {
  if (!saying) return undefined;
  const since = before?.['status'] === saying.status ? before['lastTransitionTime'] : undefined;
  return {
    type: TYPE,
    ...saying,
    lastTransitionTime: since ?? timestamp(nowMs),
    // a string, as protobuf's JSON writes an int64, and as Istio does
    ...(metadata.generation !== undefined && { observedGeneration: String(metadata.generation) }),
  };
}

function isSame(before: Fields, after: Fields | undefined): boolean {
  if (!after) return false;
  const fields = ['status', 'reason', 'message'] as const;
  const isSameWord = fields.every((name) => before[name] === after[name]);
  const { observedGeneration: seen } = before;
  const isSameForm =
    (typeof seen === 'number' ? String(seen) : seen) === after['observedGeneration'];
  return isSameWord && isSameForm;
}

const INVALID_MESSAGE: Fields = {
  type: { code: INVALID_CODE, name: 'SchemaValidationError' },
  level: 'ERROR',
  documentationUrl: 'https://istio.io/latest/docs/reference/config/analysis/ist0106/',
};

const isOurs = (message: Fields): boolean =>
  textAt(fieldsOf(message, 'type'), 'code') === INVALID_CODE;

/** In a merge patch, null takes a field away. */
const listOrNothing = (list: readonly Fields[]): readonly Fields[] | null =>
  list.length > 0 ? list : null;
