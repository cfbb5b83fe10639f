// When an edge is another than before. Pure.
import type { MeshEdge } from '#api/graph.ts';

/**
 * Times go on while traffic does: besides other changes only a step this long is told, and a longer
 * one where there are many edges, so that the log of events still reaches back a minute.
 */
export const timeStepMs = (edges: number): number => 10_000 + 20 * edges;
/** A hundredth of the bytes more or less encrypted is worth telling. */
const SHARE_STEP = 0.01;

/** The same to whoever looks at it: what follows from time alone is compared coarsely. */
export function isSameEdge(before: MeshEdge, now: MeshEdge, stepMs: number): boolean {
  if (before === now) return true;
  const { share } = before.encryption;
  const other = now.encryption.share;
  const isShareNear =
    share === null || other === null
      ? share === other
      : share === other || (Math.abs(share - other) < SHARE_STEP && share !== 1 && other !== 1);
  return (
    isShareNear &&
    now.lastSeenMs - before.lastSeenMs < stepMs &&
    now.encryption.seenAtMs - before.encryption.seenAtMs < stepMs &&
    JSON.stringify(withoutTimes(before)) === JSON.stringify(withoutTimes(now))
  );
}

/** Numbers of traffic go on as the times do. */
const withoutTimes = (edge: MeshEdge): object => ({
  ...edge,
  recent: null,
  http: edge.http !== null,
  lastSeenMs: 0,
  encryption: { ...edge.encryption, seenAtMs: 0, share: 0 },
});
