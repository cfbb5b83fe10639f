// PATCH in its three older forms. Server-side apply is a form of its own, see apply.ts.
import type { ServedKind } from '../kinds/kind.ts';
import type { Draft, Json, KubeObject } from '../object.ts';
import { isJsonList, isJsonObject } from '../object.ts';
import { applyJsonPatch } from '../patch/json-patch.ts';
import { applyMergePatch } from '../patch/merge-patch.ts';
import { applyStrategicMerge, StrategicPatchError } from '../patch/strategic-merge.ts';
import { badRequest, invalidObject, StatusError, unsupportedMediaType } from '../status.ts';
import { invalid } from '../violation.ts';
import { decodeObject } from './decode.ts';
import type { Scope } from './scope.ts';
import type { Updated } from './update.ts';
import { updateObject } from './update.ts';

export const JSON_PATCH = 'application/json-patch+json';
export const MERGE_PATCH = 'application/merge-patch+json';
export const STRATEGIC_PATCH = 'application/strategic-merge-patch+json';
export const APPLY_PATCH = 'application/apply-patch+yaml';

/** @throws StatusError when the patch cannot be applied or its result is refused */
export function patchObject(
  scope: Scope,
  name: string,
  patch: { readonly mediaType: string; readonly body: Json },
): Promise<Updated> {
  const apply = patcherOf(scope.served, patch.mediaType, patch.body);
  return updateObject(scope, name, (current) => {
    const draft = decodeObject(scope.served, apply(current), {
      ...scope.options,
      warn: scope.warn,
      refuse: (problem) => refusedPatch(problem, patch.body),
    });
    return keepVersionUnlessPatched(draft, current);
  });
}

/**
 * A patch that does not touch the resourceVersion is one for whatever is current: it is repeated
 * when another writer comes first.
 */
function keepVersionUnlessPatched(draft: Draft, current: KubeObject): Draft {
  if (draft.metadata.resourceVersion === current.metadata.resourceVersion) {
    delete draft.metadata.resourceVersion;
  }
  return draft;
}

export type Patcher = (current: KubeObject) => Json;

/** @throws StatusError when the media type is none for this kind */
export function patcherOf(served: ServedKind, mediaType: string, body: Json): Patcher {
  switch (mediaType) {
    case JSON_PATCH:
      return jsonPatcher(body);
    case MERGE_PATCH:
      return mergePatcher(body);
    case STRATEGIC_PATCH:
      if (served.kind.isCustom) throw unsupportedMediaType([JSON_PATCH, MERGE_PATCH, APPLY_PATCH]);
      return strategicPatcher(served, body);
    default:
      throw unsupportedMediaType([JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH]);
  }
}

function jsonPatcher(body: Json): Patcher {
  if (!isJsonList(body)) throw badRequest('json: a JSON patch must be a list of operations');
  return (current) => {
    const patched = applyJsonPatch(current, body);
    if (patched.ok) return patched.value;
    const message = `the server rejected our request due to an error in our request: ${patched.problem}`;
    throw new StatusError(422, 'Invalid', message, { details: {} });
  };
}

function mergePatcher(body: Json): Patcher {
  if (!isJsonObject(body)) throw badRequest('json: a merge patch must be an object');
  return (current) => applyMergePatch(current, body);
}

function strategicPatcher(served: ServedKind, body: Json): Patcher {
  if (!isJsonObject(body)) throw badRequest('json: a strategic merge patch must be an object');
  return (current) => {
    try {
      return applyStrategicMerge(current, body, served.version.schema);
    } catch (error) {
      if (error instanceof StrategicPatchError) throw badRequest(error.message);
      throw error;
    }
  };
}

export function refusedPatch(problem: string, body: Json): Error {
  return invalidObject({ group: '', kind: '' }, '', [
    invalid('patch', JSON.stringify(body), problem),
  ]);
}
