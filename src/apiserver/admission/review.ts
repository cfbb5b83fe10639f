// AdmissionReview (admission.k8s.io/v1): the question to a webhook, and what it may answer.
import { apiVersionOf } from '../kinds/kind.ts';
import type { Json, JsonObject, KubeObject } from '../object.ts';
import { isJsonList, isJsonObject, listAt, numberAt, objectAt, stringAt } from '../object.ts';
import type { AdmissionRequest } from './admission.ts';

const API_VERSION = 'admission.k8s.io/v1';

/**
 * @param version in which the webhook wants to see the object
 * @param uid of this question; the answer repeats it
 */
export function renderReview(
  request: AdmissionRequest,
  { version, uid }: { readonly version: string; readonly uid: string },
): JsonObject {
  const { scope, operation, name, object, previous } = request;
  const { served, namespace, subresource, user, options } = scope;
  const { kind } = served;
  const shown = (state: KubeObject | undefined): Json =>
    state ? { ...state, apiVersion: apiVersionOf(kind.group, version) } : null;
  const kindOf = (name_: string) => ({ group: kind.group, version: name_, kind: kind.kind });
  const resourceOf = (name_: string) => ({
    group: kind.group,
    version: name_,
    resource: kind.plural,
  });
  const place = {
    ...(subresource !== '' && { subResource: subresource, requestSubResource: subresource }),
    ...(kind.isNamespaced && { namespace }),
  };
  return {
    apiVersion: API_VERSION,
    kind: 'AdmissionReview',
    request: {
      uid,
      kind: kindOf(version),
      resource: resourceOf(version),
      requestKind: kindOf(served.version.name),
      requestResource: resourceOf(served.version.name),
      name,
      ...place,
      operation,
      userInfo: user,
      object: shown(object),
      oldObject: shown(previous),
      dryRun: options.isDryRun,
      options: { apiVersion: 'meta.k8s.io/v1', kind: OPTIONS[operation] },
    },
  };
}

const OPTIONS: Readonly<Record<AdmissionRequest['operation'], string>> = {
  CREATE: 'CreateOptions',
  UPDATE: 'UpdateOptions',
  DELETE: 'DeleteOptions',
};

export type ReviewAnswer =
  | {
      readonly isAllowed: true;
      /** JSON patch operations; empty when nothing is to change. */
      readonly patch: readonly Json[];
      readonly warnings: readonly string[];
    }
  | {
      readonly isAllowed: false;
      readonly code: number;
      readonly reason: string;
      readonly message: string;
      readonly warnings: readonly string[];
    };

const FORBIDDEN = 403;

/** @returns why the answer is none, or the answer */
export function parseReview(body: Json, uid: string): ReviewAnswer | string {
  if (!isJsonObject(body) || body['kind'] !== 'AdmissionReview') return 'not an AdmissionReview';
  if (body['apiVersion'] !== API_VERSION) return `not of version ${API_VERSION}`;
  const response = objectAt(body, 'response');
  if (stringAt(response, 'uid') !== uid) return 'an answer to another question: its uid is wrong';
  const warnings = listAt(response, 'warnings').filter((text) => typeof text === 'string');
  if (response['allowed'] !== true) return refusal(objectAt(response, 'status'), warnings);
  const patch = stringAt(response, 'patch');
  if (patch === '') return { isAllowed: true, patch: [], warnings };
  if (stringAt(response, 'patchType') !== 'JSONPatch') return 'a patch that is not a JSONPatch';
  const operations = parsePatch(patch);
  if (!operations) return 'a patch that is not a list of operations';
  return { isAllowed: true, patch: operations, warnings };
}

function refusal(status: JsonObject, warnings: readonly string[]): ReviewAnswer {
  const code = numberAt(status, 'code') ?? FORBIDDEN;
  return {
    isAllowed: false,
    code: code >= 400 && code < 600 ? code : FORBIDDEN,
    reason: stringAt(status, 'reason'),
    message: stringAt(status, 'message'),
    warnings,
  };
}

function parsePatch(base64: string): readonly Json[] | undefined {
  try {
    const value: Json = JSON.parse(Buffer.from(base64, 'base64').toString());
    return isJsonList(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
