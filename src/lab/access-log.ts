// Reads lines of Istio's classic text log (Envoy's default shape) for TCP. Pure.

export type AccessLogLine = {
  readonly text: string;
  readonly startedAt: string;
  readonly responseFlags: string;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly durationMs: number;
  readonly upstreamHost: string;
  /** `inbound|5432|tcp|host` on the server's side, `outbound|5432||host` on the client's. */
  readonly cluster: string;
  readonly upstreamLocalAddress: string;
  readonly downstreamLocalAddress: string;
  readonly downstreamRemoteAddress: string;
  /** The SNI that the client asked for; `-` for a connection without TLS. */
  readonly serverName: string;
};

/** Fields of a line, in order, after its time. */
const FIELDS = 20;

/** @returns undefined for a line that has another form */
export function parseAccessLogLine(text: string): AccessLogLine | undefined {
  const [, startedAt, rest] = /^\[([^\]]+)\] (.*)$/.exec(text) ?? [];
  if (startedAt === undefined || rest === undefined) return undefined;
  const fields = [...rest.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare);
  if (fields.length !== FIELDS) return undefined;
  const field = (index: number): string => fields[index] ?? '';
  return {
    text,
    startedAt,
    responseFlags: field(2),
    bytesReceived: Number(field(5)),
    bytesSent: Number(field(6)),
    durationMs: Number(field(7)),
    upstreamHost: field(13),
    cluster: field(14),
    upstreamLocalAddress: field(15),
    downstreamLocalAddress: field(16),
    downstreamRemoteAddress: field(17),
    serverName: field(18),
  };
}
