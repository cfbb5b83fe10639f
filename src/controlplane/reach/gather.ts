// What is known of both ends of a question: agents' own words, certificates, traffic.
import type { AgentFacts, CertificateFacts, Evidence, Side } from '#reach/evidence.ts';
import { RECENT_MS } from '#reach/evidence.ts';
import type { Question } from '#reach/question.ts';
import type { ServerEnd } from '#reach/walk.ts';
import type { Authority } from '#ca/authority.ts';
import type { Workload } from '#model/workload.ts';
import type { Flows } from '#telemetry/flows/flows.ts';
import type { ResourceStatus } from '#xds/protocol-status.ts';
import type { AgentSession, AgentSessions } from '../agents/agents.ts';
import type { CertificateLedger } from '../debug-certificates.ts';
import { streamId } from '../debug-workloads.ts';
import { nodeIdOf } from '../view/node-id.ts';

export type GatherParts = {
  readonly xds: { resourcesOf(id: string): readonly ResourceStatus[] };
  readonly agents: Pick<AgentSessions, 'session'>;
  readonly certificates: Pick<CertificateLedger, 'get'>;
  /** Whose roots the mesh trusts now. */
  readonly authority: { current(): Pick<Authority, 'roots'> };
  readonly flows: Pick<Flows, 'edges' | 'witness' | 'denials'>;
};

const TEXT_LENGTH_MAX = 300;

/** Of the client alone: whoever the server is follows from the walk. */
export const clientEvidence = (
  parts: GatherParts,
  { from }: Question,
  nowMs: number,
): Evidence => ({
  nowMs,
  client: sideOf(parts, from),
  server: undefined,
  flow: undefined,
  denied: undefined,
  answers: {},
});

export function withServer(
  parts: GatherParts,
  { from }: Question,
  { evidence, server }: { readonly evidence: Evidence; readonly server: ServerEnd | undefined },
): Evidence {
  const workload = server?.workload;
  if (server === undefined || workload === undefined) return evidence;
  const { nowMs } = evidence;
  const ends = { from: nodeIdOf(from), to: nodeIdOf(workload) };
  const port = server.known?.port ?? server.endpoint.port;
  const isMeant = (one: { readonly from: string; readonly to: string; readonly port: number }) =>
    one.from === ends.from && one.to === ends.to && one.port === port;
  const denied = parts.flows
    .denials({ fromMs: nowMs - RECENT_MS, toMs: nowMs + 1 })
    .find((denial) => isMeant(denial));
  return {
    ...evidence,
    server: sideOf(parts, workload),
    flow: flowOf(parts, [...parts.flows.edges()].find(isMeant)),
    denied: denied && { atMs: denied.atMs, policy: denied.policy },
  };
}

function flowOf({ flows }: GatherParts, edge: ReturnType<Flows['edge']>): Evidence['flow'] {
  if (edge === undefined) return undefined;
  const { encryption, failure, disagreement } = edge;
  return { ...flows.witness(edge.id), encryption, failure, disagreement };
}

function sideOf(parts: GatherParts, workload: Workload): Side {
  const { xds, agents, certificates, authority } = parts;
  const session = agents.session(workload.key);
  const resources = xds.resourcesOf(streamId(workload));
  return {
    agent: session && agentFacts(session),
    certificate: certificateFacts(certificates.get(streamId(workload)), {
      session,
      roots: authority.current().roots.map(({ fingerprint256 }) => fingerprint256),
    }),
    rejections: resources.flatMap(({ name, rejection }) =>
      rejection === undefined ? [] : [{ name, text: rejection.slice(0, TEXT_LENGTH_MAX) }],
    ),
    isConfigured: resources.length > 0,
  };
}

function agentFacts({ status, clockSkewMs }: AgentSession): AgentFacts {
  const state = status?.envoy.state;
  const isKnown = state === 'running' || state === 'stopped';
  return {
    capture: status?.capture,
    clockSkewMs,
    isEnvoyRunning: isKnown ? state === 'running' : undefined,
  };
}

/** What the agent has now; when it began, the ledger knows if it is the same one. */
function certificateFacts(
  seen: ReturnType<CertificateLedger['get']>,
  {
    session,
    roots,
  }: { readonly session: AgentSession | undefined; readonly roots: readonly string[] },
): CertificateFacts | undefined {
  const own = session?.status?.certificate;
  if (own === undefined && seen === undefined) return undefined;
  const isSame = own === undefined || seen?.serial === own.serial;
  // of what was only presented it is not kept who signed it: it was taken for trusted then
  const root = isSame ? seen?.root : undefined;
  return {
    identity: own?.identity ?? seen?.spiffeId ?? '',
    notBeforeMs: seen && isSame ? Date.parse(seen.notBefore) : 0,
    notAfterMs: own?.notAfterMs ?? Date.parse(seen?.notAfter ?? ''),
    isTrusted: root === undefined ? undefined : roots.includes(root),
    issuer: root === undefined ? '' : `the root ${root.toLowerCase().slice(0, 11)}…`,
  };
}
