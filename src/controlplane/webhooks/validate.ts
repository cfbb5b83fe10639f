// Validation: an object that the mesh could not act on is refused before it is stored, with the
// fields that are wrong. What is said is what the control plane would say of it later.
import { renderViolation } from '#istio/object.ts';
import { parseIstioObject } from '#istio/parsers.ts';
import { isKubeObject, type KubeObject } from '#kube/objects.ts';
import type { AdmissionRequest, Verdict } from './admission-review.ts';

/** An object of this name is never allowed: it only finds out whether the API server asks. */
export const PROBE_NAME = 'isthmus-webhook-probe';
export const PROBE_ANSWER = 'the validating webhook is reached';

const ALLOWED: Verdict = { isAllowed: true };
const BAD_REQUEST = 400;

export function validate({ object, operation, name }: AdmissionRequest): Verdict {
  if (name === PROBE_NAME) return refused(PROBE_ANSWER);
  if (operation !== 'CREATE' && operation !== 'UPDATE') return ALLOWED;
  if (!isKubeObject(object) || isLeaving(object)) return ALLOWED;
  const result = parseIstioObject(object);
  if (result === undefined || result.ok) return ALLOWED;
  return refused(`configuration is invalid: ${result.violations.map(renderViolation).join(', ')}`);
}

const refused = (message: string): Verdict => ({ isAllowed: false, code: BAD_REQUEST, message });

/** Only finalizers change now: an object that is invalid must still be able to go. */
const isLeaving = ({ metadata }: KubeObject): boolean => metadata.deletionTimestamp !== undefined;
