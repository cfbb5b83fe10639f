// What the xDS server tells of itself: for metrics and `proxy-status`.
import type { ProtocolCounts } from './protocol.ts';
import type { TypeStatus } from './protocol-status.ts';

/** Since the server started; only ever growing. */
export type XdsCounters = {
  responses: number;
  /** Of responses, before framing and TLS. */
  bytes: number;
  /** Responses that a proxy refused (NACK). */
  rejections: number;
  /** The same by the short name of their type (`shortTypeName`). */
  readonly responsesByType: Map<string, number>;
  readonly rejectionsByType: Map<string, number>;
  /** Streams that were turned away: not ready, not admitted, too many. */
  refusedStreams: number;
};

export const newCounters = (): XdsCounters => ({
  responses: 0,
  bytes: 0,
  rejections: 0,
  responsesByType: new Map(),
  rejectionsByType: new Map(),
  refusedStreams: 0,
});

/** One open stream. */
export type StreamStatus = {
  /** Who it is, by its certificate. */
  readonly id: string;
  /** What it calls itself. */
  readonly nodeId: string;
  readonly remoteAddress: string;
  readonly connectedAtMs: number;
  readonly counts: ProtocolCounts;
  readonly types: readonly TypeStatus[];
};
