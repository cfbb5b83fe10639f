// telemetry.istio.io Telemetry: the single source of the kind.
import { TELEMETRY } from '#kube/resources.ts';
import type { Kind } from '../kind.ts';
import { AGE, duration, istioStatus, workloadSelector } from '../kind-parts.ts';
import { ONE_TARGET, targetRef } from '../policy-target.ts';
import { object } from '../schema/object-schema.ts';
import { boolean, double, list, map, nullable, string, word } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';
import { customTag } from './custom-tag.ts';

const named = () => string({ lengthMin: 1 });
const mode = () => word(['CLIENT_AND_SERVER', 'CLIENT', 'SERVER']);
const providers = () => list(object({ name: named() }, { required: ['name'] }));
/** Protobuf's BoolValue: not to say it is something of its own. */
const choice = () => nullable(boolean());

const tracing = object({
  match: object({ mode: mode() }),
  providers: providers(),
  randomSamplingPercentage: nullable(double({ min: 0, max: 100 })),
  disableSpanReporting: choice(),
  customTags: map(customTag),
  useRequestIdForTraceSampling: choice(),
  enableIstioTags: choice(),
  disableContextPropagation: choice(),
});

export const METRIC_NAMES = [
  'ALL_METRICS',
  'REQUEST_COUNT',
  'REQUEST_DURATION',
  'REQUEST_SIZE',
  'RESPONSE_SIZE',
  'TCP_OPENED_CONNECTIONS',
  'TCP_CLOSED_CONNECTIONS',
  'TCP_SENT_BYTES',
  'TCP_RECEIVED_BYTES',
  'GRPC_REQUEST_MESSAGES',
  'GRPC_RESPONSE_MESSAGES',
] as const;

const tagOverride = object(
  { operation: word(['UPSERT', 'REMOVE']), value: string() },
  {
    rules: [
      {
        cel: '((has(self.operation) ? self.operation : "") == "UPSERT") ? (self.value != "") : true',
        message: 'value must be set when operation is UPSERT',
        holds: ({ operation, value = '' }) => operation !== 'UPSERT' || value !== '',
      },
      {
        cel: '((has(self.operation) ? self.operation : "") == "REMOVE") ? !has(self.value) : true',
        message: 'value must not be set when operation is REMOVE',
        holds: ({ operation, value }) => operation !== 'REMOVE' || value === undefined,
      },
    ],
  },
);

const metricsOverride = object({
  match: object(
    { metric: word(METRIC_NAMES), customMetric: named(), mode: mode() },
    { oneOf: ['metric', 'customMetric'] },
  ),
  disabled: choice(),
  tagOverrides: map(tagOverride),
});

export const metrics = object({
  providers: providers(),
  overrides: list(metricsOverride),
  reportingInterval: duration(),
});

const accessLogging = object({
  match: object({ mode: mode() }),
  providers: providers(),
  disabled: choice(),
  filter: object({ expression: string() }),
});

export const telemetrySpec = object(
  {
    selector: workloadSelector(),
    targetRef,
    targetRefs: list(targetRef, { itemsMax: 16 }),
    tracing: list(tracing),
    metrics: list(metrics),
    accessLogging: list(accessLogging),
  },
  { rules: [ONE_TARGET] },
);

export type TelemetrySpec = Static<typeof telemetrySpec>;

export const telemetryKind: Kind<TelemetrySpec> = {
  type: TELEMETRY,
  singular: 'telemetry',
  shortNames: ['telemetry'],
  categories: ['istio-io', 'telemetry-istio-io'],
  versions: ['v1', 'v1alpha1'],
  columns: [AGE],
  spec: telemetrySpec,
  isSpecRequired: false,
  status: istioStatus(),
};
