// Policies: `GET /api/v1/policies`, `GET|PUT|DELETE /api/v1/policies/{kind}/{namespace}/{name}`,
// `POST /api/v1/policies:preview`, `:confirm`, `:undo`. Kubernetes decides what a user may: all is
// read and written in the user's name.
import type {
  EndedSessions,
  PolicyMode,
  PolicyPreviewRequest,
  PolicyReference,
  PolicyWrite,
} from '#api/policies.ts';
import { isObjectName } from '#base/workload-identity.ts';
import { isRecord } from '#kube/objects.ts';
import { diagnose } from '#reach/diagnose.ts';
import { policyType } from '#reach/policy-types.ts';
import {
  listPolicies,
  presentPolicy,
  previewPolicy,
  readPolicy,
  type DeskParts,
} from '../../policies/desk.ts';
import { endRefused, type EnderParts } from '../../policies/end-sessions.ts';
import { Rehearsals } from '../../policies/rehearsals.ts';
import { PolicyRefusal, type Condition, type Write } from '../../policies/keeper.ts';
import { ShadowCount, type ShadowCountParts } from '../../policies/shadow-count.ts';
import { managedBy } from '../../policies/summary.ts';
import { numberParameter } from '../parameters.ts';
import { ApiRefusal, badRequest, notFound, ok, STREAMED } from '../route.ts';
import type { ApiAnswer, ApiCall, ApiRoute } from '../route.ts';
import { mayEndSessions } from './policy-sessions.ts';

export type PolicyParts = Omit<DeskParts, 'wouldDeny' | 'rehearsals'> &
  ShadowCountParts &
  EnderParts;
type WritingParts = DeskParts & EnderParts;

const SEE = { verb: 'get', resource: 'flows' } as const;
const ROOT = '/api/v1/policies';
const ONE = `${ROOT}/:kind/:namespace/:name` as const;
/** Of a policy of the whole mesh: in bodies, and in paths, which have something everywhere. */
const NO_NAMESPACE: ReadonlySet<string> = new Set(['', '-']);
const MODES: readonly PolicyMode[] = ['shadow', 'confirm', 'keep'];
const WINDOWS: readonly PolicyPreviewRequest['window'][] = ['1h', '24h', '7d'];
const TTL_SECONDS_MAX = 3600;

export function policyRoutes(given: PolicyParts): readonly ApiRoute[] {
  const counts = new ShadowCount(given);
  const rehearsals = new Rehearsals(given);
  const parts: WritingParts = { ...given, wouldDeny: (record) => counts.of(record), rehearsals };
  return [
    {
      method: 'GET',
      path: ROOT,
      allow: 'signed-in',
      handle: async ({ user }) => ok(await listPolicies(parts, user)),
    },
    {
      method: 'GET',
      path: ONE,
      allow: 'signed-in',
      handle: async (call) => await documentOf(parts, call, referenceOf(call.params)),
    },
    { method: 'PUT', path: ONE, allow: 'signed-in', handle: (call) => put(parts, call) },
    { method: 'DELETE', path: ONE, allow: 'signed-in', handle: (call) => remove(parts, call) },
    {
      // shows who talked to whom
      method: 'POST',
      path: `${ROOT}:preview`,
      allow: SEE,
      handle: async (call) => await preview(parts, call),
    },
    {
      method: 'POST',
      path: `${ROOT}:confirm`,
      allow: 'signed-in',
      handle: async (call) => {
        const ref = referenceOf(call.body);
        await mayWrite(parts, call, ref);
        await answered(() => parts.policies.confirm(ref));
        return await documentOf(parts, call, ref);
      },
    },
    {
      method: 'POST',
      path: `${ROOT}:undo`,
      allow: 'signed-in',
      handle: async (call) => {
        const ref = referenceOf(call.body);
        await answered(() => parts.policies.undo(ref, call.user));
        return await documentOf(parts, call, ref, { isGoneFine: true });
      },
    },
  ];
}

async function preview(parts: DeskParts, call: ApiCall): Promise<ApiAnswer> {
  const impact = await previewPolicy(parts, previewOf(call.body), call);
  if (impact) return ok(impact);
  const message = 'too many previews are being worked out';
  throw new ApiRefusal(503, { code: 'unavailable', message, remedy: 'ask again in a moment' });
}

async function documentOf(
  parts: DeskParts,
  { user }: ApiCall,
  ref: PolicyReference,
  { isGoneFine = false }: { readonly isGoneFine?: boolean } = {},
): Promise<ApiAnswer> {
  const document = await readPolicy(parts, ref, user);
  if (document) return ok(document);
  if (isGoneFine) return { status: 204 };
  throw notFound(`${ref.kind} ${ref.namespace}/${ref.name}`);
}

async function put(parts: WritingParts, call: ApiCall): Promise<ApiAnswer> {
  const ref = referenceOf(call.params);
  const { yaml, endsOpenConnections } = writeOf(call.body);
  const { object, diagnostics } = diagnose(parts.mesh, ref, yaml);
  if (object === undefined) {
    const first = diagnostics.find(({ severity }) => severity === 'error');
    const where = first && first.line > 0 ? `line ${first.line}: ` : '';
    throw new ApiRefusal(422, {
      code: 'invalid',
      message: `the policy is not valid: ${where}${first?.message ?? 'it is empty'}`,
    });
  }
  const ended = await writeAndEnd(parts, call, { ref, object, endsOpenConnections });
  return withEnded(await documentOf(parts, call, ref), ended);
}

