// Spans of requests, reported by OTLP. It is part of what takes the requests (Envoy has no other
// place for it), so a change of it drains the connections of requests, and of them only: filter
// chains of TCP have nothing of it.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { assertNever } from '#base/assert-never.ts';
import { OpenTelemetryConfigSchema } from '#gen/envoy/config/trace/v3/opentelemetry_pb.js';
import type { HttpConnectionManagerSchema } from '#gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { UuidRequestIdConfigSchema } from '#gen/envoy/extensions/request_id/uuid/v3/uuid_pb.js';
import { EnvironmentResourceDetectorConfigSchema } from '#gen/envoy/extensions/tracers/opentelemetry/resource_detectors/v3/environment_resource_detector_pb.js';
import type { CustomTagSchema } from '#gen/envoy/type/tracing/v3/custom_tag_pb.js';
import type { CustomTag } from '#istio/telemetry/custom-tag.ts';
import { extension, milliseconds, packed } from './message.ts';
import type { TraceSettings } from './telemetry.ts';

type Manager = MessageInitShape<typeof HttpConnectionManagerSchema>;
type Config = MessageInitShape<typeof OpenTelemetryConfigSchema>;

const ALL = { value: 100 };

export function traced(
  trace: TraceSettings | null,
): Pick<Manager, 'tracing' | 'requestIdExtension'> {
  if (trace === null) return {};
  const { sampling, tags, maxTagLength, keepsContext, usesRequestId } = trace;
  return {
    tracing: {
      clientSampling: ALL,
      randomSampling: { value: sampling },
      overallSampling: ALL,
      customTags: tags.map(tagOf),
      ...(maxTagLength > 0 && { maxPathTagLength: maxTagLength }),
      provider: extension(
        'envoy.tracers.opentelemetry',
        OpenTelemetryConfigSchema,
        exporter(trace),
      ),
      noContextPropagation: keepsContext,
    },
    // else a request id says whether its request is traced, as Envoy has it by itself
    ...(!usesRequestId && {
      requestIdExtension: {
        typedConfig: packed(UuidRequestIdConfigSchema, { useRequestIdForTraceSampling: false }),
      },
    }),
  };
}

function exporter({ tracer, collector, service: serviceName }: TraceSettings): Config {
  const { protocol, path, headers, readsEnvironment } = tracer;
  const { host, cluster } = collector;
  const timeout = milliseconds(tracer.timeoutMs);
  const common: Config = {
    serviceName,
    resourceDetectors: readsEnvironment ? [ENVIRONMENT] : [],
  };
  if (protocol === 'grpc') {
    return {
      ...common,
      grpcService: {
        targetSpecifier: { case: 'envoyGrpc', value: { clusterName: cluster, authority: host } },
        timeout,
        initialMetadata: headers.map(([key, value]) => ({ key, value })),
      },
    };
  }
  return {
    ...common,
    httpService: {
      httpUri: {
        uri: `http://${host.includes(':') ? `[${host}]` : host}${path}`,
        httpUpstreamType: { case: 'cluster', value: cluster },
        timeout,
      },
      requestHeadersToAdd: headers.map(([key, value]) => ({ header: { key, value } })),
    },
  };
}

const ENVIRONMENT = {
  name: 'envoy.tracers.opentelemetry.resource_detectors.environment',
  typedConfig: packed(EnvironmentResourceDetectorConfigSchema, {}),
};

function tagOf(tag: CustomTag): MessageInitShape<typeof CustomTagSchema> {
  const { name, kind } = tag;
  switch (kind) {
    case 'literal':
      return { tag: name, type: { case: 'literal', value: { value: tag.value } } };
    case 'environment': {
      const value = { name: tag.variable, defaultValue: tag.otherwise };
      return { tag: name, type: { case: 'environment', value } };
    }
    case 'header': {
      const value = { name: tag.header, defaultValue: tag.otherwise };
      return { tag: name, type: { case: 'requestHeader', value } };
    }
    case 'formatter':
      return { tag: name, type: { case: 'value', value: tag.format } };
    default:
      return assertNever(kind);
  }
}
