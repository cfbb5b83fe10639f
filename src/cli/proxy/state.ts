// Where a resource stands with the proxy that it was shown for.
import type { ShownResource } from '#controlplane/debug-config.ts';

/** Istio's words, and one for what the proxy has not asked for. */
export function stateOf({ isHeld, isAcknowledged, rejection }: ShownResource): string {
  if (!isHeld) return 'not held';
  if (rejection !== undefined) return 'REJECTED';
  return isAcknowledged ? 'SYNCED' : 'STALE';
}
