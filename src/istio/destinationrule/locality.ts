// Which endpoints a client prefers by where they are: of the mesh, or of a DestinationRule.
import type { LocalityLbSpec } from './load-balancer-schema.ts';

/** Plain data with a fixed order of fields: it may be part of a resource's key. */
export type LocalitySetting = {
  /** Shares of the clients in `from`, each to the places of a pattern: `region/zone/*`, `*`. */
  readonly distribute: readonly {
    readonly from: string;
    /** Ordered by pattern, and above 0; in percent. */
    readonly to: readonly (readonly [pattern: string, percent: number])[];
  }[];
  /** Where clients of a region turn to when there is nobody left in it. */
  readonly failover: readonly { readonly from: string; readonly to: string }[];
  /** Labels, the most telling first: `name`, or `name=value` for a value other than the client's. */
  readonly failoverPriority: readonly string[];
};

/** `off` is said; undefined is not. */
export type SaidLocality = LocalitySetting | 'off' | undefined;

export function localityOf(spec: LocalityLbSpec | undefined): SaidLocality {
  if (spec === undefined) return undefined;
  if (spec.enabled === false) return 'off';
  return {
    distribute: (spec.distribute ?? []).map(({ from = '', to = {} }) => ({
      from,
      to: Object.entries(to).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    })),
    failover: (spec.failover ?? []).map(({ from = '', to = '' }) => ({ from, to })),
    failoverPriority: spec.failoverPriority ?? [],
  };
}
