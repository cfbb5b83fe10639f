// What Telemetry says of the workload's metrics: one resource of the agent's own stream. It is not
// kept: until the control plane is there, an agent that has just begun tells all metrics as Istio
// has them.
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { Logger } from '#base/log.ts';
import { MetricRulesSchema } from '#gen/isthmus/v1/agent_pb.js';
import type { MetricRule } from '#telemetry/metric-rules.ts';
import type { OwnType, Update, Wanted } from './own-stream.ts';

const NAME = 'metrics';
/** Two sides of eight metrics, and room for more. */
const RULES_MAX = 64;

export class MetricRulesFollower implements OwnType {
  readonly typeUrl = `type.googleapis.com/${MetricRulesSchema.typeName}`;
  readonly #log: Logger;
  #onChange: (rules: readonly MetricRule[]) => void = () => undefined;
  #version: string | undefined;

  constructor(options: { readonly log: Logger }) {
    this.#log = options.log;
  }

  /** Told of the rules from now on. */
  follow(onChange: (rules: readonly MetricRule[]) => void): void {
    this.#onChange = onChange;
  }

  begin(): Wanted {
    return {
      names: [NAME],
      versions: this.#version === undefined ? {} : { [NAME]: this.#version },
    };
  }

  receive({ resources, removed }: Update): string | undefined {
    if (removed.includes(NAME)) this.#accept([], undefined);
    const resource = resources.find(({ name }) => name === NAME);
    if (!resource) return undefined;
    const rules = parse(resource.resource);
    if (rules === undefined) {
      const reason = 'the resource is not an isthmus.v1.MetricRules';
      this.#log.error('rules of metrics rejected, the former stay', { reason });
      return reason;
    }
    this.#accept(rules, resource.version);
    return undefined;
  }

  /** What was said holds. */
  end(): void {}

  #accept(rules: readonly MetricRule[], version: string | undefined): void {
    const isNew = version !== this.#version;
    this.#version = version;
    if (isNew) this.#onChange(rules);
  }
}

function parse(
  resource: Update['resources'][number]['resource'],
): readonly MetricRule[] | undefined {
  try {
    const message = resource && anyUnpack(resource, MetricRulesSchema);
    return message?.rules.slice(0, RULES_MAX).map(({ side, metric, disabled, removed, set }) => ({
      side: side === 'server' ? 'server' : 'client',
      metric,
      isDisabled: disabled,
      removed,
      set: set.map(({ name, value }) => [name, value] as const),
    }));
  } catch {
    return undefined; // not the bytes of one
  }
}
