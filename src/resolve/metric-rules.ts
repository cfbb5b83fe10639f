// What the agent is told of its workload's metrics.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { MetricRulesSchema } from '#gen/isthmus/v1/agent_pb.js';
import type { MetricRule } from '#model/metric-rules.ts';

export function buildMetricRules(
  rules: readonly MetricRule[],
): MessageInitShape<typeof MetricRulesSchema> {
  return {
    rules: rules.map(({ side, metric, isDisabled, tags }) => ({
      side,
      metric,
      disabled: isDisabled,
      removed: tags.flatMap(({ name, value }) => (value === null ? name : [])),
      set: tags.flatMap(({ name, value }) => (value === null ? [] : { name, value })),
    })),
  };
}
