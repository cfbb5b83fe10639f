// MeshConfig.extensionProviders that take what proxies tell: OTLP, for access logs and for traces.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ExtensionProvider
import { durationMs } from '../duration.ts';
import { port, uint32 } from '../kind-parts.ts';
import type { Violation } from '../object.ts';
import { object } from '../schema/object-schema.ts';
import type { Reading } from '../schema/reading.ts';
import { anything, list, string } from '../schema/schema.ts';
import type { Schema, Static } from '../schema/schema.ts';
import { logFormatProblem } from './log-format.ts';

/** Who takes it. */
export type Collector = {
  /** `host`, `namespace/host` or an IP address, as written. */
  readonly service: string;
  readonly port: number;
};

type Pairs = readonly (readonly [name: string, value: string])[];

/** An access log that goes out by OTLP over gRPC. */
export type OtlpLogSettings = Collector & {
  readonly logName: string;
  /** The record's body; empty: Istio's default text. */
  readonly text: string;
  /** The record's attributes, sorted by name. */
  readonly attributes: Pairs;
};

/** Where spans go, by OTLP. */
export type TracerSettings = Collector & {
  readonly protocol: 'grpc' | 'http';
  /** Of HTTP. */
  readonly path: string;
  readonly timeoutMs: number;
  /** Sent along, as metadata of gRPC or headers of HTTP. */
  readonly headers: Pairs;
  /** Of a tag with a path in it; 0: as Envoy has it, 256. */
  readonly maxTagLength: number;
  /** Takes attributes out of OTEL_RESOURCE_ATTRIBUTES of the proxy's environment. */
  readonly readsEnvironment: boolean;
};

/** OpenTelemetry's own, where nothing is said. */
const TIMEOUT_MS = 10_000;
const PATH = '/v1/traces';
/** Istio's (`OtelEnvoyAccessLogFriendlyName`). */
const LOG_NAME = 'otel_envoy_accesslog';

const whatever: Schema<unknown> = { openapi: {}, read: (value) => value };
const service = { service: string({ lengthMin: 1 }), port: port() };
const header = object(
  { name: string({ lengthMin: 1 }), value: string(), envName: string() },
  { required: ['name'], oneOf: ['value', 'envName'] },
);
/** Nobody sends more along. */
const headers = list(header, { itemsMax: 64 });

export const otlpLog = object(
  { ...service, logName: string(), logFormat: object({ text: string(), labels: anything() }) },
  { required: ['service', 'port'] },
);

export const openTelemetry = object(
  {
    ...service,
    maxTagLength: uint32(),
    http: object({ path: string(), timeout: string(), headers }),
    grpc: object({ timeout: string(), initialMetadata: headers }),
    resourceDetectors: object({ environment: whatever, dynatrace: whatever }),
    dynatraceSampler: whatever,
  },
  { required: ['service', 'port'], oneOf: ['http', 'grpc'] },
);

export function otlpLogOf(spec: Static<typeof otlpLog>, at: Reading): OtlpLogSettings {
  const { service, port, logName = '', logFormat = {} } = spec;
  const { text = '', labels = {} } = logFormat;
  const attributes = Object.entries(labels)
    .map(([name, value]) => [name, typeof value === 'string' ? value : ''] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const place = at.property('logFormat');
  checkText(text, place.property('text'));
  for (const [name, value] of attributes) checkText(value, place.property('labels').key(name));
  return { service, port, logName: logName || LOG_NAME, text, attributes };
}

function checkText(text: string, at: Reading): void {
  const problem = logFormatProblem(text);
  if (problem === undefined) return;
  at.refuse(`Invalid value: ${at.quote(text)}: no format of an access log: ${problem}`);
}

export function tracerOf(spec: Static<typeof openTelemetry>, at: Reading): TracerSettings {
  const { service, port, maxTagLength = 0, http, grpc, resourceDetectors } = spec;
  const protocol = http ? 'http' : 'grpc';
  const place = at.property(protocol);
  const { timeout } = http ?? grpc ?? {};
  const timeoutMs = timeout === undefined ? TIMEOUT_MS : durationMs(timeout);
  if (timeoutMs === undefined || timeoutMs < 1) {
    place.property('timeout').refuse('Invalid value: must be a duration of at least 1ms');
  }
  const list = http ? http.headers : grpc?.initialMetadata;
  const path = http?.path || PATH;
  return {
    service,
    port,
    protocol,
    path: path.startsWith('/') ? path : `/${path}`,
    timeoutMs: timeoutMs ?? TIMEOUT_MS,
    headers: headersOf(list ?? [], place.property(http ? 'headers' : 'initialMetadata')),
    maxTagLength,
    readsEnvironment: resourceDetectors?.environment !== undefined,
  };
}

/** Those with a value; of the others the remarks tell. */
function headersOf(written: Static<typeof headers>, at: Reading): Pairs {
  return written.flatMap(({ name, value = '', envName }, index) => {
    const place = at.item(index);
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) {
      place.property('name').refuse('Invalid value: no name of a header');
    }
    if (/[\0\r\n]/.test(value)) place.property('value').refuse('Invalid value: more than a line');
    return envName === undefined ? [[name, value] as const] : [];
  });
}

const ENVIRONMENT = 'not acted on: the environment of the control plane is not for proxies';

/** What of these providers nothing acts on. */
export function telemetryRemarks(
  provider: { readonly opentelemetry?: Static<typeof openTelemetry> },
  at: Reading,
): readonly Violation[] {
  const { opentelemetry: tracer } = provider;
  if (tracer === undefined) return [];
  const place = at.property('opentelemetry');
  const remarks: Violation[] = [];
  const tell = ({ field }: Reading, message = 'not acted on'): void =>
    void remarks.push({ field, message });
  if (tracer.dynatraceSampler !== undefined) tell(place.property('dynatraceSampler'));
  if (tracer.resourceDetectors?.dynatrace !== undefined) {
    tell(place.property('resourceDetectors').property('dynatrace'));
  }
  const named = [
    [tracer.http?.headers ?? [], place.property('http').property('headers')],
    [tracer.grpc?.initialMetadata ?? [], place.property('grpc').property('initialMetadata')],
  ] as const;
  for (const [written, list] of named) {
    for (const [index, { envName }] of written.entries()) {
      if (envName !== undefined) tell(list.item(index).property('envName'), ENVIRONMENT);
    }
  }
  return remarks;
}
