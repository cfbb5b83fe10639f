// Envoy's access-log stream (envoy/service/accesslog/v3/als.proto): TCP entries decoded and
// counted. Envoy sends and never waits for an answer.
import { fromBinary } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { Logger } from '#base/log.ts';
import {
  AccessLogType,
  type TCPAccessLogEntry,
  type TLSProperties_CertificateProperties,
} from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';
import {
  StreamAccessLogsMessageSchema,
  type StreamAccessLogsMessage,
} from '#gen/envoy/service/accesslog/v3/als_pb.js';
import type { GrpcHandler } from '#grpc/call.ts';
import { GrpcStatus } from '#grpc/status.ts';
import type { TcpEntry } from './flows.ts';

export const ALS_METHOD = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';

/** The first message of a stream names its log; the entries of all carry that name. */
export function createAlsHandler(options: {
  readonly record: (entry: TcpEntry) => void;
  readonly log: Logger;
}): GrpcHandler {
  return (call) => {
    let logName = '';
    call.onMessage = (bytes) => {
      const message = decode(bytes);
      if (!message) {
        options.log.warn('access log stream broken');
        return call.end(GrpcStatus.invalidArgument, 'not a StreamAccessLogsMessage');
      }
      logName = message.identifier?.logName ?? logName;
      if (message.logEntries.case !== 'tcpLogs') return;
      for (const entry of message.logEntries.value.logEntry) {
        const parsed = parseTcpEntry(logName, entry);
        if (parsed) options.record(parsed);
      }
    };
    call.onEnd = () => call.end();
  };
}

function decode(bytes: Uint8Array): StreamAccessLogsMessage | undefined {
  try {
    return fromBinary(StreamAccessLogsMessageSchema, bytes);
  } catch {
    return undefined;
  }
}

const KINDS: Readonly<Partial<Record<AccessLogType, TcpEntry['kind']>>> = {
  [AccessLogType.TcpUpstreamConnected]: 'connected',
  [AccessLogType.TcpPeriodic]: 'periodic',
  [AccessLogType.TcpConnectionEnd]: 'end',
};

/** @returns undefined for an entry without the id that joins it to its connection */
export function parseTcpEntry(logName: string, entry: TCPAccessLogEntry): TcpEntry | undefined {
  const common = entry.commonProperties;
  const kind = common && KINDS[common.accessLogType];
  if (!common || !kind || common.streamId === '') return undefined;
  const { tlsProperties, startTime } = common;
  return {
    logName,
    streamId: common.streamId,
    kind,
    startedAtMs: startTime ? timestampMs(startTime) : 0,
    upstreamCluster: common.upstreamCluster,
    localPrincipal: principalOf(tlsProperties?.localCertificateProperties),
    peerPrincipal: principalOf(tlsProperties?.peerCertificateProperties),
    tags: common.customTags,
    receivedBytes: Number(entry.connectionProperties?.receivedBytes ?? 0n),
    sentBytes: Number(entry.connectionProperties?.sentBytes ?? 0n),
  };
}

/** The URI among a certificate's alternative names: a workload's certificate has just one. */
function principalOf(certificate: TLSProperties_CertificateProperties | undefined): string {
  for (const { san } of certificate?.subjectAltName ?? []) {
    if (san.case === 'uri') return san.value;
  }
  return '';
}
