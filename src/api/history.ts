// What was, from the ring: 1 s for an hour, 10 s for a day, who talked to whom for a week.

/** `GET /api/v1/series?edge=<id>&from=<ms>&to=<ms>&step=<s>`; `node=` instead adds up its edges. */
export type Series = {
  /** Seconds between points: what was asked for, or the coarsest that the ring still has. */
  readonly stepSeconds: number;
  readonly atMs: readonly number[];
  /** Per second; null where nothing is known, which is not 0. One column for each quantity. */
  readonly toServerBytes: readonly (number | null)[];
  readonly toClientBytes: readonly (number | null)[];
  readonly open: readonly (number | null)[];
  readonly opened: readonly (number | null)[];
  readonly failed: readonly (number | null)[];
  readonly requests: readonly (number | null)[];
  /** Their mean duration. */
  readonly requestMs: readonly (number | null)[];
  /** Requests that failed: of an edge of HTTP those in `failed`, of a node without connections. */
  readonly requestErrors: readonly (number | null)[];
  /** Requests answered 4xx, without those that failed; null where no agent tells. */
  readonly clientErrors: readonly (number | null)[];
  /** Percentiles of their duration by the client's proxy; null without requests, or if untold. */
  readonly p50Ms: readonly (number | null)[];
  readonly p95Ms: readonly (number | null)[];
  readonly p99Ms: readonly (number | null)[];
  /** By the server's proxy. */
  readonly serverP50Ms: readonly (number | null)[];
  readonly serverP95Ms: readonly (number | null)[];
  readonly serverP99Ms: readonly (number | null)[];
};

/**
 * `GET /api/v1/workloads/{ns}/{name}/connections`, `GET /api/v1/edges/{id}/connections`: an array,
 * newest first; `?limit=`. With `?follow=1` server-sent events instead, `connection` each: when one
 * opens, when it has moved bytes in the last second, and when it closes.
 */
export type Connection = {
  /** Unique while `isthmusd` runs. */
  readonly id: string;
  readonly edge: string;
  readonly openedAtMs: number;
  /** Null while it is open. */
  readonly closedAtMs: number | null;
  readonly clientAddress: string;
  readonly serverAddress: string;
  readonly toServerBytes: number;
  readonly toClientBytes: number;
  readonly encryption: 'tls' | 'plaintext' | 'unknown';
  /** Response flags at its end; empty: none, or still open. */
  readonly flags: string;
  readonly seenBy: readonly ('source' | 'destination')[];
};

/** `GET /api/v1/flows?from=&to=`: who talked to whom, from the week's record. */
export type TalkedTo = {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly clientIdentity: string;
  readonly serverIdentity: string;
  readonly service: string;
  readonly protocol: 'tcp' | 'http' | 'grpc';
  readonly toServerBytes: number;
  readonly toClientBytes: number;
  readonly connections: number;
  readonly lastSeenMs: number;
};
