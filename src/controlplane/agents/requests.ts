// What an agent can be asked, and how it answers.
import type { LogSource } from '#api/workload.ts';

export type AgentRequest =
  /** Envoy's configuration as JSON, without secrets, in parts; `resource` as Envoy's admin has it. */
  | { readonly kind: 'config_dump'; readonly resource?: string }
  /** Envoy's counters and gauges whose names match; a regular expression of RE2. */
  | { readonly kind: 'stats'; readonly filter: string }
  /** The last lines (at most 1,000), and with `follow` what is written from then on. */
  | {
      readonly kind: 'log_tail';
      readonly source: LogSource;
      readonly lines: number;
      readonly follow: boolean;
    }
  /**
   * What a name means on that machine: to its programs (`system`: /etc/hosts, search domains,
   * capture), or to the agent's DNS proxy alone.
   */
  | { readonly kind: 'dns_query'; readonly name: string; readonly via: 'system' | 'proxy' }
  /**
   * Dials as a program on that machine would (`captured`), or past the proxy (`direct`). With
   * `expect`, a first word is exchanged in that protocol.
   */
  | {
      readonly kind: 'tcp_probe';
      /** IP address. */
      readonly address: string;
      readonly port: number;
      readonly mode: 'direct' | 'captured';
      readonly expect?: 'postgres' | 'http';
      /** Default 3 s, at most 10 s. */
      readonly timeoutMs?: number;
    }
  /** Is capture in place, and does it work now? */
  | { readonly kind: 'capture_check' }
  /** Who listens on which TCP port. */
  | { readonly kind: 'sockets' }
  /** Ends these connections to the workload, no others; at most `SESSIONS_PER_REQUEST_MAX`. */
  | { readonly kind: 'end_sessions'; readonly sessions: readonly SessionEnds[] };

/** One TCP connection as its server's proxy sees it: both ends, `address:port`. */
export type SessionEnds = { readonly client: string; readonly server: string };

/** What an agent takes at once: a few commands of its machine's, well within their time. */
export const SESSIONS_PER_REQUEST_MAX = 256;

export type AgentRequestKind = AgentRequest['kind'];

export type AgentAnswers = {
  /** All of them, put together, are one JSON text. */
  readonly config_dump: { readonly text: string };
  readonly stats: { readonly stats: Readonly<Record<string, number>> };
  readonly log_tail: { readonly atMs: number | null; readonly text: string };
  readonly dns_query: DnsAnswer;
  readonly tcp_probe: TcpProbeAnswer;
  readonly capture_check: {
    readonly state: 'off' | 'waiting' | 'verified' | 'failed';
    readonly reason: string;
  };
  readonly sockets: {
    readonly sockets: readonly ListeningSocket[];
    /** There were more. */
    readonly isCut: boolean;
  };
  readonly end_sessions: EndSessionsAnswer;
};

/** How many of the sessions asked about came to what; what is missing of the sum lives on. */
export type EndSessionsAnswer = {
  readonly ended: number;
  /** Cut by the packet filter, at their next packet within half a minute. */
  readonly resetting: number;
  /** Had ended by themselves. */
  readonly gone: number;
  /** Why the others live on; empty: there are none. */
  readonly problem: string;
  readonly remedy: string;
};

export type DnsAnswer = {
  readonly addresses: readonly string[];
  /** `ENOTFOUND`, `SERVFAIL`…; empty: it was answered. */
  readonly problem: string;
  readonly durationMs: number;
};

export type TcpProbeAnswer = {
  readonly outcome: 'connected' | 'refused' | 'timed-out' | 'unreachable' | 'reset' | 'failed';
  /** Until the connection stood; of one that never did, until that was known. */
  readonly connectMs: number;
  /** What the system said of a failure; empty otherwise. */
  readonly reason: string;
  /** What answered; undefined: nothing was expected, or it failed before. */
  readonly application:
    | {
        /** `other`: something answered, in another protocol; `silent`: nothing did in time. */
        readonly kind: 'postgres' | 'http' | 'other' | 'silent' | 'closed';
        /** `offers TLS`, `no TLS`, `HTTP/1.1 200`, or the first bytes, printable. */
        readonly detail: string;
      }
    | undefined;
};

export type ListeningSocket = {
  /** `0.0.0.0`, `127.0.0.1`, `::` */
  readonly address: string;
  readonly port: number;
  /** Empty: not known. */
  readonly program: string;
  /** 0: not known. */
  readonly pid: number;
};
