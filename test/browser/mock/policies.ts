// Policies of the library story, kept as the control plane would: versions, previews against flows
// that were seen, applies that undo themselves.
import type {
  PolicyDocument,
  PolicyMode,
  PolicyPreviewRequest,
  PolicyReference,
  PolicyWrite,
} from '#api/policies.ts';
import { previewOf } from './policy-preview.ts';
import { problem, type MockAnswer, type MockCall, type MockRoute } from './routes.ts';

const HOUR_MS = 3_600_000;

export const PG_ALLOW_YAML = `# Who may use the inventory's database.
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: pg-allow
  namespace: inventory
spec:
  # only the VM
  selector:
    matchLabels: {app: postgresql}   # its label in the WorkloadGroup
  action: ALLOW
  rules:
  # the library reads and writes
  - from:
    - source:
        principals: ["cluster.local/ns/inventory/sa/postgres-library"]
    to:
    - operation:
        ports: ["5432"]   # no other

  # the monthly report
  - from:
    - source:
        principals:
        - cluster.local/ns/batch/sa/report   # kim, ticket 4711
`;

const STRICT_YAML = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata:
  name: default
  namespace: istio-system
spec:
  mtls:
    mode: STRICT
`;

const TOKENS_YAML = `apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata:
  name: readers
  namespace: inventory
  annotations:
    argocd.argoproj.io/tracking-id: inventory
spec:
  selector:
    matchLabels: {app: frontend}
  jwtRules:
  - issuer: https://accounts.example.com
    jwksUri: https://accounts.example.com/jwks.json
`;

const PLAIN_YAML = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: postgresql
  namespace: inventory
spec:
  host: postgresql-1-vm.inventory.svc.cluster.local   # the VM
  trafficPolicy:
    tls:
      mode: ISTIO_MUTUAL
`;

const OF_OLD_YAML = `apiVersion: authentication.istio.io/v1alpha1
kind: MeshPolicy
metadata:
  name: default
spec:
  peers:
  - mtls:
      mode: PERMISSIVE
`;

type Stored = PolicyDocument & {
  /** What the pending apply replaced; undefined: there was none. */
  readonly replaced: Stored | undefined;
};

function stored(nowMs: number, change: Partial<Stored> & PolicyReference): Stored {
  return {
    scope: 'namespace',
    targets: [],
    effect: '',
    allowed: null,
    denied: null,
    conflicts: [],
    changedAtMs: nowMs - 48 * HOUR_MS,
    changedBy: 'kim',
    managedBy: '',
    resourceVersion: '7',
    yaml: '',
    pending: null,
    previousYaml: '',
    shadowYaml: '',
    replaced: undefined,
    ...change,
  };
}

function storyPolicies(nowMs: number): Stored[] {
  return [
    stored(nowMs, {
      kind: 'AuthorizationPolicy',
      namespace: 'inventory',
      name: 'pg-allow',
      scope: 'app=postgresql',
      targets: ['inventory/postgresql-1-vm'],
      effect: 'ALLOW, 2 rules',
      allowed: 1_284,
      denied: 3,
      yaml: PG_ALLOW_YAML,
    }),
    stored(nowMs, {
      kind: 'PeerAuthentication',
      namespace: 'istio-system',
      name: 'default',
      scope: 'mesh',
      targets: ['inventory/frontend', 'inventory/postgres-library', 'inventory/postgresql-1-vm'],
      effect: 'STRICT',
      changedBy: 'robin',
      changedAtMs: nowMs - 30 * 24 * HOUR_MS,
      yaml: STRICT_YAML,
    }),
    stored(nowMs, {
      kind: 'RequestAuthentication',
      namespace: 'inventory',
      name: 'readers',
      scope: 'app=frontend',
      targets: ['inventory/frontend'],
      effect: '1 issuer',
      conflicts: ['readers-old is for the same workloads: both are asked'],
      managedBy: 'Argo CD',
      changedBy: 'argocd',
      changedAtMs: nowMs - 5 * HOUR_MS,
      yaml: TOKENS_YAML,
    }),
    stored(nowMs, {
      kind: 'DestinationRule',
      namespace: 'inventory',
      name: 'postgresql',
      scope: 'postgresql-1-vm.inventory.svc.cluster.local',
      targets: ['inventory/postgresql-1-vm'],
      effect: 'TLS ISTIO_MUTUAL',
      yaml: PLAIN_YAML,
    }),
    stored(nowMs, {
      kind: 'MeshPolicy',
      namespace: '',
      name: 'default',
      scope: 'mesh',
      targets: ['inventory/frontend', 'inventory/postgres-library', 'inventory/postgresql-1-vm'],
      effect: 'PERMISSIVE',
      conflicts: ['PeerAuthentication istio-system/default is about the same, and goes before it'],
      changedAtMs: nowMs - 400 * 24 * HOUR_MS,
      yaml: OF_OLD_YAML,
    }),
  ];
}

