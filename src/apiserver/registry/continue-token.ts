// The token between the pages of a list: which state is listed, and where the next page begins.
import { badRequest } from '../status.ts';
import { isJsonObject, numberAt, stringAt } from '../object.ts';
import type { Json } from '../object.ts';

export type ContinueToken = {
  /** The state that is listed; undefined for whatever is current (the old one is gone). */
  readonly revision: number | undefined;
  readonly after: { readonly namespace: string; readonly name: string } | undefined;
};

/** The form that Kubernetes gives its tokens; opaque to clients. */
const VERSION = 'meta.k8s.io/v1';
const CURRENT = -1;
const TOKEN_LENGTH_MAX = 2_048;

export function renderContinueToken({ revision = CURRENT, after }: ContinueToken): string {
  const start = after ? `${after.namespace}/${after.name}\0` : '';
  return Buffer.from(JSON.stringify({ v: VERSION, rv: revision, start })).toString('base64url');
}

/** @throws StatusError BadRequest */
export function parseContinueToken(text: string): ContinueToken {
  const token = text.length > TOKEN_LENGTH_MAX ? undefined : readJson(text);
  const revision = isJsonObject(token) ? numberAt(token, 'rv') : undefined;
  const match = isJsonObject(token)
    ? /^([^/\0]*)\/([^\0]+)\0$/.exec(stringAt(token, 'start'))
    : null;
  if (revision === undefined || !Number.isSafeInteger(revision) || !match) {
    throw badRequest('continue key is not valid: it must be one that a list returned');
  }
  return {
    revision: revision === CURRENT ? undefined : revision,
    after: { namespace: match[1] ?? '', name: match[2] ?? '' },
  };
}

function readJson(text: string): Json | undefined {
  try {
    const value: Json = JSON.parse(Buffer.from(text, 'base64url').toString());
    return value;
  } catch {
    return undefined;
  }
}
