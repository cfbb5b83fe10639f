// Ends open sessions that the mesh's policies refuse since a write. A policy decides about new
// connections; who wants the old ones gone, too, says so with the write.
//
// What the mesh has now decides, not what its author can see of it; only sessions to workloads that
// the policy is for; and only once their proxies have taken it, or a client that is cut would be
// back before the policy is.
import type { EndedSessions } from '#api/policies.ts';
import { withDeadline, type Clock } from '#base/clock.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Workload } from '#model/workload.ts';
import { sessionJudge } from '#reach/impact.ts';
import type { EdgeState, Flows, OpenSession } from '#telemetry/flows/flows.ts';
import type { StreamStatus } from '#xds/status.ts';
import { AgentRequestError, askOnce, type AgentSessions } from '../agents/agents.ts';
import { SESSIONS_PER_REQUEST_MAX, type EndSessionsAnswer } from '../agents/requests.ts';
import { nodeIdOf } from '../view/node-id.ts';

type EdgeEnds = Pick<EdgeState, 'from' | 'to' | 'port' | 'service' | 'protocol' | 'lastSeenMs'>;

export type EnderParts = {
  readonly mesh: Mesh;
  readonly flows: Pick<Flows, 'openAt'> & { edge(id: string): EdgeEnds | undefined };
  readonly agents: Pick<AgentSessions, 'ask'>;
  readonly xds: { statusOf(id: string): readonly Pick<StreamStatus, 'types'>[] };
  readonly clock: Clock;
};

/**
 * When to look, one wait after the other: a write is in force within tens of milliseconds; a
 * connection that came in just before is told of a second or so later.
 */
const WAITS_MS: readonly number[] = [50, 100, 150, 300, 600, 1000];
const ASK_LIMIT_MS = 5_000;
/** Servers that are asked side by side. */
const ASKED_AT_ONCE = 16;

/** @param asked.governed whom the policy is for, by workload key; `by`: for the audit */
export async function endRefused(
  parts: EnderParts,
  asked: { readonly governed: ReadonlySet<string>; readonly by: string },
): Promise<EndedSessions> {
  const tally = new Tally();
  for (const waitMs of WAITS_MS) {
    await parts.clock.sleep(waitMs);
    const refused = refusedSessions(parts, asked.governed, tally);
    const ready = [...refused].filter(([server]) => isInForce(parts, server));
    for (let start = 0; start < ready.length; start += ASKED_AT_ONCE) {
      const some = ready.slice(start, start + ASKED_AT_ONCE);
      await Promise.all(some.map((one) => end(parts, one, { tally, by: asked.by })));
    }
  }
  for (const [server, sessions] of refusedSessions(parts, asked.governed, tally)) {
    tally.leave(server, sessions.length, NOT_TAKEN);
  }
  return tally.told();
}

const NOT_TAKEN = {
  problem: 'its proxy has not taken the policy yet: who is cut would come back',
  remedy: 'see isthmus proxy-status, then apply it once more with that choice',
};

/** By server's workload key: what is open there, is refused now, and was not asked about yet. */
function refusedSessions(
  { mesh, flows }: EnderParts,
  governed: ReadonlySet<string>,
  tally: Tally,
): ReadonlyMap<string, readonly OpenSession[]> {
  const workloads = [...mesh.workloads.entries()].map(([, workload]) => workload);
  const byNode = Map.groupBy(workloads, nodeIdOf);
  const judge = sessionJudge(mesh);
  const refused = new Map<string, OpenSession[]>();
  for (const [node, servers] of byNode) {
    if (!servers.some(({ key }) => governed.has(key))) continue;
    for (const session of flows.openAt(node)) {
      const edge = flows.edge(session.edge);
      const server = instanceAt(servers, session.serverAddress);
      // of HTTP every request is decided about by itself
      if (!server || !governed.has(server.key) || edge?.protocol !== 'tcp') continue;
      if (tally.knows(session)) continue;
      const clients = byNode.get(edge.from) ?? [];
      const client = instanceAt(clients, session.clientAddress) ?? clients[0];
      const { verdict } = judge({ server, client, call: callOf(edge, session) });
      if (verdict !== 'refused') continue;
      refused.set(server.key, [...(refused.get(server.key) ?? []), session]);
    }
  }
  return refused;
}

