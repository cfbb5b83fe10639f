// Requests to agents and their answers as messages. Whatever an agent says is checked, cut and made
// printable here: nothing of it is trusted any further in.
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import type { LogSource } from '#api/workload.ts';
import { canonicalIp } from '#base/ip.ts';
import { printable } from '#base/printable.ts';
import {
  AgentMessageSchema,
  AgentOrderSchema,
  type AgentAnswer,
  type AgentHello,
  type AgentMessage,
  type AgentStatus as StatusMessage,
} from '#gen/isthmus/v1/attend_pb.js';
import type { AgentStatus } from './agents.ts';
import type {
  AgentAnswers,
  AgentRequest,
  AgentRequestKind,
  DnsAnswer,
  TcpProbeAnswer,
} from './requests.ts';

const TEXT_LENGTH_MAX = 500;
const LINE_LENGTH_MAX = 8 << 10;
const NAME_LENGTH_MAX = 300;
const LIST_MAX = 64;
const SOCKETS_MAX = 500;
const STATS_MAX = 5_000;
const LINES_MAX = 1_000;

export function decodeMessage(bytes: Uint8Array): AgentMessage | undefined {
  try {
    return fromBinary(AgentMessageSchema, bytes);
  } catch {
    return undefined;
  }
}

type Order = MessageInitShape<typeof AgentOrderSchema>;

export const encodeOrder = (order: Order): Uint8Array =>
  toBinary(AgentOrderSchema, create(AgentOrderSchema, order));

export function orderOf(id: number, request: AgentRequest): Order {
  switch (request.kind) {
    case 'config_dump':
      return { id, configDump: { resource: request.resource ?? '' } };
    case 'stats':
      return { id, stats: { filter: request.filter } };
    case 'log_tail': {
      const { source, lines, follow } = request;
      return { id, logTail: { source, lines, follow } };
    }
    case 'dns_query':
      return { id, dnsQuery: { name: request.name, via: request.via } };
    case 'tcp_probe': {
      const { address, port, mode, expect = '', timeoutMs = 0 } = request;
      return { id, tcpProbe: { address, port, mode, expect, timeoutMs } };
    }
    case 'capture_check':
      return { id, captureCheck: {} };
    case 'end_sessions':
      return { id, endSessions: { sessions: [...request.sessions] } };
    default:
      return { id, sockets: {} };
  }
}

/** Reads the answers of one request, in their order; undefined: it is no answer to that. */
export type AnswerReader<Kind extends AgentRequestKind> = (
  answer: AgentAnswer,
) => readonly AgentAnswers[Kind][] | undefined;

export const READERS: { readonly [Kind in AgentRequestKind]: () => AnswerReader<Kind> } = {
  config_dump: () => {
    const decoder = new TextDecoder(); // a character may lie across two parts
    return ({ chunk }) => [{ text: decoder.decode(chunk, { stream: true }) }];
  },
  stats:
    () =>
    ({ stats }) => [
      {
        stats: Object.fromEntries(
          stats
            .slice(0, STATS_MAX)
            .filter(({ value }) => Number.isFinite(value))
            .map(({ name, value }) => [printable(name, NAME_LENGTH_MAX), value]),
        ),
      },
    ],
  log_tail:
    () =>
    ({ lines }) =>
      lines.slice(0, LINES_MAX).map(({ atMs, text }) => ({
        atMs: timeOrNull(atMs),
        text: printable(text, LINE_LENGTH_MAX),
      })),
  dns_query:
    () =>
    ({ dns }) =>
      dns && [readDns(dns)],
  tcp_probe:
    () =>
    ({ probe }) =>
      probe && readProbe(probe),
  capture_check:
    () =>
    ({ capture }) => {
      const state = oneOf(CAPTURE_STATES, capture?.state);
      return capture && state && [{ state, reason: printable(capture.reason, TEXT_LENGTH_MAX) }];
    },
  sockets:
    () =>
    ({ sockets }) =>
      sockets && [
        {
          sockets: sockets.sockets
            .slice(0, SOCKETS_MAX)
            .filter(({ port }) => port > 0 && port <= 65_535)
            .map(({ address, port, program, pid }) => ({
              address: canonicalIp(address) ?? '',
              port,
              program: printable(program, NAME_LENGTH_MAX),
              pid,
            })),
          isCut: sockets.isCut || sockets.sockets.length > SOCKETS_MAX,
        },
      ],
  end_sessions:
    () =>
    ({ ending }) =>
      ending && [
        {
          ended: ending.ended,
          resetting: ending.resetting,
          gone: ending.gone,
          problem: printable(ending.problem, TEXT_LENGTH_MAX),
          remedy: printable(ending.remedy, TEXT_LENGTH_MAX),
        },
      ],
};

