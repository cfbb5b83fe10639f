// What an edit would do to the flows of the library story: a small evaluator that knows identities
// only, in place of the control plane's own.
import { isScalar, LineCounter, parseDocument, visit } from 'yaml';
import type {
  FlowImpact,
  PolicyDiagnostic,
  PolicyImpact,
  PolicyPreviewRequest,
} from '#api/policies.ts';

const HOUR_MS = 3_600_000;

type SeenFlow = { readonly from: string; readonly account: string; readonly open: number };

const SEEN: readonly SeenFlow[] = [
  { from: 'wl:inventory/postgres-library', account: 'inventory/sa/postgres-library', open: 4 },
  { from: 'wl:batch/report', account: 'batch/sa/report', open: 1 },
  { from: 'wl:inventory/frontend', account: 'inventory/sa/frontend', open: 0 },
];

/** Fields that the mock knows; any other is an error, as the real validator says. */
const KNOWN = new Set(
  [
    'apiVersion kind metadata spec name namespace annotations selector matchLabels app action rules',
    'from source principals namespaces to operation ports when key values mtls mode',
    'host trafficPolicy tls peers peerIsOptional',
    'jwtRules issuer jwksUri audiences argocd.argoproj.io/tracking-id',
  ].flatMap((line) => line.split(' ')),
);

export function previewOf(
  request: PolicyPreviewRequest,
  before: string,
  nowMs: number,
): PolicyImpact {
  const diagnostics = diagnosticsOf(request.yaml);
  const impact = impactOf(nowMs, request, principalsIn(before), principalsIn(request.yaml));
  const none = { refused: [], allowed: [], moved: [], unchanged: [], untold: [] };
  return { ...impact, ...(diagnostics.length > 0 && none), diagnostics };
}

const principalsIn = (yaml: string): readonly string[] =>
  [...yaml.matchAll(/cluster\.local\/ns\/([\w-]+\/sa\/[\w-]+)/g)].map(
    ([, account = '']) => account,
  );

function impactOf(
  nowMs: number,
  { kind, yaml }: PolicyPreviewRequest,
  before: readonly string[],
  after: readonly string[],
): PolicyImpact {
  const groups = {
    refused: [] as FlowImpact[],
    allowed: [] as FlowImpact[],
    moved: [] as FlowImpact[],
    unchanged: [] as FlowImpact[],
    untold: [] as FlowImpact[],
  };
  for (const seen of SEEN) {
    const isPolicy = kind === 'AuthorizationPolicy';
    const was = !isPolicy || before.length === 0 || before.includes(seen.account);
    const is = !isPolicy || yaml === '' || after.length === 0 || after.includes(seen.account);
    const key = was === is ? 'unchanged' : is ? 'allowed' : 'refused';
    groups[key].push(flowOf(nowMs, seen, verdict(was, before, seen), verdict(is, after, seen)));
  }
  const note = kind === 'Telemetry' ? 'A Telemetry refuses nobody: nothing is judged.' : '';
  return { diagnostics: [], ...groups, coverageMs: 24 * HOUR_MS, note };
}

const verdict = (isAllowed: boolean, principals: readonly string[], { account }: SeenFlow) =>
  isAllowed
    ? `ALLOW by inventory/pg-allow rule ${principals.indexOf(account) + 1 || 1}`
    : 'DENY, no rule matches';

const flowOf = (nowMs: number, seen: SeenFlow, before: string, after: string): FlowImpact => ({
  from: seen.from,
  to: 'wl:inventory/postgresql-1-vm',
  port: 5432,
  clientIdentity: `spiffe://cluster.local/ns/${seen.account}`,
  bytes: 14_200_000,
  lastSeenMs: nowMs - 2 * HOUR_MS,
  openConnections: seen.open,
  before,
  after,
});

function diagnosticsOf(yaml: string): PolicyDiagnostic[] {
  const lines = new LineCounter();
  const found: PolicyDiagnostic[] = [];
  visit(parseDocument(yaml, { lineCounter: lines }), {
    Pair(_, { key }) {
      if (!isScalar(key) || KNOWN.has(String(key.value))) return;
      const { line, col } = lines.linePos(key.range?.[0] ?? 0);
      const message = 'there is no such field';
      found.push({ severity: 'error', line, column: col, path: String(key.value), message });
    },
  });
  return found;
}
