// Carries out the probes of Reach: asks the agents, and says of what was not answered why.
import type { ReachBack, ReachResult } from '#api/reach.ts';
import type { Clock } from '#base/clock.ts';
import type { Workload } from '#model/workload.ts';
import type { Answers, Evidence, Probe, ProbeId } from '#reach/evidence.ts';
import { nameProbes, wireProbes } from '#reach/probes.ts';
import { understand, type Question } from '#reach/question.ts';
import { endsOtherwise, explain } from '#reach/reach.ts';
import { walkOf, type World } from '#reach/walk.ts';
import {
  AgentRequestError,
  askOnce,
  type AgentSessions,
  type AskOptions,
} from '../agents/agents.ts';
import { clientEvidence, withServer, type GatherParts } from './gather.ts';

export type ReachParts = World &
  GatherParts & {
    readonly agents: Pick<AgentSessions, 'session' | 'ask'>;
    readonly clock: Clock;
  };

export type Probing = AskOptions & {
  /** May the user make the agent of this workload (its key) try something? */
  readonly mayProbe: (at: string) => Promise<boolean>;
};

const CONNECT_TIMEOUT_MS = 3000;

/** @param probing undefined: nothing is tried */
export async function answerReach(
  parts: ReachParts,
  question: Question,
  probing: Probing | undefined,
): Promise<ReachResult> {
  let evidence = clientEvidence(parts, question, parts.clock.nowMs());
  if (probing) {
    const named = nameProbes(walkOf(parts, question, evidence));
    evidence = { ...evidence, answers: await tryAll(parts, named, probing) };
  }
  evidence = serverOf(parts, question, evidence);
  if (probing) {
    const wired = wireProbes(walkOf(parts, question, evidence));
    const more = await tryAll(parts, wired, probing);
    evidence = { ...evidence, answers: merged(evidence.answers, more) };
    // what was tried is in the reports by now, or soon
    evidence = { ...serverOf(parts, question, evidence), nowMs: parts.clock.nowMs() };
  }
  const there = explain(parts, question, { evidence, isProbing: probing !== undefined });
  const { server } = walkOf(parts, question, evidence);
  return {
    ...there,
    back: server?.workload ? backOf(parts, there, [server.workload, question.from]) : null,
  };
}

/** Of a client with more ports the first are asked about. */
const BACK_PORTS_MAX = 16;

/**
 * A firewall, a policy or a mode of TLS may hold in one direction only, and for one port only.
 * Nothing is tried. Of several ports that end otherwise, one that cannot be reached.
 */
function backOf(
  parts: ReachParts,
  there: ReachResult,
  [from, to]: readonly [Workload, Workload],
): ReachBack | null {
  if (from.key === to.key) return null;
  const served = parts.mesh.inboundPorts(to.key).map(({ service }) => service.port);
  const ports = [...new Set(served)].toSorted((a, b) => a - b).slice(0, BACK_PORTS_MAX);
  const backs = ports.flatMap((port) => backTo(parts, there, { from, to, port }) ?? []);
  const other = backs.filter((back) => endsOtherwise(there, back));
  const worst = other.find(({ verdict }) => verdict === 'cannot') ?? other[0];
  if (worst === undefined) return null;
  const { verdict, summary, command, port } = worst;
  return { from: worst.from, to: worst.to, port, verdict, summary, command };
}

function backTo(
  parts: ReachParts,
  there: ReachResult,
  { from, to, port }: { readonly from: Workload; readonly to: Workload; readonly port: number },
): ReachResult | undefined {
  const understood = understand(parts.mesh, { from: from.key, to: to.key, port });
  if (!understood.ok) return undefined;
  const { question } = understood;
  const known = clientEvidence(parts, question, there.atMs);
  const evidence = serverOf(parts, question, known);
  return explain(parts, question, { evidence, isProbing: false });
}

function serverOf(parts: ReachParts, question: Question, evidence: Evidence): Evidence {
  const { server } = walkOf(parts, question, evidence);
  return withServer(parts, question, { evidence, server });
}

async function tryAll(
  parts: ReachParts,
  probes: readonly Probe[],
  probing: Probing,
): Promise<Answers> {
  const answers = await Promise.all(probes.map((probe) => tryOne(parts, probe, probing)));
  return answers.reduce(merged, {});
}

function merged(a: Answers, b: Answers): Answers {
  const problems = { ...a.problems, ...b.problems };
  return { ...a, ...b, ...(Object.keys(problems).length > 0 && { problems }) };
}

async function tryOne(
  { agents }: ReachParts,
  probe: Probe,
  { mayProbe, ...options }: Probing,
): Promise<Answers> {
  if (!(await mayProbe(probe.at))) {
    return problem(probe.id, `you may not probe on ${probe.at}`);
  }
  try {
    return await asked(agents, probe, options);
  } catch (error) {
    if (error instanceof AgentRequestError) return problem(probe.id, error.message);
    throw error;
  }
}

const problem = (id: ProbeId, text: string): Answers => ({ problems: { [id]: text } });

async function asked(
  agents: Pick<AgentSessions, 'ask'>,
  probe: Probe,
  options: AskOptions,
): Promise<Answers> {
  const { at } = probe;
  switch (probe.id) {
    case 'dns': {
      const request = { kind: 'dns_query', name: probe.name, via: 'system' } as const;
      return { dns: await askOnce(agents, at, request, options) };
    }
    case 'capture':
      return { capture: await askOnce(agents, at, { kind: 'capture_check' }, options) };
    case 'server-capture':
      return { 'server-capture': await askOnce(agents, at, { kind: 'capture_check' }, options) };
    case 'sockets': {
      const { sockets } = await askOnce(agents, at, { kind: 'sockets' }, options);
      return { sockets };
    }
    case 'ejected': {
      const filter = ejectionsFilter(probe.cluster);
      const { stats } = await askOnce(agents, at, { kind: 'stats', filter }, options);
      return { ejected: Object.values(stats)[0] };
    }
    case 'direct':
      return { direct: await askOnce(agents, at, connect(probe, 'direct'), options) };
    default:
      return {
        through: await askOnce(
          agents,
          at,
          { ...connect(probe, 'captured'), ...(probe.expect && { expect: probe.expect }) },
          options,
        ),
      };
  }
}

/** Envoy's name of the number, as a regular expression of RE2. */
const ejectionsFilter = (cluster: string): string =>
  `^cluster\\.${RegExp.escape(cluster)}\\.outlier_detection\\.ejections_active$`;

const connect = (
  { address, port }: { readonly address: string; readonly port: number },
  mode: 'direct' | 'captured',
) => ({ kind: 'tcp_probe', address, port, mode, timeoutMs: CONNECT_TIMEOUT_MS }) as const;
