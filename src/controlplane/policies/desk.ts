// Policies as the console and its users have them: read, previewed and written in the user's name.
import type {
  PolicyDocument,
  PolicyImpact,
  PolicyPreviewRequest,
  PolicyReference,
  PolicySummary,
} from '#api/policies.ts';
import type { Denial } from '#api/events.ts';
import type { TalkedTo } from '#api/history.ts';
import type { Clock } from '#base/clock.ts';
import type { KubeObject } from '#kube/objects.ts';
import {
  apiVersionOf,
  AUTHORIZATION_POLICY,
  PEER_AUTHENTICATION,
  type ResourceType,
} from '#kube/resources.ts';
import { isNotFound, KubeStatusError } from '#kube/status.ts';
import type { KubeUser } from '#kube/user.ts';
import type { Mesh } from '#model/mesh.ts';
import { diagnose } from '#reach/diagnose.ts';
import type { SeenCall } from '#reach/impact.ts';
import { policyType, POLICY_TYPES } from '#reach/policy-types.ts';
import type { Flows } from '#telemetry/flows/flows.ts';
import { hitsOf, NO_HITS, seenCall, unallowed } from './hits.ts';
import type { PolicyClient, PolicyKeeper } from './keeper.ts';
import { SHADOW_OF, shadowName, triedOf, yamlOf } from './objects.ts';
import { previewNote } from './preview-note.ts';
import type { Rehearsals } from './rehearsals.ts';
import type { PolicyRecord } from './store.ts';
import { summaryOf, type Hits } from './summary.ts';