const keyOf = ({ kind, namespace, name }: PolicyReference): string =>
  `${kind}/${namespace}/${name}`;

function table({ memory, nowMs }: Pick<MockCall, 'memory' | 'nowMs'>): Map<string, Stored> {
  const kept = memory.get('policies');
  if (kept instanceof Map) return kept;
  const made = new Map(storyPolicies(nowMs).map((policy) => [keyOf(policy), policy]));
  memory.set('policies', made);
  return made;
}

/** As it is now: what was not kept in time has undone itself. */
function current(call: MockCall, of: PolicyReference): Stored | undefined {
  const policies = table(call);
  const found = policies.get(keyOf(of));
  if (!found?.pending || found.pending.revertsAtMs > call.nowMs) return found;
  return revert(policies, found);
}

function revert(policies: Map<string, Stored>, found: Stored): Stored | undefined {
  const isShadow = found.pending?.mode === 'shadow';
  const base = isShadow ? { ...found, pending: null, shadowYaml: '' } : found.replaced;
  if (!base || base.yaml === '') {
    policies.delete(keyOf(found));
    return undefined;
  }
  const version = Number(found.resourceVersion || base.resourceVersion);
  const back = isShadow ? base : { ...base, resourceVersion: String(version + 1) };
  policies.set(keyOf(back), back);
  return back;
}

const shown = (found: Stored): PolicyDocument => {
  const { replaced, ...document } = found;
  return replaced ? { ...document, previousYaml: replaced.yaml } : document;
};

const reference = (params: MockCall['params']): PolicyReference => ({
  kind: params['kind'] ?? '',
  namespace: params['namespace'] === '-' ? '' : (params['namespace'] ?? ''),
  name: params['name'] ?? '',
});

function list(call: MockCall): MockAnswer {
  const policies = [...table(call).values()].flatMap((one) => current(call, one) ?? []);
  return { json: policies.filter(({ yaml }) => yaml !== '').map(shown) };
}

function read(call: MockCall): MockAnswer {
  const found = current(call, reference(call.params));
  return found ? { json: shown(found) } : problem(404, 'not-found', 'There is no such policy.');
}

const unquoted = (value: string | undefined): string => (value ?? '').replaceAll('"', '');

/** Undefined: it may be written. */
function refusal(call: MockCall, found: Stored | undefined): MockAnswer | undefined {
  if (!call.session.can.policies) {
    return problem(403, 'forbidden', `${call.session.user} may not update policies.`);
  }
  const wanted = unquoted(call.headers['if-match']);
  const isNew = call.headers['if-none-match'] === '*';
  const isMeant = isNew ? !found || found.yaml === '' : found?.resourceVersion === wanted;
  return isMeant ? undefined : problem(409, 'conflict', 'It has changed since it was read.');
}

function write(call: MockCall): MockAnswer {
  const of = reference(call.params);
  const found = current(call, of);
  const refused = refusal(call, found);
  if (refused) return refused;
  const { yaml = '', endsOpenConnections = false }: Partial<PolicyWrite> = Object(call.body);
  const document = shown(put(call, of, found, yaml));
  const endedSessions = { ended: 1, resetting: 0, left: [] };
  return { json: endsOpenConnections ? { ...document, endedSessions } : document };
}

