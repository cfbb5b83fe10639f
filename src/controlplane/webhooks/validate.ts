// Validation: an object that the mesh could not act on is refused before it is stored, with the
// fields that are wrong. What is said is what the control plane would say of it later. Of an object
// that is good, its author is told what it does not do.
import { remarksOf } from '#istio/acted-on.ts';
import { renderViolation } from '#istio/object.ts';
import { parseIstioObject } from '#istio/parsers.ts';
import { renderWarning } from '#istio/warnings/warning.ts';
import { warningsOf } from '#istio/warnings/warnings.ts';
import { isKubeObject, type KubeObject } from '#kube/objects.ts';
import type { AdmissionRequest, Verdict } from './admission-review.ts';

/** An object of this name is never allowed: it only finds out whether the API server asks. */
export const PROBE_NAME = 'isthmus-webhook-probe';
export const PROBE_ANSWER = 'the validating webhook is reached';

const ALLOWED: Verdict = { isAllowed: true };
const BAD_REQUEST = 400;
/** The API server cuts warnings at 4096 bytes in all, without saying so. */
const WARNINGS_MAX = 16;

export function validate({ object, operation, name }: AdmissionRequest): Verdict {
  if (name === PROBE_NAME) return refused(PROBE_ANSWER);
  if (operation !== 'CREATE' && operation !== 'UPDATE') return ALLOWED;
  if (!isKubeObject(object) || isLeaving(object)) return ALLOWED;
  const result = parseIstioObject(object);
  if (result === undefined) return ALLOWED;
  if (result.ok) return { isAllowed: true, warnings: wordsAbout(object, result.value) };
  return refused(`configuration is invalid: ${result.violations.map(renderViolation).join(', ')}`);
}

const refused = (message: string): Verdict => ({ isAllowed: false, code: BAD_REQUEST, message });

/** Istio's advice first, then what nothing acts on. */
function wordsAbout(object: KubeObject, value: unknown): readonly string[] {
  const remarks = remarksOf(value).map(({ field, message }) => `${field}: ${message}`);
  const words = [...warningsOf(object).map(renderWarning), ...remarks];
  const rest = words.length - WARNINGS_MAX;
  if (rest <= 0) return words;
  return [...words.slice(0, WARNINGS_MAX), `and ${rest} more: isthmus analyze shows them`];
}

/** Only finalizers change now: an object that is invalid must still be able to go. */
const isLeaving = ({ metadata }: KubeObject): boolean => metadata.deletionTimestamp !== undefined;
