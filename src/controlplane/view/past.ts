// The mesh at a moment gone by: today's nodes and edges, as far as they were there then, with the
// rates that the ring remembers. Pure.
import type { Sample, Snapshot } from '#api/graph.ts';
import type { Series } from '#api/history.ts';
import type { Flows } from '#telemetry/flows/flows.ts';

/** Wide enough for the coarsest step of the ring. */
const AROUND_MS = 10_000;

/** What is known of nodes and edges is what they are now: only their being there is of then. */
export function pastSnapshot(
  now: Snapshot,
  past: {
    readonly atMs: number;
    readonly flows: Pick<Flows, 'series'>;
    /** Since when a node has been there. */
    readonly sinceMs: (node: string) => number;
  },
): Snapshot {
  const { atMs, flows, sinceMs } = past;
  const edges = now.edges.filter(({ firstSeenMs }) => firstSeenMs <= atMs);
  const mentioned = new Set(edges.flatMap(({ from, to }) => [from, to]));
  const samples = edges.flatMap(({ id, index }): readonly Sample[] => {
    const span = { fromMs: Math.max(0, atMs - AROUND_MS), toMs: atMs + 1 };
    const series = flows.series({ of: { edge: id }, ...span });
    return series ? sampleOf(index, series) : [];
  });
  return {
    ...now,
    atMs,
    nodes: now.nodes.filter(({ id }) => sinceMs(id) <= atMs || mentioned.has(id)),
    edges,
    samples,
    alerts: now.alerts.filter(({ sinceMs }) => sinceMs <= atMs),
  };
}

/** The last point; none where nothing is known of then. */
function sampleOf(index: number, series: Series): readonly Sample[] {
  const { toServerBytes, toClientBytes, open, opened, failed, requests, requestMs } = series;
  const columns = [toServerBytes, toClientBytes, open, opened, failed, requests, requestMs];
  const [up, down, ...others] = columns.map((column) => column.at(-1) ?? undefined);
  if (up === undefined || down === undefined) return [];
  const [openNow = 0, openedNow = 0, failedNow = 0, requestsNow = 0, meanMs = 0] = others;
  return [[index, up, down, openNow, openedNow, failedNow, requestsNow, meanMs]];
}
