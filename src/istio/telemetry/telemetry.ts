// A Telemetry as the mesh uses it: which access logs workloads write, of what; which traces; and
// which metrics, with which tags.
import type { KubeObject } from '#kube/objects.ts';
import { unusedFields } from '../acted-on.ts';
import type { ActedOn } from '../acted-on.ts';
import { expressionProblem } from '../envoy-expression.ts';
import { parseObject } from '../kind.ts';
import type { ParsedMeta, ParseResult, Violation } from '../object.ts';
import { checkTargets, policyTargets } from '../policy-target.ts';
import type { PolicyTargetReference } from '../policy-target.ts';
import type { Reading } from '../schema/reading.ts';
import { metricsOf, metricsRemarks } from './metrics.ts';
import type { MetricsOverride } from './metrics.ts';
import { telemetryKind } from './schema.ts';
import type { TelemetrySpec } from './schema.ts';
import { sidesOf } from './side.ts';
import type { LogSide } from './side.ts';
import { tracingOf } from './tracing.ts';
import type { TracingEntry } from './tracing.ts';

export type { LogSide };

export type AccessLogging = {
  readonly sides: readonly LogSide[];
  /** Extension providers, by name; empty: those of the entry before, or the mesh's defaults. */
  readonly providers: readonly string[];
  readonly isDisabled: boolean;
  /** CEL; empty: everything is logged. */
  readonly filter: string;
};

export type Telemetry = ParsedMeta & {
  /** Empty: every workload of the namespace (of the mesh, in the root namespace). */
  readonly selector: Readonly<Record<string, string>>;
  readonly targets: readonly PolicyTargetReference[];
  readonly accessLogging: readonly AccessLogging[];
  readonly tracing: readonly TracingEntry[];
  readonly metrics: readonly MetricsOverride[];
  readonly remarks: readonly Violation[];
};

const ACTED_ON: ActedOn = {
  selector: true,
  targetRef: true,
  targetRefs: true,
  accessLogging: true,
  tracing: true,
  metrics: true, // what is not acted on in them, they say themselves
};

export function parseTelemetry(object: KubeObject): ParseResult<Telemetry> {
  return parseObject(telemetryKind, object, (spec, meta, at) => {
    checkTargets(spec, at);
    checkTagOverrides(spec, at);
    checkFilters(spec, at.property('accessLogging'));
    return {
      ...meta,
      selector: spec.selector?.matchLabels ?? {},
      targets: policyTargets(spec),
      accessLogging: (spec.accessLogging ?? []).map(({ match, providers, disabled, filter }) => ({
        sides: sidesOf(match?.mode),
        providers: (providers ?? []).map(({ name }) => name),
        isDisabled: disabled === true,
        filter: filter?.expression ?? '',
      })),
      tracing: tracingOf(spec, at),
      metrics: metricsOf(spec),
      remarks: [...unusedFields(spec, ACTED_ON), ...metricsRemarks(spec)],
    };
  });
}

function checkFilters({ accessLogging = [] }: TelemetrySpec, at: Reading): void {
  for (const [index, { filter }] of accessLogging.entries()) {
    const problem = filter && expressionProblem(filter.expression ?? '');
    if (problem === undefined) continue;
    const place = at.item(index).property('filter').property('expression');
    const said = place.quote(filter?.expression ?? '');
    place.refuse(`Invalid value: ${said}: must be a valid CEL expression: ${problem}`);
  }
}

/** A tag is set where nothing else is said; the schema minds those that say so. */
function checkTagOverrides({ metrics = [] }: TelemetrySpec, at: Reading): void {
  for (const [index, { overrides = [] }] of metrics.entries()) {
    const place = at.property('metrics').item(index).property('overrides');
    for (const [position, { tagOverrides = {} }] of overrides.entries()) {
      for (const [tag, { operation, value = '' }] of Object.entries(tagOverrides)) {
        if (operation !== undefined || value !== '') continue;
        const override = place.item(position).property('tagOverrides').key(tag);
        override.property('value').refuse('Required value: the tag is set to it');
      }
    }
  }
}
