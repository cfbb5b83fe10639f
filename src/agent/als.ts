// Envoy's access-log stream (envoy/service/accesslog/v3/als.proto), decoded. Envoy sends and never
// waits for an answer.
import { fromBinary } from '@bufbuild/protobuf';
import { timestampMs, type Duration } from '@bufbuild/protobuf/wkt';
import type { Logger } from '#base/log.ts';
import type { TagAttributes } from '#base/tag-expression.ts';
import type { Address } from '#gen/envoy/config/core/v3/address_pb.js';
import {
  AccessLogType,
  type AccessLogCommon,
  type HTTPAccessLogEntry,
  type TCPAccessLogEntry,
  type TLSProperties_CertificateProperties,
} from '#gen/envoy/data/accesslog/v3/accesslog_pb.js';
import {
  StreamAccessLogsMessageSchema,
  type StreamAccessLogsMessage,
} from '#gen/envoy/service/accesslog/v3/als_pb.js';
import type { GrpcHandler } from '#grpc/call.ts';
import { GrpcStatus } from '#grpc/status.ts';
import type { ConnectionEntry } from '#telemetry/connection-account.ts';
import type { RequestReport } from '#telemetry/standard-metrics.ts';
import type { CallFacts, CertificateFacts } from './call-kind.ts';
import { type WireFacts, wireFacts } from './flows/wire-facts.ts';
import { connectionAttributes, requestAttributes } from './tag-attributes.ts';

export const ALS_METHOD = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';

/** Of one entry, besides what is counted. */
export type EntryFacts = {
  readonly wire: WireFacts;
  /** For tags that Telemetry sets; worked out where one does. */
  readonly attributes: () => TagAttributes;
};

export type AccessLogReader = {
  readonly connection: (facts: CallFacts, entry: ConnectionEntry, more: EntryFacts) => void;
  readonly request: (facts: CallFacts, report: RequestReport, more: EntryFacts) => void;
};

/** The first message of a stream names its log; the entries of all carry that name. */
export function createAlsHandler(options: {
  readonly reader: AccessLogReader;
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
      read(logName, message, options.reader);
    };
    call.onEnd = () => call.end();
  };
}

function read(logName: string, { logEntries }: StreamAccessLogsMessage, to: AccessLogReader): void {
  switch (logEntries.case) {
    case 'tcpLogs':
      for (const entry of logEntries.value.logEntry) {
        const connection = parseConnection(logName, entry);
        const common = entry.commonProperties;
        if (connection && common) {
          const wire = wireFacts(common, common.connectionTerminationDetails);
          const facts = factsOf(logName, common);
          const attributes = (): TagAttributes => connectionAttributes(facts, wire);
          to.connection(facts, connection, { wire, attributes });
        }
      }
      break;
    case 'httpLogs':
      for (const entry of logEntries.value.logEntry) {
        const { commonProperties: common } = entry;
        if (!common || !isLast(common)) continue;
        const { responseCode = 0, responseCodeDetails = '' } = entry.response ?? {};
        const facts = { ...factsOf(logName, common), responseCode };
        const wire = wireFacts(common, responseCodeDetails);
        const attributes = (): TagAttributes =>
          requestAttributes(entry, connectionAttributes(facts, wire));
        to.request(facts, parseRequest(common, entry), { wire, attributes });
      }
      break;
    case undefined:
      break;
  }
}

function decode(bytes: Uint8Array): StreamAccessLogsMessage | undefined {
  try {
    return fromBinary(StreamAccessLogsMessageSchema, bytes);
  } catch {
    return undefined;
  }
}

const STAGES: Readonly<Partial<Record<AccessLogType, ConnectionEntry['stage']>>> = {
  [AccessLogType.TcpUpstreamConnected]: 'connected',
  [AccessLogType.TcpPeriodic]: 'periodic',
  [AccessLogType.TcpConnectionEnd]: 'end',
};

/** @returns undefined for an entry without the id that joins it to its connection */
export function parseConnection(
  logName: string,
  { commonProperties: common, connectionProperties }: TCPAccessLogEntry,
): ConnectionEntry | undefined {
  const stage = common && STAGES[common.accessLogType];
  if (!common || !stage || common.streamId === '') return undefined;
  return {
    logName,
    streamId: common.streamId,
    stage,
    startedAtMs: common.startTime ? timestampMs(common.startTime) : 0,
    ...connectTime(common.customTags),
    receivedBytes: Number(connectionProperties?.receivedBytes ?? 0n),
    sentBytes: Number(connectionProperties?.sentBytes ?? 0n),
  };
}

/** A request may be logged while it lasts, too; it is counted at its end. */
const isLast = ({ accessLogType }: AccessLogCommon): boolean =>
  accessLogType === AccessLogType.DownstreamEnd || accessLogType === AccessLogType.NotSet;

function parseRequest(
  { duration }: AccessLogCommon,
  { request, response }: HTTPAccessLogEntry,
): RequestReport {
  const sum = (a: bigint | undefined, b: bigint | undefined): number =>
    Number((a ?? 0n) + (b ?? 0n));
  return {
    durationMs: duration ? exactMs(duration) : 0,
    requestBytes: sum(request?.requestHeadersBytes, request?.requestBodyBytes),
    responseBytes: sum(response?.responseHeadersBytes, response?.responseBodyBytes),
  };
}

/** Of a server that was not reached it is not known. */
function connectTime({ connect_us: text }: AccessLogCommon['customTags']): { connectMs?: number } {
  const microseconds = Number(text ?? 0);
  return microseconds > 0 ? { connectMs: microseconds / 1000 } : {};
}

const exactMs = ({ seconds, nanos }: Duration): number => Number(seconds) * 1000 + nanos / 1e6;

function factsOf(logName: string, common: AccessLogCommon): CallFacts {
  const { tlsProperties } = common;
  return {
    logName,
    tags: common.customTags,
    downstreamPeer: certificateFacts(tlsProperties?.peerCertificateProperties),
    downstreamLocal: certificateFacts(tlsProperties?.localCertificateProperties),
    sni: tlsProperties?.tlsSniHostname ?? '',
    downstreamRemoteAddress: ipOf(common.downstreamDirectRemoteAddress),
    downstreamLocalAddress: ipOf(common.downstreamLocalAddress),
    upstreamRemoteAddress: ipOf(common.upstreamRemoteAddress),
    upstreamLocalAddress: ipOf(common.upstreamLocalAddress),
    responseCode: undefined,
    routeName: common.routeName,
  };
}

/** The URI among a certificate's alternative names: a workload's certificate has just one. */
function certificateFacts(
  certificate: TLSProperties_CertificateProperties | undefined,
): CertificateFacts {
  const subject = certificate?.subject ?? '';
  for (const { san } of certificate?.subjectAltName ?? []) {
    if (san.case === 'uri') return { spiffeId: san.value, subject };
  }
  return { spiffeId: '', subject };
}

const ipOf = (address: Address | undefined): string =>
  address?.address.case === 'socketAddress' ? address.address.value.address : '';