function readDns(dns: NonNullable<AgentAnswer['dns']>): DnsAnswer {
  const { addresses, problem, durationMs } = dns;
  return {
    addresses: addresses.slice(0, LIST_MAX).flatMap((address) => canonicalIp(address) ?? []),
    problem: printable(problem, TEXT_LENGTH_MAX),
    durationMs,
  };
}

const CAPTURE_STATES = ['off', 'waiting', 'verified', 'failed'] as const;
const OUTCOMES = ['connected', 'refused', 'timed-out', 'unreachable', 'reset', 'failed'] as const;
const APPLICATIONS = ['postgres', 'http', 'other', 'silent', 'closed'] as const;

function readProbe(
  probe: NonNullable<AgentAnswer['probe']>,
): readonly TcpProbeAnswer[] | undefined {
  const outcome = oneOf(OUTCOMES, probe.outcome);
  if (!outcome) return undefined;
  const kind = oneOf(APPLICATIONS, probe.application);
  return [
    {
      outcome,
      connectMs: probe.connectMs,
      reason: printable(probe.reason, TEXT_LENGTH_MAX),
      application: kind && { kind, detail: printable(probe.detail, TEXT_LENGTH_MAX) },
    },
  ];
}

const ENVOY_STATES = ['running', 'starting', 'stopped'] as const;

export function readStatus(status: StatusMessage, receivedAtMs: number): AgentStatus {
  const { identity, serial, notAfterMs } = status;
  const text = (value: string): string => printable(value, TEXT_LENGTH_MAX);
  return {
    receivedAtMs,
    capture: {
      state: oneOf(CAPTURE_STATES, status.capture) ?? 'unknown',
      reason: text(status.captureReason),
    },
    unready: status.unready.slice(0, LIST_MAX).map(text),
    envoy: {
      state: oneOf(ENVOY_STATES, status.envoy) ?? 'unknown',
      version: text(status.envoyVersion),
      pid: status.envoyPid,
      restarts: status.envoyRestarts,
    },
    certificate:
      serial === ''
        ? undefined
        : {
            identity: text(identity),
            serial: text(serial),
            notAfterMs: timeOrNull(notAfterMs) ?? 0,
          },
  };
}

/** The agent's clock minus ours; a wild one counts as a year. */
export function skewOf(status: StatusMessage, nowMs: number): number {
  const skewMs = Number(status.nowMs) - nowMs;
  return Math.max(-SKEW_MS_MAX, Math.min(SKEW_MS_MAX, skewMs));
}

const SKEW_MS_MAX = 365 * 24 * 3_600_000;

export const readHello = ({ version, os, addresses, logSources }: AgentHello) => ({
  version: printable(version, TEXT_LENGTH_MAX),
  os: printable(os, TEXT_LENGTH_MAX),
  addresses: addresses.slice(0, LIST_MAX).flatMap((address) => canonicalIp(address) ?? []),
  // an agent that does not say is older than the question
  logSources:
    logSources.length === 0
      ? OLDER_SOURCES
      : LOG_SOURCES.filter((source) => logSources.includes(source)),
});

const LOG_SOURCES: readonly LogSource[] = ['access', 'proxy', 'agent', 'app'];
export const OLDER_SOURCES: readonly LogSource[] = ['access', 'proxy', 'agent'];

/** Milliseconds since 1970 up to the year 9999. */
function timeOrNull(atMs: bigint): number | null {
  const value = Number(atMs);
  return value > 0 && value < 253_402_300_800_000 ? value : null;
}

const oneOf = <T extends string>(words: readonly T[], text: string | undefined): T | undefined =>
  words.find((word) => word === text);
