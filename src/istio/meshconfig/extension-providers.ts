// MeshConfig.extensionProviders: what policies and Telemetry name by name. Acted on are external
// authorizers, access logs to a file, and OTLP; the others are real, taken, and reported.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ExtensionProvider
import { isRecord } from '#kube/objects.ts';
import { durationMs } from '../duration.ts';
import { port, strings, uint32 } from '../kind-parts.ts';
import type { Violation } from '../object.ts';
import type { Reading } from '../schema/reading.ts';
import { object } from '../schema/object-schema.ts';
import { anything, boolean, list, map, string } from '../schema/schema.ts';
import type { Schema, Static } from '../schema/schema.ts';
import { logFormatProblem } from './log-format.ts';
import {
  openTelemetry,
  otlpLog,
  otlpLogOf,
  telemetryRemarks,
  tracerOf,
} from './telemetry-providers.ts';
import type { OtlpLogSettings, TracerSettings } from './telemetry-providers.ts';

/** Whom policies of action CUSTOM ask. */
export type AuthorizerSettings = {
  readonly protocol: 'http' | 'grpc';
  /** `host` or `namespace/host`, as written. */
  readonly service: string;
  readonly port: number;
  readonly timeoutMs: number;
  /** Lets requests pass when it cannot be asked. */
  readonly failOpen: boolean;
  /** What a request is answered when it cannot be asked; 0: 403. */
  readonly statusOnError: number;
  /** Put before a request's path when asking over HTTP. */
  readonly pathPrefix: string;
  /** Names of headers: exact, `prefix*` or `*suffix`. Of HTTP only, as all that follow. */
  readonly requestHeaders: readonly string[];
  /** Sorted by name. */
  readonly additionalHeaders: readonly (readonly [name: string, value: string])[];
  readonly upstreamHeadersOnAllow: readonly string[];
  readonly clientHeadersOnDeny: readonly string[];
  readonly clientHeadersOnAllow: readonly string[];
  /** undefined: the body is not sent along. */
  readonly body: RequestBody | undefined;
};

export type RequestBody = {
  readonly bytesMax: number;
  readonly allowsPartial: boolean;
  readonly asBytes: boolean;
};

/** An access log to a file. */
export type FileLogSettings = {
  readonly path: string;
  /** undefined: as MeshConfig says for the provider `envoy`, else Istio's default text. */
  readonly format: LogFormat | undefined;
  readonly omitsEmptyValues: boolean;
};

export type LogFormat =
  /** Empty: Istio's default. */
  | { readonly kind: 'text'; readonly text: string }
  /** Field → format; empty: Istio's default. */
  | { readonly kind: 'json'; readonly fields: LogFields };

/** What a line of JSON says: field → format, in objects within objects if need be. */
export type LogFields = { readonly [name: string]: string | LogFields };

export type ExtensionProvider = { readonly name: string } & (
  | { readonly kind: 'authorizer'; readonly authorizer: AuthorizerSettings }
  | { readonly kind: 'file-log'; readonly log: FileLogSettings }
  | { readonly kind: 'otlp-log'; readonly log: OtlpLogSettings }
  | { readonly kind: 'tracer'; readonly tracer: TracerSettings }
  /** Of a kind that nothing here acts on. */
  | { readonly kind: 'other' }
);

/** Istio's, for an authorizer that says nothing. */
const TIMEOUT_MS = 600_000;

const requestBody = object(
  { maxRequestBytes: uint32(), allowPartialMessage: boolean(), packAsBytes: boolean() },
  {},
);

const common = {
  service: string({ lengthMin: 1 }),
  port: port(),
  timeout: string(),
  failOpen: boolean(),
  clearRouteCache: boolean(),
  statusOnError: string(),
  includeRequestBodyInCheck: requestBody,
};

const extAuthzGrpc = object(common, { required: ['service', 'port'] });

const extAuthzHttp = object(
  {
    ...common,
    pathPrefix: string(),
    includeHeadersInCheck: strings(),
    includeRequestHeadersInCheck: strings(),
    includeAdditionalHeadersInCheck: map(string()),
    headersToUpstreamOnAllow: strings(),
    headersToDownstreamOnDeny: strings(),
    headersToDownstreamOnAllow: strings(),
  },
  { required: ['service', 'port'] },
);

