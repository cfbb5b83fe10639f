// What a Telemetry says of metrics: which there are, and with which tags.
import { tagExpressionProblem } from '#base/tag-expression.ts';
import type { Violation } from '../object.ts';
import type { Static } from '../schema/schema.ts';
import { METRIC_NAMES, type metrics, type TelemetrySpec } from './schema.ts';
import { sidesOf } from './side.ts';
import type { LogSide } from './side.ts';

type AnyName = (typeof METRIC_NAMES)[number];

/** Messages of gRPC are not counted: Istio does so only where it is told to. */
export type MetricName = Exclude<AnyName, 'ALL_METRICS' | `GRPC_${string}`>;

/** All that there are, in Istio's order. */
export const METRICS: readonly MetricName[] = METRIC_NAMES.filter(isMetric);

function isMetric(name: AnyName): name is MetricName {
  return name !== 'ALL_METRICS' && !name.startsWith('GRPC_');
}

export type MetricsOverride = {
  readonly sides: readonly LogSide[];
  readonly metrics: readonly MetricName[];
  /** undefined: as whatever is wider says. */
  readonly isDisabled: boolean | undefined;
  /** Sorted by name. */
  readonly tags: readonly TagOverride[];
};

export type TagOverride = {
  readonly name: string;
  /** CEL (`base/tag-expression.ts`); null: the tag is left out. */
  readonly value: string | null;
};

/** The one who takes metrics here. */
const PROVIDER = 'prometheus';
/** What Prometheus takes as a name of a label (prometheus.io: "Data model"). */
const TAG_NAME = /^[a-zA-Z][a-zA-Z0-9_]{0,63}$/;
/** By these it is known whose a series is, and Prometheus adds some of them itself. */
const OURS = new Set([
  'le',
  'pod',
  'namespace',
  'reporter',
  'source_principal',
  'destination_principal',
  'source_workload_namespace',
  'destination_workload_namespace',
]);

type Entry = Static<typeof metrics>;

/** Of all entries, in their order. */
export function metricsOf({ metrics: entries = [] }: TelemetrySpec): readonly MetricsOverride[] {
  return entries.filter(isOurs).flatMap(({ overrides = [] }) =>
    overrides
      .filter(({ match }) => match?.customMetric === undefined)
      .map(({ match, disabled, tagOverrides = {} }) => ({
        sides: sidesOf(match?.mode),
        metrics: namesOf(match?.metric),
        isDisabled: disabled ?? undefined,
        tags: Object.entries(tagOverrides)
          .filter(([name, { value }]) => tagProblem(name, value) === undefined)
          .map(([name, { value }]) => ({ name, value: value ?? null }))
          .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      })),
  );
}

const isOurs = ({ providers = [] }: Entry): boolean =>
  providers.length === 0 || providers.some(({ name }) => name === PROVIDER);

function namesOf(name: AnyName = 'ALL_METRICS'): readonly MetricName[] {
  if (name === 'ALL_METRICS') return METRICS;
  return isMetric(name) ? [name] : [];
}

function tagProblem(name: string, value: string | undefined): string | undefined {
  if (!TAG_NAME.test(name)) return 'is no name of a label of Prometheus';
  if (value === undefined) return undefined;
  return OURS.has(name)
    ? 'tells whose a series is: it can be removed'
    : tagExpressionProblem(value);
}

/** What is in the entries that nothing here acts on, or not as it is meant. */
export function metricsRemarks({ metrics: entries = [] }: TelemetrySpec): readonly Violation[] {
  return entries.flatMap((entry, index): readonly Violation[] => {
    const field = `spec.metrics[${index}]`;
    const { overrides = [], reportingInterval } = entry;
    if (!isOurs(entry)) {
      return [{ field: `${field}.providers`, message: `only ${PROVIDER} takes metrics here` }];
    }
    return [
      ...(reportingInterval === undefined
        ? []
        : [
            {
              field: `${field}.reportingInterval`,
              message: 'not acted on: TCP reports every second',
            },
          ]),
      ...overrides.flatMap((override, at) =>
        overrideRemarks(override, `${field}.overrides[${at}]`),
      ),
    ];
  });
}

function overrideRemarks(
  { match, tagOverrides = {} }: NonNullable<Entry['overrides']>[number],
  field: string,
): readonly Violation[] {
  if (match?.customMetric !== undefined) {
    return [{ field: `${field}.match.customMetric`, message: 'not acted on: there are none' }];
  }
  const isMissing = match?.metric?.startsWith('GRPC_') === true;
  const missing = { field: `${field}.match.metric`, message: 'messages of gRPC are not counted' };
  const tags = Object.entries(tagOverrides).flatMap(([name, { value }]) => {
    const message = tagProblem(name, value);
    return message === undefined
      ? []
      : [{ field: `${field}.tagOverrides[${name}]`, message: `not acted on: ${message}` }];
  });
  return isMissing ? [missing, ...tags] : tags;
}