async function remove(parts: WritingParts, call: ApiCall): Promise<ApiAnswer> {
  const ref = referenceOf(call.params);
  const { endsOpenConnections: isWanted } = isRecord(call.body) ? call.body : {};
  const endsOpenConnections = isWanted === true;
  const ended = await writeAndEnd(parts, call, { ref, object: undefined, endsOpenConnections });
  return withEnded(await documentOf(parts, call, ref, { isGoneFine: true }), ended);
}

/** @returns undefined: no session was to be ended */
async function writeAndEnd(
  parts: WritingParts,
  call: ApiCall,
  wanted: Pick<Write, 'ref' | 'object'> & { readonly endsOpenConnections: boolean },
): Promise<EndedSessions | undefined> {
  if (!wanted.endsOpenConnections) {
    await write(parts, call, wanted);
    return undefined;
  }
  const governed = await mayEndSessions(parts, call, wanted);
  await write(parts, call, wanted);
  return await endRefused(parts, { governed, by: call.user.username });
}

function withEnded(answer: ApiAnswer, endedSessions: EndedSessions | undefined): ApiAnswer {
  if (!endedSessions || answer === STREAMED || !isRecord(answer.body)) return answer;
  return { ...answer, body: { ...answer.body, endedSessions } };
}

async function write(
  parts: DeskParts,
  call: ApiCall,
  { ref, object }: Pick<Write, 'ref' | 'object'>,
): Promise<void> {
  const { user, query } = call;
  const present = await presentPolicy(parts, ref, user);
  const keeper = present ? managedBy(present) : '';
  if (keeper !== '') {
    throw new ApiRefusal(403, {
      code: 'managed',
      message: `${keeper} keeps this policy and would undo the edit`,
      remedy: 'change it where it comes from',
    });
  }
  const mode = MODES.find((one) => one === (query.get('mode') ?? 'confirm'));
  if (mode === undefined) throw badRequest(`mode is one of ${MODES.join(', ')}`);
  const ttlSeconds = numberParameter(query, 'ttl', { min: 1, max: TTL_SECONDS_MAX });
  const condition = conditionOf(call);
  await answered(() => parts.policies.write({ ref, object, mode, ttlSeconds, condition }, user));
}

/** What must be true of what is there. @throws ApiRefusal 428 */
function conditionOf({ ifMatch, isOnlyNew }: ApiCall): Condition {
  if (isOnlyNew) return { kind: 'new' };
  if (ifMatch !== undefined && ifMatch !== '') {
    return { kind: 'version', resourceVersion: ifMatch };
  }
  throw new ApiRefusal(428, {
    code: 'precondition-required',
    message: 'say which version is to be changed: If-Match, or If-None-Match: *',
  });
}

/** The keeper's own refusals as the API's. */
async function answered(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof PolicyRefusal)) throw error;
    const { message, reason } = error;
    switch (reason) {
      case 'conflict':
        throw new ApiRefusal(409, { code: 'conflict', message, remedy: 'fetch it anew' });
      case 'nothing':
        throw new ApiRefusal(404, { code: 'not-found', message });
      default:
        throw badRequest(message);
    }
  }
}

/** Who may not write the policy may not make a write of it last, either. */
async function mayWrite(
  { client, policies }: DeskParts,
  { user }: ApiCall,
  ref: PolicyReference,
): Promise<void> {
  const record = await policies.record(ref);
  if (record?.by.username === user.username) return;
  const type = policyType(ref.kind);
  if (type === undefined) return;
  // a write of nothing, as the user: Kubernetes says whether they might
  await client.as(user).patch(type, ref, {}, { kind: 'merge' });
}

/** @throws ApiRefusal 400 */
function referenceOf(value: unknown): PolicyReference {
  const { kind, namespace, name } = isRecord(value) ? value : {};
  const isRef =
    typeof kind === 'string' && typeof namespace === 'string' && typeof name === 'string';
  const type = isRef ? policyType(kind) : undefined;
  if (isRef && type && isObjectName(name)) {
    if (type.namespaced && isObjectName(namespace)) return { kind, namespace, name };
    if (!type.namespaced && NO_NAMESPACE.has(namespace)) return { kind, namespace: '', name };
  }
  throw badRequest('a policy is named by {"kind": …, "namespace": …, "name": …}');
}

function writeOf(body: unknown): PolicyWrite {
  const { yaml, endsOpenConnections = false } = isRecord(body) ? body : {};
  if (typeof yaml === 'string' && typeof endsOpenConnections === 'boolean') {
    return { yaml, endsOpenConnections };
  }
  throw badRequest('write {"yaml": text, "endsOpenConnections": boolean}');
}

function previewOf(body: unknown): PolicyPreviewRequest {
  const ref = referenceOf(body);
  const { yaml, window } = isRecord(body) ? body : {};
  const known = WINDOWS.find((one) => one === window);
  if (typeof yaml === 'string' && known) return { ...ref, yaml, window: known };
  throw badRequest(`preview {"yaml": text, "window": one of ${WINDOWS.join(', ')}}`);
}
