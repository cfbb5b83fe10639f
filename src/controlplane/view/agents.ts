// What is known of each agent: from its configuration streams, and from its own stream. Pure.
import type { AgentView, MeshNode } from '#api/graph.ts';
import { certificateNameOf } from '#base/workload-identity.ts';
import type { StreamStatus } from '#xds/status.ts';
import type { AgentSession } from '../agents/agents.ts';

/** An agent that is connected is seen all the time: said so coarsely, it makes few events. */
const SEEN_STEP_MS = 300_000;
/** What is measured is less than a round trip wrong: smaller steps would only be noise. */
const SKEW_STEP_MS = 500;
/** Agents tell of themselves every 10 s. */
const SILENT_MS = 30_000;
/** Who is cut off comes back within seconds: streams end by themselves twice an hour. */
const AWAY_MS = 10_000;
/** Texts of agents and of Envoy are cut. */
const REJECTION_LENGTH_MAX = 1000;

/**
 * By instance, `Pod/default/inventory-1`.
 *
 * @param before what was known: of those that are no longer connected it stays, until `isWorkload`
 *   says that there is no such workload any more
 */
export function agentViews(
  now: {
    readonly streams: readonly StreamStatus[];
    readonly sessions: Iterable<AgentSession>;
    readonly nowMs: number;
    /** When it was looked last: who was connected then was seen then. */
    readonly lookedMs: number;
    readonly isWorkload: (key: string) => boolean;
  },
  before: ReadonlyMap<string, AgentView>,
): ReadonlyMap<string, AgentView> {
  const views = new Map<string, AgentView>();
  for (const [key, view] of before) {
    if (!now.isWorkload(key)) continue;
    const lastSeenMs = view.isConnected ? Math.max(view.lastSeenMs, now.lookedMs) : view.lastSeenMs;
    views.set(key, { ...view, isConnected: false, lastSeenMs });
  }
  for (const [key, streams] of Map.groupBy(now.streams, ({ id }) => id)) {
    const known = before.get(key);
    const connectedAtMs = Math.min(...streams.map((one) => one.connectedAtMs));
    const lastSeenMs = coarse(now.nowMs, connectedAtMs);
    views.set(key, { ...ofStreams(streams), version: known?.version ?? '', lastSeenMs });
  }
  for (const session of now.sessions) {
    const { key, version, connectedAtMs, clockSkewMs: skewMs, status } = session;
    const known = views.get(key) ?? UNHEARD;
    const lastSeenMs = coarse(status?.receivedAtMs ?? now.nowMs, connectedAtMs);
    const clockSkewMs = Math.round(skewMs / SKEW_STEP_MS) * SKEW_STEP_MS;
    const hasAppLog = session.logSources.includes('app');
    const said = { isConnected: true, version, clockSkewMs, lastSeenMs, hasAppLog };
    views.set(key, { ...known, ...said });
  }
  return views;
}

const coarse = (atMs: number, connectedAtMs: number): number =>
  Math.max(connectedAtMs, atMs - (atMs % SEEN_STEP_MS));

/** Instances whose agent has been heard of, and is not now: since when. */
export function silentAgents(
  views: ReadonlyMap<string, AgentView>,
  now: {
    readonly sessions: Iterable<AgentSession>;
    readonly nowMs: number;
    /** Of this isthmusd: nobody could report before. */
    readonly startedMs: number;
  },
): ReadonlyMap<string, number> {
  const { nowMs, startedMs } = now;
  const silent = new Map<string, number>();
  for (const [key, { isConnected, lastSeenMs }] of views) {
    const isAway = !isConnected && nowMs - Math.max(lastSeenMs, startedMs) >= AWAY_MS;
    if (isAway) silent.set(key, lastSeenMs);
  }
  for (const { key, status, connectedAtMs } of now.sessions) {
    const heardMs = status?.receivedAtMs ?? connectedAtMs;
    if (nowMs - heardMs > SILENT_MS) silent.set(key, heardMs);
  }
  return silent;
}

/** What nodes tell of their agents, by the agents' streams. */
export function agentsIn(nodes: Iterable<MeshNode>): ReadonlyMap<string, AgentView> {
  const views = new Map<string, AgentView>();
  for (const { instances } of nodes) {
    for (const { key, agent } of instances) {
      const [kind = '', namespace = '', name = ''] = key.split('/');
      const id = `${kind}/${namespace}/${certificateNameOf(name)}`;
      if (agent) views.set(id, { ...agent, isConnected: false });
    }
  }
  return views;
}

const UNHEARD: AgentView = {
  isConnected: true,
  version: '',
  lastSeenMs: 0,
  clockSkewMs: 0,
  acknowledged: 0,
  subscribed: 0,
  rejection: '',
};

function ofStreams(streams: readonly StreamStatus[]): AgentView {
  const types = streams.flatMap(({ types: ofStream }) => ofStream);
  const isInForce = ({ acknowledgedCount, nameCount, dueCount }: (typeof types)[number]): boolean =>
    acknowledgedCount === nameCount && dueCount === 0;
  const [rejection] = types.flatMap(({ rejections }) => rejections);
  return {
    ...UNHEARD,
    acknowledged: types.filter(isInForce).length,
    subscribed: types.length,
    rejection: (rejection?.message ?? '').slice(0, REJECTION_LENGTH_MAX),
  };
}