export type DeskParts = {
  readonly mesh: Mesh;
  readonly flows: Pick<Flows, 'talkedTo' | 'denials' | 'edges' | 'connections' | 'samples'>;
  readonly client: PolicyClient;
  readonly policies: PolicyKeeper;
  readonly clock: Clock;
  readonly rehearsals: Rehearsals;
  /** Of a shadow: what it would have refused since it began; null: nobody counts. */
  readonly wouldDeny: (record: PolicyRecord) => Promise<number | null>;
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WINDOWS: Readonly<Record<PolicyPreviewRequest['window'], number>> = {
  '1h': HOUR_MS,
  '24h': DAY_MS,
  '7d': 7 * DAY_MS,
};

/** Calls that are judged at most; the others are not told of. */
const CALLS_MAX = 20_000;

type Seen = { readonly talked: readonly TalkedTo[]; readonly denials: readonly Denial[] };

/**
 * Kinds that the user may not list are left out.
 *
 * @throws KubeStatusError 403 where the user may list none
 */
export async function listPolicies(
  parts: DeskParts,
  user: KubeUser,
): Promise<readonly PolicySummary[]> {
  const objects = await readAll(parts, user, { types: POLICY_TYPES });
  const known = knownOf(parts, objects);
  return await Promise.all(objects.map((object) => summarize(parts, object, known)));
}

/** undefined: there is none, and nothing of it can be undone. @throws KubeStatusError */
export async function readPolicy(
  parts: DeskParts,
  ref: PolicyReference,
  user: KubeUser,
): Promise<PolicyDocument | undefined> {
  const object = await presentPolicy(parts, ref, user);
  const record = await parts.policies.record(ref);
  const shadow = await shadowOf(parts, ref, user);
  if (object === undefined && record === undefined && shadow === undefined) return undefined;
  const peers = object ? await peersOf(parts, ref, user) : [];
  const summary = object
    ? await summarize(parts, object, knownOf(parts, peers))
    : goneSummary(ref, { record, hasShadow: shadow !== undefined });
  return {
    ...summary,
    resourceVersion: object?.metadata.resourceVersion ?? '',
    yaml: object ? yamlOf(object, ref) : '',
    pending: record ? await pendingOf(parts, record) : null,
    previousYaml: record?.previous ? yamlOf(record.previous, ref) : '',
    shadowYaml: shadow ? yamlOf(triedOf(shadow, ref), ref) : '',
  };
}

/** What may be in its way, as far as the user may see that. */
async function peersOf(
  parts: DeskParts,
  { kind, namespace }: PolicyReference,
  user: KubeUser,
): Promise<readonly KubeObject[]> {
  const types = POLICY_TYPES.filter((type) => type.kind === kind || OF_OLD[kind] === type.kind);
  return await readAll(parts, user, { types, namespace }).catch((error: unknown) => {
    if (isForbidden(error)) return [];
    throw error;
  });
}

/** By kind: what goes before it. */
const OF_OLD: Readonly<Record<string, string>> = {
  MeshPolicy: PEER_AUTHENTICATION.kind,
  Policy: PEER_AUTHENTICATION.kind,
};

/** The copy that is only tried, whoever began that; undefined: there is none. */
async function shadowOf(
  parts: DeskParts,
  ref: PolicyReference,
  user: KubeUser,
): Promise<KubeObject | undefined> {
  if (ref.kind !== AUTHORIZATION_POLICY.kind) return undefined;
  const copy = await presentPolicy(parts, { ...ref, name: shadowName(ref.name) }, user);
  return copy?.metadata.labels?.[SHADOW_OF] === ref.name ? copy : undefined;
}

/**
 * What an edit would do to the calls that were seen, in the mesh as it is: also by what the user
 * may not read. undefined: too many ask at once, or who asked has gone. @throws KubeStatusError
 */
export async function previewPolicy(
  parts: DeskParts,
  request: PolicyPreviewRequest,
  { user, signal }: { readonly user: KubeUser; readonly signal: AbortSignal },
): Promise<PolicyImpact | undefined> {
  const { mesh, clock, rehearsals } = parts;
  const { kind, namespace, name, yaml, window } = request;
  const ref = { kind, namespace, name };
  const isDeletion = yaml.trim() === '';
  const { diagnostics, object: after } = isDeletion
    ? { diagnostics: [], object: undefined }
    : diagnose(mesh, ref, yaml);
  const coverageMs = coverage(parts, WINDOWS[window], clock.nowMs());
  const note = previewNote(kind);
  const nothing = { ...NO_IMPACT, diagnostics, coverageMs, note };
  if (after === undefined && !isDeletion) return nothing;
  const before = await presentPolicy(parts, ref, user);
  const calls = callsIn(parts, WINDOWS[window]);
  const impact = await rehearsals.impactOf([{ ...ref, before, after }], calls, signal);
  return impact && { ...nothing, ...impact };
}

const NO_IMPACT = { refused: [], allowed: [], moved: [], unchanged: [], untold: [] };

/** What talked, and what was refused: the latter may be let in. */
function callsIn(parts: DeskParts, windowMs: number): readonly SeenCall[] {
  const { talked, denials } = seenIn(parts, windowMs);
  const open = openByCall(parts);
  const calls = new Map<string, SeenCall>();
  for (const one of talked) {
    const key = keyOfCall(one);
    calls.set(key, { ...seenCall(one), openConnections: open.get(edgeKey(one)) ?? 0 });
  }
  const edges = new Map([...parts.flows.edges()].map((edge) => [edge.id, edge]));
  for (const denial of denials) {
    const { from, to, port, clientIdentity, atMs } = denial;
    const key = keyOfCall(denial);
    if (calls.has(key)) continue;
    const { protocol = 'tcp', service = '' } = edges.get(denial.edge) ?? {};
    const call = { from, to, port, clientIdentity, protocol, service, lastSeenMs: atMs };
    const serverIdentity = clientIdentity;
    calls.set(key, { ...call, serverIdentity, bytes: 0, openConnections: 0 });
  }
  return [...calls.values()].slice(0, CALLS_MAX);
}

type Ends = { readonly from: string; readonly to: string; readonly port: number };

const edgeKey = ({ from, to, port }: Ends): string => JSON.stringify([from, to, port]);
const keyOfCall = (call: Ends & { readonly clientIdentity: string }): string =>
  JSON.stringify([call.from, call.to, call.port, call.clientIdentity]);

/** Open connections of each edge, as its last sample has them. */
function openByCall({ flows }: DeskParts): ReadonlyMap<string, number> {
  const open = new Map(flows.samples().map(([edge, , , count]) => [edge, count]));
  const byEdge = new Map<string, number>();
  for (const edge of flows.edges()) {
    const key = edgeKey(edge);
    byEdge.set(key, (byEdge.get(key) ?? 0) + (open.get(edge.index) ?? 0));
  }
  return byEdge;
}

function seenIn({ flows, clock }: DeskParts, windowMs: number): Seen {
  const nowMs = clock.nowMs();
  const span = { fromMs: nowMs - windowMs, toMs: nowMs + 1 };
  return { talked: flows.talkedTo(span), denials: flows.denials(span) };
}

/** How far back anything is known: of a young mesh less than the window. */
function coverage({ flows }: DeskParts, windowMs: number, nowMs: number): number {
  let firstMs = nowMs;
  for (const { firstSeenMs } of flows.edges()) firstMs = Math.min(firstMs, firstSeenMs);
  return Math.min(windowMs, nowMs - firstMs);
}

/**
 * All policies of these kinds that the user may see; who may not list them everywhere, those of the
 * namespace and of the root namespace, as far as that.
 */
async function readAll(
  { client, mesh }: DeskParts,
  user: KubeUser,
  asked: { readonly types: readonly ResourceType[]; readonly namespace?: string },
): Promise<readonly KubeObject[]> {
  const as = client.as(user);
  const { namespace = '' } = asked;
  const list = async (
    type: ResourceType,
    within: string | undefined,
  ): Promise<readonly KubeObject[]> => {
    const { items } = await as.list(type, { namespace: within });
    const apiVersion = apiVersionOf(type);
    return items.map((object) => ({ apiVersion, ...object, kind: type.kind }));
  };
  const { rootNamespace } = mesh.config();
  const lists = await Promise.allSettled(
    asked.types.map(async (type) => {
      try {
        return await list(type, undefined);
      } catch (error) {
        if (isNotFound(error)) return []; // the server does not know the kind
        if (!isForbidden(error) || namespace === '') throw error;
        const own = await list(type, namespace);
        if (rootNamespace === namespace) return own;
        const ofMesh = await list(type, rootNamespace).catch((rootError: unknown) => {
          if (isForbidden(rootError)) return [];
          throw rootError;
        });
        return [...own, ...ofMesh];
      }
    }),
  );
  const failed = lists.filter((one) => one.status === 'rejected');
  const worst = failed.find(({ reason }) => !isForbidden(reason)) ?? failed[0];
  if (worst && (!isForbidden(worst.reason) || failed.length === lists.length)) throw worst.reason;
  return lists.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
}

const isForbidden = (error: unknown): boolean =>
  error instanceof KubeStatusError && error.status.code === 403;

async function summarize(
  parts: DeskParts,
  object: KubeObject,
  known: Known,
): Promise<PolicySummary> {
  const { mesh } = parts;
  const { kind = '', metadata } = object;
  const ref = { kind, namespace: metadata.namespace ?? '', name: metadata.name };
  const record = await parts.policies.record(ref);
  return summaryOf(object, {
    mesh,
    peers: known.objects,
    hits: hitsFor(parts, object, known),
    writtenBy: record && record.mode !== 'shadow' ? record.by.username : '',
  });
}

/** Worked out once for all rows of an answer. */
type Known = {
  readonly objects: readonly KubeObject[];
  readonly denials: readonly Denial[];
  readonly hits: ReturnType<typeof hitsOf>;
};

function knownOf(parts: DeskParts, objects: readonly KubeObject[]): Known {
  const { mesh } = parts;
  const seen = seenIn(parts, DAY_MS);
  return { objects, denials: seen.denials, hits: hitsOf(mesh, seen) };
}

function hitsFor({ mesh }: DeskParts, object: KubeObject, { denials, hits }: Known): Hits {
  if (object.kind !== 'AuthorizationPolicy') return NO_HITS;
  const own = hits.get(`${object.metadata.namespace}/${object.metadata.name}`);
  const isAllow = ['ALLOW', undefined].includes(actionOf(object));
  const closed = isAllow ? unallowed(mesh, object, denials) : 0;
  return { allowed: own?.allowed ?? 0, denied: (own?.denied ?? 0) + closed };
}

const actionOf = ({ spec }: KubeObject): string | undefined => {
  const action: unknown =
    typeof spec === 'object' && spec !== null && 'action' in spec ? spec.action : undefined;
  return typeof action === 'string' ? action : undefined;
};

/** Of a policy that was deleted here, while that can be undone. */
function goneSummary(
  ref: PolicyReference,
  { record, hasShadow }: { readonly record: PolicyRecord | undefined; readonly hasShadow: boolean },
): PolicySummary {
  return {
    ...ref,
    scope: '',
    targets: [],
    effect: hasShadow || record?.mode === 'shadow' ? 'in shadow only' : 'deleted',
    ...NO_HITS,
    conflicts: [],
    changedAtMs: record?.atMs ?? 0,
    changedBy: record?.by.username ?? '',
    managedBy: '',
  };
}

async function pendingOf(
  { wouldDeny }: DeskParts,
  record: PolicyRecord,
): Promise<PolicyDocument['pending']> {
  const { revertsAtMs, by, mode } = record;
  if (revertsAtMs === null) return null;
  return {
    revertsAtMs,
    by: by.username,
    mode,
    wouldDeny: mode === 'shadow' ? await wouldDeny(record) : null,
  };
}

/** What stands there now. @throws KubeStatusError */
export async function presentPolicy(
  { client }: DeskParts,
  ref: PolicyReference,
  user: KubeUser,
): Promise<KubeObject | undefined> {
  const type = policyType(ref.kind);
  if (type === undefined) return undefined;
  try {
    return await client.as(user).get(type, ref);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