const callOf = (edge: EdgeEnds, { clientIdentity, serverIdentity }: OpenSession) => ({
  from: edge.from,
  to: edge.to,
  port: edge.port,
  protocol: edge.protocol,
  service: edge.service,
  lastSeenMs: edge.lastSeenMs,
  clientIdentity,
  serverIdentity,
  bytes: 0,
  openConnections: 1,
});

function instanceAt(instances: readonly Workload[], end: string): Workload | undefined {
  const ip = end.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return instances.find(({ addresses }) => addresses.includes(ip));
}

/** Has its proxy taken, or refused, all that it was to get? */
const isInForce = ({ xds }: EnderParts, server: string): boolean =>
  xds
    .statusOf(server)
    .flatMap(({ types }) => types)
    .every(
      ({ dueCount, nameCount, acknowledgedCount, rejections }) =>
        dueCount === 0 && acknowledgedCount + rejections.length >= nameCount,
    );

async function end(
  { agents, clock }: EnderParts,
  [server, sessions]: readonly [string, readonly OpenSession[]],
  { tally, by }: { readonly tally: Tally; readonly by: string },
): Promise<void> {
  for (let start = 0; start < sessions.length; start += SESSIONS_PER_REQUEST_MAX) {
    const some = sessions.slice(start, start + SESSIONS_PER_REQUEST_MAX);
    const named = some.map(({ clientAddress: client, serverAddress }) => ({
      client,
      server: serverAddress,
    }));
    tally.note(some);
    const limit = { what: 'ending sessions', limitMs: ASK_LIMIT_MS, clock };
    try {
      const answer = await withDeadline(limit, (signal) =>
        askOnce(agents, server, { kind: 'end_sessions', sessions: named }, { signal, by }),
      );
      tally.add(server, some.length, answer);
    } catch (error) {
      const isNoAnswer = error instanceof AgentRequestError || error instanceof DOMException;
      if (!isNoAnswer) throw error;
      tally.leave(server, some.length, { problem: error.message, remedy: NO_ANSWER_REMEDY });
    }
  }
}

const NO_ANSWER_REMEDY =
  'see that `isthmus agent` runs there, and that it is not older than the control plane';

type Why = { readonly problem: string; readonly remedy: string };

/** What was asked about, and what came of it. */
class Tally {
  readonly #asked = new Set<string>();
  readonly #left = new Map<string, Why & { readonly sessions: number }>();
  #ended = 0;
  #resetting = 0;

  knows({ id }: OpenSession): boolean {
    return this.#asked.has(id);
  }

  note(sessions: readonly OpenSession[]): void {
    for (const { id } of sessions) this.#asked.add(id);
  }

  /** An agent may say what it likes: it ends no more than it was asked to. */
  add(server: string, asked: number, answer: EndSessionsAnswer): void {
    const ended = Math.min(answer.ended, asked);
    const resetting = Math.min(answer.resetting, asked - ended);
    const left = asked - ended - resetting - answer.gone;
    this.#ended += ended;
    this.#resetting += resetting;
    if (left > 0) this.leave(server, left, answer);
  }

  leave(server: string, sessions: number, { problem, remedy }: Why): void {
    const before = this.#left.get(server)?.sessions ?? 0;
    this.#left.set(server, { sessions: before + sessions, problem, remedy });
  }

  told(): EndedSessions {
    const left = [...this.#left].map(([server, why]) => ({ server, ...why }));
    return { ended: this.#ended, resetting: this.#resetting, left };
  }
}
