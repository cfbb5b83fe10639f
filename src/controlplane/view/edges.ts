// When an edge is another than before. Pure.
import type { MeshEdge } from '#api/graph.ts';

/** Times that go on while traffic does: only a step this long is told, besides other changes. */
const TIME_STEP_MS = 10_000;
/** A hundredth of the bytes more or less encrypted is worth telling. */
const SHARE_STEP = 0.01;

/** The same to whoever looks at it: what follows from time alone is compared coarsely. */
export function isSameEdge(before: MeshEdge, now: MeshEdge): boolean {
  if (before === now) return true;
  const { share } = before.encryption;
  const other = now.encryption.share;
  const isShareNear =
    share === null || other === null
      ? share === other
      : share === other || (Math.abs(share - other) < SHARE_STEP && share !== 1 && other !== 1);
  return (
    isShareNear &&
    now.lastSeenMs - before.lastSeenMs < TIME_STEP_MS &&
    now.encryption.seenAtMs - before.encryption.seenAtMs < TIME_STEP_MS &&
    JSON.stringify(withoutTimes(before)) === JSON.stringify(withoutTimes(now))
  );
}

const withoutTimes = ({ encryption, ...edge }: MeshEdge): object => ({
  ...edge,
  lastSeenMs: 0,
  encryption: { ...encryption, seenAtMs: 0, share: 0 },
});