const fileLog = object({
  path: string(),
  logFormat: object({ text: string(), labels: anything() }, { oneOf: ['text', 'labels'] }),
  omitEmptyValues: boolean(),
});

const OTHERS = [
  'datadog',
  'envoyHttpAls',
  'envoyTcpAls',
  'lightstep',
  'opencensus',
  'prometheus',
  'sds',
  'skywalking',
  'stackdriver',
  'zipkin',
] as const;

const whatever: Schema<unknown> = { openapi: {}, read: (value) => value };

const provider = object(
  {
    ...Object.fromEntries(OTHERS.map((name) => [name, whatever])),
    name: string({ lengthMin: 1 }),
    envoyExtAuthzHttp: extAuthzHttp,
    envoyExtAuthzGrpc: extAuthzGrpc,
    envoyFileAccessLog: fileLog,
    envoyOtelAls: otlpLog,
    opentelemetry: openTelemetry,
  },
  {
    required: ['name'],
    oneOf: [
      'envoyExtAuthzHttp',
      'envoyExtAuthzGrpc',
      'envoyFileAccessLog',
      'envoyOtelAls',
      'opentelemetry',
    ],
  },
);

/** There may be this many; Istio knows no limit. */
const PROVIDERS_MAX = 256;

export const extensionProviders = list(provider, { itemsMax: PROVIDERS_MAX });
export const defaultProviders = object({
  accessLogging: strings(),
  metrics: strings(),
  tracing: strings(),
});

type Provider = Static<typeof provider>;

export function extensionProvidersOf(
  providers: readonly Provider[],
  at: Reading,
): readonly ExtensionProvider[] {
  return providers.map((provider, index) => {
    const place = at.item(index);
    const { name, envoyExtAuthzHttp: http, envoyExtAuthzGrpc: grpc, envoyFileAccessLog } = provider;
    const { envoyOtelAls, opentelemetry } = provider;
    if (providers.findIndex((other) => other.name === name) !== index) {
      place.property('name').refuse(`Duplicate value: ${place.quote(name)}`);
    }
    if (http) {
      const authorizer = httpAuthorizer(http, place.property('envoyExtAuthzHttp'));
      return { name, kind: 'authorizer', authorizer };
    }
    if (grpc) {
      const authorizer = anyAuthorizer(grpc, place.property('envoyExtAuthzGrpc'));
      return { name, kind: 'authorizer', authorizer: { ...authorizer, protocol: 'grpc' } };
    }
    if (envoyFileAccessLog) {
      const log = fileLogOf(envoyFileAccessLog);
      checkFormat(log.format, place.property('envoyFileAccessLog').property('logFormat'));
      return { name, kind: 'file-log', log };
    }
    if (envoyOtelAls) {
      const log = otlpLogOf(envoyOtelAls, place.property('envoyOtelAls'));
      return { name, kind: 'otlp-log', log };
    }
    if (opentelemetry) {
      const tracer = tracerOf(opentelemetry, place.property('opentelemetry'));
      return { name, kind: 'tracer', tracer };
    }
    return { name, kind: 'other' };
  });
}

/** What is to be said of the providers of which nothing here makes use. */
export function providerRemarks(
  providers: readonly Provider[] = [],
  at: Reading,
): readonly Violation[] {
  return providers.flatMap((provider, index) => [
    ...Object.keys(provider)
      .filter((field) => OTHERS.some((other) => other === field))
      .filter((field) => field !== 'prometheus') // metrics are always Prometheus'
      .map((field) => ({
        field: at.item(index).property(field).field,
        message: 'not acted on yet',
      })),
    ...telemetryRemarks(provider, at.item(index)),
  ]);
}

