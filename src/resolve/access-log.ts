// What a proxy records of a TCP connection or a request: a line of text for people, and a stream of
// entries to its agent for metrics and the map. Both stand in a filter chain from its birth, because
// adding one later would drain the chain and so cut its sessions.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { LOG_NAME } from '#base/access-log-tags.ts';
import { AccessLogType } from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';
import type { AccessLogSchema } from '#gen/envoy/config/accesslog/v3/accesslog_pb.js';
import { FileAccessLogSchema } from '#gen/envoy/extensions/access_loggers/file/v3/file_pb.js';
import {
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from '#gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js';
import type { CommonGrpcAccessLogConfigSchema } from '#gen/envoy/extensions/access_loggers/grpc/v3/als_pb.js';
import {
  StderrAccessLogSchema,
  StdoutAccessLogSchema,
} from '#gen/envoy/extensions/access_loggers/stream/v3/stream_pb.js';
import type { TcpProxy_TcpAccessLogOptionsSchema } from '#gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import { streamLogTags } from './access-log-tags.ts';
import { extension, grpcService, milliseconds, V3 } from './message.ts';
import type { TypedConfig } from './message.ts';
import { ALS_CLUSTER } from './names.ts';

type AccessLog = MessageInitShape<typeof AccessLogSchema>;
type CommonConfig = MessageInitShape<typeof CommonGrpcAccessLogConfigSchema>;
type LogFormat = NonNullable<MessageInitShape<typeof StdoutAccessLogSchema>['accessLogFormat']>;

/** Which side of a call the proxy is on. */
export type LogDirection = 'inbound' | 'outbound';

/** What MeshConfig says of the text log. */
export type AccessLogSettings = {
  /** MeshConfig.accessLogFile; empty: no text log. */
  readonly accessLogFile: string;
  /** MeshConfig.accessLogFormat; empty: Istio's present default. */
  readonly accessLogFormat: string;
};

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

export function tcpAccessLogs(settings: AccessLogSettings, direction: LogDirection): AccessLog[] {
  const stream = tcpStreamLog(direction);
  return settings.accessLogFile === '' ? [stream] : [textLog(settings), stream];
}

/** One line and one entry for each request, when it has ended. */
export function httpAccessLogs(settings: AccessLogSettings, direction: LogDirection): AccessLog[] {
  const stream = httpStreamLog(direction);
  return settings.accessLogFile === '' ? [stream] : [textLogOf(settings), stream];
}

/** One line when the connection has ended, and only then. */
function textLog(settings: AccessLogSettings): AccessLog {
  return {
    ...textLogOf(settings),
    filter: {
      filterSpecifier: {
        case: 'logTypeFilter',
        value: { types: [AccessLogType.TcpConnectionEnd] },
      },
    },
  };
}

function textLogOf({ accessLogFile, accessLogFormat }: AccessLogSettings): TypedConfig {
  const format = accessLogFormat === '' ? DEFAULT_FORMAT : accessLogFormat;
  const inlineString = format.endsWith('\n') ? format : `${format}\n`;
  const textFormatSource = { specifier: { case: 'inlineString', value: inlineString } } as const;
  return textLogger(accessLogFile, {
    case: 'logFormat',
    value: { format: { case: 'textFormatSource', value: textFormatSource } },
  });
}

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
