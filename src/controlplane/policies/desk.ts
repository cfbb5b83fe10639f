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
import { isNotFound, KubeStatusError } from '#kube/status.ts';
import type { KubeUser } from '#kube/user.ts';
import type { Mesh } from '#model/mesh.ts';
import { diagnose } from '#reach/diagnose.ts';
import { impactSteps, type Impact, type SeenCall } from '#reach/impact.ts';
import { changed, policySet, policyType, POLICY_TYPES } from '#reach/policy-set.ts';
import type { Flows } from '#telemetry/flows/flows.ts';
import { hitsOf, NO_HITS, seenCall, unallowed } from './hits.ts';
import type { PolicyClient, PolicyKeeper } from './keeper.ts';
import { yamlOf } from './objects.ts';
import type { PolicyRecord } from './store.ts';
import { summaryOf, type Hits } from './summary.ts';

export type DeskParts = {
  readonly mesh: Mesh;
  readonly flows: Pick<Flows, 'talkedTo' | 'denials' | 'edges' | 'connections' | 'samples'>;
  readonly client: PolicyClient;
  readonly policies: PolicyKeeper;
  readonly clock: Clock;
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

/** @throws KubeStatusError 403 where the user may not list policies */
export async function listPolicies(
  parts: DeskParts,
  user: KubeUser,
): Promise<readonly PolicySummary[]> {
  const objects = await readAll(parts, user, undefined);
  const known = knownOf(parts, objects);
  return await Promise.all(objects.map((object) => summarize(parts, object, known)));
}

/** undefined: there is none, and nothing of it can be undone. @throws KubeStatusError */
export async function readPolicy(
  parts: DeskParts,
  ref: PolicyReference,
  user: KubeUser,
): Promise<PolicyDocument | undefined> {
  const objects = await readAll(parts, user, ref.namespace);
  const record = await parts.policies.record(ref);
  const object = objects.find(
    ({ kind, metadata }) =>
      kind === ref.kind && metadata.namespace === ref.namespace && metadata.name === ref.name,
  );
  if (object === undefined && record === undefined) return undefined;
  const summary = object
    ? await summarize(parts, object, knownOf(parts, objects))
    : goneSummary(ref, record);
  return {
    ...summary,
    resourceVersion: object?.metadata.resourceVersion ?? '',
    yaml: object ? yamlOf(object, ref) : '',
    pending: record ? await pendingOf(parts, record) : null,
    previousYaml: record?.previous ? yamlOf(record.previous, ref) : '',
  };
}

/** What an edit would do to the calls that were seen. @throws KubeStatusError */
export async function previewPolicy(
  parts: DeskParts,
  request: PolicyPreviewRequest,
  user: KubeUser,
): Promise<PolicyImpact> {
  const { mesh, clock } = parts;
  const { kind, namespace, name, yaml, window } = request;
  const isDeletion = yaml.trim() === '';
  const { diagnostics, object } = isDeletion
    ? { diagnostics: [], object: undefined }
    : diagnose(mesh, { kind, namespace, name }, yaml);
  const nowMs = clock.nowMs();
  const none = { refused: [], allowed: [], unchanged: [], untold: [] };
  const coverageMs = coverage(parts, WINDOWS[window], nowMs);
  if (object === undefined && !isDeletion) return { diagnostics, ...none, coverageMs };
  const before = await readAll(parts, user, namespace);
  const after = changed(before, { kind, namespace, name, object });
  const sets = { before: policySet(mesh, before), after: policySet(mesh, after) };
  const impact = await inTurns(impactSteps(mesh, sets, callsIn(parts, WINDOWS[window])), clock);
  return { diagnostics, ...impact, coverageMs };
}

/** Proxies are not kept waiting for a preview. */
async function inTurns(steps: Generator<void, Impact, void>, clock: Clock): Promise<Impact> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await clock.sleep(0);
  }
}

/** What talked, and what was refused: the latter may be let in. */
function callsIn(parts: DeskParts, windowMs: number): readonly SeenCall[] {
  const { talked, denials } = seenIn(parts, windowMs);
  const open = openByCall(parts);
  const calls = new Map<string, SeenCall>();
  for (const one of talked) {
    const key = keyOfCall(one);
    calls.set(key, { ...seenCall(one), openConnections: open.get(edgeKey(one)) ?? 0 });
  }
  for (const denial of denials) {
    const { from, to, port, clientIdentity, atMs } = denial;
    const key = keyOfCall(denial);
    if (calls.has(key)) continue;
    const protocol = 'tcp' as const;
    const call = { from, to, port, clientIdentity, protocol, lastSeenMs: atMs };
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
 * All policies that the user may see; who may not list them everywhere, those of the namespace and
 * of the root namespace, as far as that.
 */
async function readAll(
  { client, mesh }: DeskParts,
  user: KubeUser,
  namespace: string | undefined,
): Promise<readonly KubeObject[]> {
  const as = client.as(user);
  const lists = await Promise.all(
    POLICY_TYPES.map(async (type) => {
      const typed = (object: KubeObject): KubeObject => ({
        ...object,
        apiVersion: object.apiVersion ?? `${type.group}/${type.version}`,
        kind: type.kind,
      });
      const list = async (within: string | undefined): Promise<readonly KubeObject[]> =>
        (await as.list(type, { namespace: within })).items.map(typed);
      try {
        return await list(undefined);
      } catch (error) {
        if (!isForbidden(error) || namespace === undefined) throw error;
        const { rootNamespace } = mesh.config();
        const own = await list(namespace);
        if (rootNamespace === namespace) return own;
        const ofMesh = await list(rootNamespace).catch((rootError: unknown) => {
          if (isForbidden(rootError)) return [];
          throw rootError;
        });
        return [...own, ...ofMesh];
      }
    }),
  );
  return lists.flat();
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
  const peers = known.objects.filter((one) => one.kind === kind);
  return summaryOf(object, {
    mesh,
    peers,
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
  return { objects, denials: seen.denials, hits: hitsOf(mesh, policySet(mesh, objects), seen) };
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
function goneSummary(ref: PolicyReference, record: PolicyRecord | undefined): PolicySummary {
  return {
    ...ref,
    scope: '',
    targets: [],
    effect: record?.mode === 'shadow' ? 'in shadow only' : 'deleted',
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
