// One edge, looked at closely, from the connections that are listed. Pure.
import type { AgeCount, ConnectTimes, EdgeReport, OpenConnections } from '#api/edge-report.ts';
import type { EdgeRecord } from './edge-record.ts';
import type { LiveConnection } from './live-connections.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** A report a second comes of what moves. */
const IDLE_AFTER_MS = 10 * SECOND_MS;
const AGES_MS: readonly (number | null)[] = [
  10 * SECOND_MS,
  MINUTE_MS,
  10 * MINUTE_MS,
  HOUR_MS,
  6 * HOUR_MS,
  24 * HOUR_MS,
  null,
];

/** @param listed of that edge */
export function edgeReport(
  edge: EdgeRecord,
  listed: Iterable<LiveConnection>,
  nowMs: number,
): EdgeReport {
  const all = [...listed];
  const open = all.filter(({ closedAtMs }) => closedAtMs === null);
  const isTcp = edge.protocol === 'tcp';
  return {
    nowMs,
    edge: edge.state(nowMs),
    open: isTcp ? openConnections(open, edge.openConnections, nowMs) : null,
    connect: connectTimes(all.flatMap(({ connectMs }) => connectMs ?? [])),
  };
}

function openConnections(
  open: readonly LiveConnection[],
  counted: number,
  nowMs: number,
): OpenConnections {
  const ages = open.map(({ openedAtMs }) => Math.max(0, nowMs - openedAtMs));
  const isIdle = ({ movedAtMs }: LiveConnection): boolean => nowMs - movedAtMs > IDLE_AFTER_MS;
  return {
    count: open.length,
    others: Math.max(0, counted - open.length),
    idle: open.filter(isIdle).length,
    idleAfterMs: IDLE_AFTER_MS,
    ages: ageCounts(ages),
    oldestMs: ages.length === 0 ? null : ages.reduce((most, age) => Math.max(most, age)),
  };
}

function ageCounts(ages: readonly number[]): readonly AgeCount[] {
  const counts = AGES_MS.map(() => 0);
  for (const age of ages) {
    const bucket = AGES_MS.findIndex((bound) => bound === null || age <= bound);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return AGES_MS.map((upToMs, bucket) => ({ upToMs, count: counts[bucket] ?? 0 }));
}

function connectTimes(times: readonly number[]): ConnectTimes | null {
  if (times.length === 0) return null;
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => {
    const ms = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
    return Math.round(ms * 10) / 10;
  };
  return { count: sorted.length, p50Ms: at(0.5), p95Ms: at(0.95), maxMs: at(1) };
}