function anyAuthorizer(
  settings: Static<typeof extAuthzGrpc>,
  at: Reading,
): Omit<AuthorizerSettings, 'protocol'> {
  const { service, port, timeout, failOpen = false, statusOnError = '' } = settings;
  const status = statusOnError === '' ? 0 : Number(statusOnError);
  if (!Number.isInteger(status) || (status !== 0 && (status < 100 || status > 599))) {
    at.property('statusOnError').refuse('Invalid value: must be an HTTP status');
  }
  const timeoutMs = timeout === undefined ? TIMEOUT_MS : durationMs(timeout);
  if (timeoutMs === undefined || timeoutMs <= 0) {
    at.property('timeout').refuse('Invalid value: must be a duration');
  }
  const body = settings.includeRequestBodyInCheck;
  return {
    service,
    port,
    timeoutMs: timeoutMs ?? TIMEOUT_MS,
    failOpen,
    statusOnError: status,
    pathPrefix: '',
    requestHeaders: [],
    additionalHeaders: [],
    upstreamHeadersOnAllow: [],
    clientHeadersOnDeny: [],
    clientHeadersOnAllow: [],
    body: body && {
      bytesMax: body.maxRequestBytes ?? 0,
      allowsPartial: body.allowPartialMessage ?? false,
      asBytes: body.packAsBytes ?? false,
    },
  };
}

function httpAuthorizer(settings: Static<typeof extAuthzHttp>, at: Reading): AuthorizerSettings {
  const { pathPrefix = '', includeAdditionalHeadersInCheck: additional = {} } = settings;
  if (pathPrefix !== '' && !pathPrefix.startsWith('/')) {
    at.property('pathPrefix').refuse('Invalid value: must begin with /');
  }
  const { includeRequestHeadersInCheck, includeHeadersInCheck = [] } = settings;
  return {
    ...anyAuthorizer(settings, at),
    protocol: 'http',
    pathPrefix,
    requestHeaders: includeRequestHeadersInCheck ?? includeHeadersInCheck,
    additionalHeaders: Object.entries(additional).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    upstreamHeadersOnAllow: settings.headersToUpstreamOnAllow ?? [],
    clientHeadersOnDeny: settings.headersToDownstreamOnDeny ?? [],
    clientHeadersOnAllow: settings.headersToDownstreamOnAllow ?? [],
  };
}

function fileLogOf({ path, logFormat, omitEmptyValues }: Static<typeof fileLog>): FileLogSettings {
  const { text, labels } = logFormat ?? {};
  const format: LogFormat | undefined =
    labels !== undefined
      ? { kind: 'json', fields: logFields(labels) }
      : text === undefined
        ? undefined
        : { kind: 'text', text };
  return { path: path || '/dev/stdout', format, omitsEmptyValues: omitEmptyValues ?? false };
}

export function checkFormat(format: LogFormat | undefined, at: Reading): void {
  const texts = format?.kind === 'json' ? formatsIn(format.fields) : [format?.text ?? ''];
  for (const text of texts) {
    const problem = logFormatProblem(text);
    if (problem === undefined) continue;
    at.refuse(`Invalid value: ${at.quote(text)}: no format of an access log: ${problem}`);
    return;
  }
}

const formatsIn = (fields: LogFields): readonly string[] =>
  Object.values(fields).flatMap((field) => (typeof field === 'string' ? field : formatsIn(field)));

/** Istio's default fields stand in for a text that is no JSON object. */
export function meshLogFormat(settings: {
  readonly accessLogEncoding: 'TEXT' | 'JSON';
  readonly accessLogFormat: string;
}): LogFormat {
  const { accessLogEncoding, accessLogFormat: text } = settings;
  if (accessLogEncoding === 'TEXT') return { kind: 'text', text };
  try {
    return { kind: 'json', fields: logFields(JSON.parse(text === '' ? '{}' : text)) };
  } catch {
    return { kind: 'json', fields: {} };
  }
}

/** What is neither a format nor an object of such is taken as the text that JSON has for it. */
export function logFields(value: unknown, depth = 0): LogFields {
  if (!isRecord(value) || depth > DEPTH_MAX) return {};
  const fields = Object.entries(value).map(([name, field]) => {
    if (isRecord(field)) return [name, logFields(field, depth + 1)] as const;
    return [name, typeof field === 'string' ? field : JSON.stringify(field)] as const;
  });
  return Object.fromEntries(fields);
}

/** Nobody writes a line with more levels. */
const DEPTH_MAX = 8;
