// Which metrics a workload's proxy tells, and with which tags, as Telemetry says (Istio's merging,
// telemetry.go: of each metric and each tag, what is narrower, and within one what stands later).
import { METRICS } from '#istio/telemetry/metrics.ts';
import type { MetricName, MetricsOverride, TagOverride } from '#istio/telemetry/metrics.ts';
import type { LogSide } from '#istio/telemetry/side.ts';

/** Of one metric on one side of calls, where anything is said of it. Plain data. */
export type MetricRule = {
  readonly side: LogSide;
  readonly metric: MetricName;
  readonly isDisabled: boolean;
  /** Sorted by name. */
  readonly tags: readonly TagOverride[];
};

const SIDES: readonly LogSide[] = ['client', 'server'];
/** Beyond it, the rest is left as it is: Prometheus itself takes no more labels by far. */
const TAGS_MAX = 64;

/** @param widestFirst the mesh's, the namespace's, then the workload's own */
export function metricRulesOf(widestFirst: readonly MetricsOverride[]): readonly MetricRule[] {
  return SIDES.flatMap((side) =>
    METRICS.flatMap((metric): readonly MetricRule[] => {
      let isDisabled = false;
      const tags = new Map<string, TagOverride>();
      for (const override of widestFirst) {
        if (!override.sides.includes(side) || !override.metrics.includes(metric)) continue;
        isDisabled = override.isDisabled ?? isDisabled;
        for (const tag of override.tags) tags.set(tag.name, tag);
      }
      if (!isDisabled && tags.size === 0) return [];
      const sorted = [...tags.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
      return [{ side, metric, isDisabled, tags: sorted.slice(0, TAGS_MAX) }];
    }),
  );
}
