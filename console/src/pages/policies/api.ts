// Policies over the API: reading, previewing, and every way of writing one.
import { ApiError, get, post, send } from '../../api/client.ts';
import type {
  PolicyDocument,
  PolicyImpact,
  PolicyMode,
  PolicyPreviewRequest,
  PolicyReference,
  PolicySummary,
  PolicyWrite,
} from '../../api/types.ts';
import { policyPath } from './paths.ts';

const ROOT = '/api/v1/policies';

const apiPath = (of: PolicyReference): string => `/api/v1${policyPath(of)}`;

export const listPolicies = (signal: AbortSignal): Promise<readonly PolicySummary[]> =>
  get(ROOT, { signal });

export const readPolicy = (of: PolicyReference, signal?: AbortSignal): Promise<PolicyDocument> =>
  get(apiPath(of), { signal });

/** Undefined: there is none of this name. */
export async function findPolicy(
  of: PolicyReference,
  signal?: AbortSignal,
): Promise<PolicyDocument | undefined> {
  try {
    return await readPolicy(of, signal);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

export const previewPolicy = (
  request: PolicyPreviewRequest,
  signal: AbortSignal,
): Promise<PolicyImpact> => post(`${ROOT}:preview`, request, { signal });

/** Which version the edit began with; empty: it is to be new. */
type Version = string;

const condition = (version: Version): Readonly<Record<string, string>> =>
  version === '' ? { 'If-None-Match': '*' } : { 'If-Match': `"${version}"` };

/** When it undoes itself is the control plane's setting. */
const query = (mode: PolicyMode): string => new URLSearchParams({ mode }).toString();

export function writePolicy(
  of: PolicyReference,
  version: Version,
  mode: PolicyMode,
  { yaml, endsOpenConnections }: PolicyWrite,
): Promise<PolicyDocument> {
  const body: PolicyWrite = { yaml, endsOpenConnections };
  return send('PUT', `${apiPath(of)}?${query(mode)}`, body, { headers: condition(version) });
}

export function deletePolicy(
  of: PolicyReference,
  version: Version,
  mode: PolicyMode,
  endsOpenConnections: boolean,
): Promise<PolicyDocument | undefined> {
  const path = `${apiPath(of)}?${query(mode)}`;
  return send('DELETE', path, { endsOpenConnections }, { headers: condition(version) });
}

/** Makes a pending apply last. */
export const keepPolicy = (of: PolicyReference): Promise<PolicyDocument> =>
  post(`${ROOT}:confirm`, reference(of));

/**
 * Brings back what was before: of a pending apply at once, of the last one for 24 hours. Undefined:
 * there was none before.
 */
export const undoPolicy = (of: PolicyReference): Promise<PolicyDocument | undefined> =>
  post(`${ROOT}:undo`, reference(of));

const reference = ({ kind, namespace, name }: PolicyReference): PolicyReference => ({
  kind,
  namespace,
  name,
});

/** Somebody else changed it since it was read. */
export const isConflict = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 409 || error.status === 412);
