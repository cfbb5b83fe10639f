// AdmissionReview: what the API server asks a webhook, and what it is answered.
// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#webhook-request-and-response
import { fieldsOf, textAt } from '#kube/fields.ts';
import { isRecord } from '#kube/objects.ts';
import type { PatchOperation } from './json-patch.ts';

const API_VERSION = 'admission.k8s.io/v1';

export type AdmissionRequest = {
  readonly uid: string;
  readonly operation: string;
  /** Empty for cluster-wide kinds. */
  readonly namespace: string;
  /** Empty when the API server has yet to make it from `generateName`. */
  readonly name: string;
  /** The object as it is to become; undefined for DELETE. Not checked in any way. */
  readonly object: Readonly<Record<string, unknown>> | undefined;
};

export type Verdict =
  | {
      readonly isAllowed: true;
      readonly patch?: readonly PatchOperation[];
      /** Shown by kubectl to who makes the request; at most 120 characters each are sure to be. */
      readonly warnings?: readonly string[];
    }
  | { readonly isAllowed: false; readonly code: number; readonly message: string };

/** Undefined when the body is no AdmissionReview of a version that this answers. */
export function parseAdmissionReview(body: unknown): AdmissionRequest | undefined {
  const review = fieldsOf(body);
  if (review['kind'] !== 'AdmissionReview' || review['apiVersion'] !== API_VERSION)
    return undefined;
  const request = fieldsOf(review, 'request');
  const uid = textAt(request, 'uid');
  if (uid === '') return undefined;
  const object = request['object'];
  return {
    uid,
    operation: textAt(request, 'operation'),
    namespace: textAt(request, 'namespace'),
    name: textAt(request, 'name'),
    object: isRecord(object) ? object : undefined,
  };
}

export function renderAdmissionReview({ uid }: AdmissionRequest, verdict: Verdict): object {
  return { apiVersion: API_VERSION, kind: 'AdmissionReview', response: { uid, ...parts(verdict) } };
}

function parts(verdict: Verdict): object {
  if (!verdict.isAllowed) {
    const { code, message } = verdict;
    return { allowed: false, status: { code, message } };
  }
  const { patch = [], warnings = [] } = verdict;
  return {
    allowed: true,
    ...(patch.length > 0 && {
      patchType: 'JSONPatch',
      patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
    }),
    ...(warnings.length > 0 && { warnings }),
  };
}
