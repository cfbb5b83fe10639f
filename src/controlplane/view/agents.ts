// What is known of each agent: from its configuration streams, and from its own stream. Pure.
import type { AgentView } from '#api/graph.ts';
import type { StreamStatus } from '#xds/status.ts';
import type { AgentSession } from '../agents/agents.ts';

/** An agent that is connected is seen all the time: said so coarsely, it makes few events. */
const SEEN_STEP_MS = 300_000;
/** What is measured is less than a round trip wrong: smaller steps would only be noise. */
const SKEW_STEP_MS = 500;
/** Agents tell of themselves every 10 s. */
const SILENT_MS = 30_000;
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
    readonly isWorkload: (key: string) => boolean;
  },
  before: ReadonlyMap<string, AgentView>,
): ReadonlyMap<string, AgentView> {
  const views = new Map<string, AgentView>();
  for (const [key, view] of before) {
    if (now.isWorkload(key)) views.set(key, { ...view, isConnected: false });
  }
  for (const [key, streams] of Map.groupBy(now.streams, ({ id }) => id)) {
    const known = before.get(key);
    const connectedAtMs = Math.min(...streams.map((one) => one.connectedAtMs));
    const lastSeenMs = coarse(now.nowMs, connectedAtMs);
    views.set(key, { ...ofStreams(streams), version: known?.version ?? '', lastSeenMs });
  }
  for (const { key, version, connectedAtMs, clockSkewMs: skewMs, status } of now.sessions) {
    const known = views.get(key) ?? UNHEARD;
    const lastSeenMs = coarse(status?.receivedAtMs ?? now.nowMs, connectedAtMs);
    const clockSkewMs = Math.round(skewMs / SKEW_STEP_MS) * SKEW_STEP_MS;
    views.set(key, { ...known, isConnected: true, version, clockSkewMs, lastSeenMs });
  }
  return views;
}

const coarse = (atMs: number, connectedAtMs: number): number =>
  Math.max(connectedAtMs, atMs - (atMs % SEEN_STEP_MS));

/** Instances whose agent has been heard of, and is not now. */
export function silentAgents(
  views: ReadonlyMap<string, AgentView>,
  sessions: Iterable<AgentSession>,
  nowMs: number,
): ReadonlySet<string> {
  const gone = [...views].filter(([, { isConnected }]) => !isConnected).map(([key]) => key);
  const late = [...sessions]
    .filter(({ status, connectedAtMs }) => {
      return nowMs - (status?.receivedAtMs ?? connectedAtMs) > SILENT_MS;
    })
    .map(({ key }) => key);
  return new Set([...gone, ...late]);
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