function put(call: MockCall, of: PolicyReference, found: Stored | undefined, yaml: string): Stored {
  const { query, nowMs, session } = call;
  const mode = modeOf(query.get('mode'));
  const next =
    mode === 'shadow'
      ? { ...shadowed(call, of, found), shadowYaml: yaml }
      : applied(call, found ?? stored(nowMs, { ...of, effect: 'ALLOW, 1 rule' }), yaml, mode);
  table(call).set(keyOf(of), next);
  if (mode === 'shadow') return next;
  const { resourceVersion } = next;
  const change = { ...reference({ ...of }), resourceVersion, by: session.user, atMs: nowMs };
  call.emit({ type: 'policy.upsert', policy: change });
  return next;
}

/** A copy beside what is in force, which stays as it is. */
function shadowed({ nowMs, session }: MockCall, of: PolicyReference, found?: Stored): Stored {
  const empty = { ...of, effect: 'in shadow only', resourceVersion: '' };
  const revertsAtMs = nowMs + 24 * HOUR_MS;
  const pending = { revertsAtMs, by: session.user, mode: 'shadow', wouldDeny: 0 } as const;
  return { ...(found ?? stored(nowMs, empty)), pending };
}

function applied(call: MockCall, found: Stored, yaml: string, mode: PolicyMode): Stored {
  const { query, nowMs, session } = call;
  const revertsAtMs = nowMs + Number(query.get('ttl') ?? 120) * 1000;
  const isUnconfirmed = found.pending?.mode === 'confirm';
  const base = isUnconfirmed ? found.replaced : found.yaml === '' ? undefined : found;
  return {
    ...found,
    yaml,
    shadowYaml: '', // gives way to what is applied
    resourceVersion: yaml === '' ? '' : String(Number(found.resourceVersion) + 1),
    changedAtMs: nowMs,
    changedBy: session.user,
    previousYaml: base?.yaml ?? '',
    replaced: base && { ...base, pending: null },
    pending: mode === 'keep' ? null : { revertsAtMs, by: session.user, mode, wouldDeny: null },
  };
}

const modeOf = (text: string | null): PolicyMode =>
  text === 'shadow' || text === 'keep' ? text : 'confirm';

function remove(call: MockCall): MockAnswer {
  const of = reference(call.params);
  const found = current(call, of);
  return refusal(call, found) ?? { json: shown(put(call, of, found, '')) };
}

const referenceIn = (body: unknown): PolicyReference => {
  const { kind = '', namespace = '', name = '' }: Partial<PolicyReference> = Object(body);
  return { kind, namespace, name };
};

function confirm(call: MockCall): MockAnswer {
  const found = current(call, referenceIn(call.body));
  if (!found?.pending) return problem(409, 'conflict', 'Nothing waits to be kept.');
  const kept = { ...found, pending: null };
  table(call).set(keyOf(kept), kept);
  return { json: shown(kept) };
}

function undo(call: MockCall): MockAnswer {
  const found = current(call, referenceIn(call.body));
  if (!found?.pending && !found?.previousYaml) {
    return problem(404, 'not-found', 'There is nothing to undo.');
  }
  const back = revert(table(call), found);
  return back ? { json: shown(back) } : { status: 204 };
}

/** Of the mock only: moves the counter of a shadow, as proxies' reports would. */
function count(call: MockCall): MockAnswer {
  const found = current(call, referenceIn(call.body));
  if (!found?.pending) return problem(409, 'conflict', 'It is not in shadow.');
  const wouldDeny = (found.pending.wouldDeny ?? 0) + 3;
  const counted = { ...found, pending: { ...found.pending, wouldDeny } };
  table(call).set(keyOf(counted), counted);
  return { json: shown(counted) };
}

function preview(call: MockCall): MockAnswer {
  const request: PolicyPreviewRequest = Object(call.body);
  const before = current(call, request)?.yaml ?? '';
  return { json: previewOf(request, before, call.nowMs) };
}

const ONE = '/api/v1/policies/:kind/:namespace/:name';

export const policyRoutes: readonly MockRoute[] = [
  { method: 'GET', path: '/api/v1/policies', handle: list },
  { method: 'GET', path: ONE, handle: read },
  { method: 'PUT', path: ONE, handle: write },
  { method: 'DELETE', path: ONE, handle: remove },
  { method: 'POST', path: '/api/v1/policies:preview', handle: preview },
  { method: 'POST', path: '/api/v1/policies:confirm', handle: confirm },
  { method: 'POST', path: '/api/v1/policies:undo', handle: undo },
  { method: 'POST', path: '/api/v1/policies:count', handle: count },
];
