// What a proxy records of a TCP connection or a request: a line of text for people, and a stream of
// entries to its agent for metrics and the map. Both stand in a filter chain from its birth: one
// that came later would drain the chain and so cut its sessions.
import { create } from '@bufbuild/protobuf';
import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import { LOG_NAME } from '#base/access-log-tags.ts';
import { AccessLogType } from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';
import type {
  AccessLogFilterSchema,
  AccessLogSchema,
} from '#gen/envoy/config/accesslog/v3/accesslog_pb.js';
import type { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import { ExpressionFilterSchema } from '#gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js';
import { FileAccessLogSchema } from '#gen/envoy/extensions/access_loggers/file/v3/file_pb.js';
import {
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from '#gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js';
import { OpenTelemetryAccessLogConfigSchema } from '#gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.js';
import type { CommonGrpcAccessLogConfigSchema } from '#gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js';
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from '#gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js';
import { ReqWithoutQuerySchema } from '#gen/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb.js';
import { AnyValueSchema, KeyValueSchema } from '#gen/opentelemetry/proto/common/v1/common_pb.js';
import type { AnyValue } from '#gen/opentelemetry/proto/common/v1/common_pb.js';
import type { TcpProxy_TcpAccessLogOptionsSchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { streamLogTags } from './access-log-tags.ts';
import { extension, grpcService, milliseconds, packed, V3 } from './message.ts';
import type { TypedConfig } from './message.ts';
import { ALS_CLUSTER } from './names.ts';
import type { AccessLogSetting, AccessLogSettings } from './telemetry.ts';

type AccessLog = MessageInitShape<typeof AccessLogSchema>;
type Filter = MessageInitShape<typeof AccessLogFilterSchema>;
type CommonConfig = MessageInitShape<typeof CommonGrpcAccessLogConfigSchema>;
type TypedExtension = MessageInitShape<typeof TypedExtensionConfigSchema>;
type FileLog = Extract<AccessLogSetting, { kind: 'file' }>;
type LogFormat = NonNullable<MessageInitShape<typeof StdoutAccessLogSchema>['accessLogFormat']>;

/** Which side of a call the proxy is on. */
export type LogDirection = 'inbound' | 'outbound';

/**
 * `EnvoyTextLogFormat` of Istio (pilot/pkg/model/telemetry_logging.go) with one difference: the
 * cluster's stat name, because the name that an on-demand cluster is asked by is `dst|<address>`.
 */
const DEFAULT_FORMAT = [
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%"',
  '%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS%',
  '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION%',
  '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%"',
  '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER%',
  '%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS%',
  '%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n',
].join(' ');

/** `EnvoyJSONLogFormatIstio`, with the same difference. */
const DEFAULT_FIELDS: JsonObject = {
  start_time: '%START_TIME%',
  route_name: '%ROUTE_NAME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  response_code_details: '%RESPONSE_CODE_DETAILS%',
  connection_termination_details: '%CONNECTION_TERMINATION_DETAILS%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  duration: '%DURATION%',
  upstream_service_time: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
  user_agent: '%REQ(USER-AGENT)%',
  request_id: '%REQ(X-REQUEST-ID)%',
  authority: '%REQ(:AUTHORITY)%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_cluster: '%UPSTREAM_CLUSTER%',
  upstream_local_address: '%UPSTREAM_LOCAL_ADDRESS%',
  downstream_local_address: '%DOWNSTREAM_LOCAL_ADDRESS%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  requested_server_name: '%REQUESTED_SERVER_NAME%',
  upstream_transport_failure_reason: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
};

/** How often an open connection reports its bytes to the agent. */
const REPORT_INTERVAL_MS = 1000;
/** How long Envoy may collect entries before it sends them; the socket is local and cheap. */
const BUFFER_FLUSH_MS = 250;

/**
 * With these the loggers run when the connection is established and at intervals as well as at its
 * end; the text log is filtered down to the end again.
 */
export const ACCESS_LOG_OPTIONS: MessageInitShape<typeof TcpProxy_TcpAccessLogOptionsSchema> = {
  accessLogFlushInterval: milliseconds(REPORT_INTERVAL_MS),
  flushAccessLogOnConnected: true,
};

export function tcpAccessLogs(logs: AccessLogSettings, direction: LogDirection): AccessLog[] {
  return [...logs.map((log) => chosenLog(log, [AT_THE_END])), tcpStreamLog(direction)];
}

/** One line and one entry for each request, when it has ended. */
export function httpAccessLogs(logs: AccessLogSettings, direction: LogDirection): AccessLog[] {
  return [...logs.map((log) => chosenLog(log, [])), httpStreamLog(direction)];
}

/** One line when the connection has ended, and only then. */
const AT_THE_END: Filter = {
  filterSpecifier: { case: 'logTypeFilter', value: { types: [AccessLogType.TcpConnectionEnd] } },
};

function chosenLog(log: AccessLogSetting, filters: readonly Filter[]): AccessLog {
  const all = log.filter === '' ? filters : [...filters, celFilter(log.filter)];
  const [first, ...others] = all;
  return {
    ...(log.kind === 'otlp' ? otlpLogger(log) : textLogger(log.path, formatOf(log))),
    ...(first && {
      filter:
        others.length === 0
          ? first
          : { filterSpecifier: { case: 'andFilter', value: { filters: [...all] } } },
    }),
  };
}

const celFilter = (expression: string): Filter => ({
  filterSpecifier: {
    case: 'extensionFilter',
    value: extension('envoy.access_loggers.extension_filters.cel', ExpressionFilterSchema, {
      expression,
    }),
  },
});

function formatOf({ format, omitsEmptyValues: omitEmptyValues }: FileLog): LogFormat {
  if (format.kind === 'json') {
    const isSaid = Object.keys(format.fields).length > 0;
    const value = isSaid ? format.fields : DEFAULT_FIELDS;
    const formatters = formattersFor(JSON.stringify(value));
    return {
      case: 'logFormat',
      value: { format: { case: 'jsonFormat', value }, omitEmptyValues, formatters },
    };
  }
  const text = format.text === '' ? DEFAULT_FORMAT : format.text;
  const inlineString = text.endsWith('\n') ? text : `${text}\n`;
  const textFormatSource = { specifier: { case: 'inlineString', value: inlineString } } as const;
  return {
    case: 'logFormat',
    value: {
      format: { case: 'textFormatSource', value: textFormatSource },
      omitEmptyValues,
      formatters: formattersFor(text),
    },
  };
}

/** What Envoy does not know by itself, and Istio offers. */
const formattersFor = (text: string): TypedExtension[] =>
  text.includes('%REQ_WITHOUT_QUERY')
    ? [
        {
          name: 'envoy.formatter.req_without_query',
          typedConfig: packed(ReqWithoutQuerySchema, {}),
        },
      ]
    : [];

/**
 * Standard output is written to as it is, not opened by its path: that fails where it is a socket
 * (what a parent that captures it gives its child), and Envoy would refuse the whole listener.
 */
function textLogger(path: string, accessLogFormat: LogFormat): TypedConfig {
  switch (path) {
    case '/dev/stdout':
      return extension('envoy.access_loggers.stdout', StdoutAccessLogSchema, { accessLogFormat });
    case '/dev/stderr':
      return extension('envoy.access_loggers.stderr', StderrAccessLogSchema, { accessLogFormat });
    default:
      return extension('envoy.access_loggers.file', FileAccessLogSchema, { path, accessLogFormat });
  }
}

/** A record for each line: as Istio's, nothing but what is asked for. */
function otlpLogger(log: Extract<AccessLogSetting, { kind: 'otlp' }>): TypedConfig {
  const { logName, collector, attributes } = log;
  const text = log.text === '' ? DEFAULT_FORMAT : log.text;
  const formats = [text, ...attributes.map(([, format]) => format)];
  return extension('envoy.access_loggers.open_telemetry', OpenTelemetryAccessLogConfigSchema, {
    logName,
    grpcService: {
      targetSpecifier: {
        case: 'envoyGrpc',
        value: { clusterName: collector.cluster, authority: collector.host },
      },
    },
    disableBuiltinLabels: true,
    body: textValue(text),
    attributes: {
      values: attributes.map(([key, value]) =>
        create(KeyValueSchema, { key, value: textValue(value) }),
      ),
    },
    formatters: formattersFor(formats.join()),
  });
}

const textValue = (value: string): AnyValue =>
  create(AnyValueSchema, { value: { case: 'stringValue', value } });

function tcpStreamLog(direction: LogDirection): AccessLog {
  return extension('envoy.tcp_grpc_access_log', TcpGrpcAccessLogConfigSchema, {
    commonConfig: streamConfig(direction, 'tcp'),
  });
}

function httpStreamLog(direction: LogDirection): AccessLog {
  return extension('envoy.access_loggers.http_grpc', HttpGrpcAccessLogConfigSchema, {
    commonConfig: streamConfig(direction, 'http'),
  });
}

function streamConfig(direction: LogDirection, protocol: 'tcp' | 'http'): CommonConfig {
  const suffix = protocol === 'tcp' ? 'Tcp' : 'Http';
  return {
    logName: LOG_NAME[`${direction}${suffix}`],
    transportApiVersion: V3,
    grpcService: grpcService(ALS_CLUSTER),
    bufferFlushInterval: milliseconds(BUFFER_FLUSH_MS),
    customTags: streamLogTags(direction, protocol),
  };
}
