// MeshConfig.defaultConfig.tracing: what holds for traces where no Telemetry says otherwise.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#Tracing
import { uint32 } from '../kind-parts.ts';
import type { Violation } from '../object.ts';
import { object } from '../schema/object-schema.ts';
import { INVALID } from '../schema/reading.ts';
import type { Reading } from '../schema/reading.ts';
import { boolean, double, map, nullable } from '../schema/schema.ts';
import type { Schema } from '../schema/schema.ts';
import { customTag, customTagsOf } from '../telemetry/custom-tag.ts';
import type { CustomTag } from '../telemetry/custom-tag.ts';

export type MeshTracing = {
  /** Percent of the requests that come without a trace. */
  readonly sampling: number;
  readonly tags: readonly CustomTag[];
  /** Of a tag with a path in it; 0: as Envoy has it, 256. */
  readonly maxTagLength: number;
  /** Adds `istio.canonical_service` and the like. */
  readonly hasIstioTags: boolean;
};

/** Istio's (PILOT_TRACE_SAMPLING), also where 0 is written. */
const SAMPLING = 1;

export const DEFAULT_TRACING: MeshTracing = {
  sampling: SAMPLING,
  tags: [],
  maxTagLength: 0,
  hasIstioTags: true,
};

const whatever: Schema<unknown> = { openapi: {}, read: (value) => value };

/** Where spans would go that no provider takes. */
const DESTINATIONS = ['datadog', 'lightstep', 'openCensusAgent', 'stackdriver', 'zipkin'] as const;
const UNUSED = [...DESTINATIONS, 'tlsSettings'] as const;

const schema = object({
  ...Object.fromEntries(UNUSED.map((name) => [name, whatever])),
  sampling: double({ min: 0, max: 100 }),
  customTags: map(customTag),
  maxPathTagLength: uint32(),
  enableIstioTags: nullable(boolean()),
});

export function meshTracingOf(written: unknown, at: Reading): MeshTracing {
  const read = schema.read(written, at);
  if (read === INVALID) return DEFAULT_TRACING;
  const { sampling = 0, customTags = {}, maxPathTagLength = 0, enableIstioTags } = read;
  return {
    sampling: sampling === 0 ? SAMPLING : sampling,
    tags: customTagsOf(customTags, at.property('customTags')),
    maxTagLength: maxPathTagLength,
    hasIstioTags: enableIstioTags ?? true,
  };
}

/** @param fields of `defaultConfig.tracing`, as written */
export function tracingRemarks(
  fields: Readonly<Record<string, unknown>>,
  at: Reading,
): readonly Violation[] {
  return UNUSED.filter((name) => fields[name] !== undefined).map((name) => ({
    field: at.property(name).field,
    message: 'not acted on: spans go to a provider of kind opentelemetry (extensionProviders)',
  }));
}
