// What the xDS server tells of itself: for metrics and `proxy-status`.
import { Histogram } from '#base/histogram.ts';
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
  /** Bytes of each response, by type. */
  readonly sizesByType: Map<string, Histogram>;
  /** Seconds that it took to write each and to hand it to its connection, by type. */
  readonly pushSecondsByType: Map<string, Histogram>;
  /** Seconds until a connection had room again; 0 where it had. */
  readonly sendSeconds: Histogram;
};

/** Istio's, of `pilot_xds_config_size_bytes`. */
const SIZE_BOUNDS = [1, 10_000, 1_000_000, 4_000_000, 10_000_000, 40_000_000];
/** Istio's, of `pilot_xds_push_time` and `pilot_xds_send_time`. */
const SECONDS_BOUNDS = [0.01, 0.1, 1, 3, 5, 10, 20, 30];

export function recordSize(counters: XdsCounters, type: string, bytes: number): void {
  histogramOf(counters.sizesByType, type, SIZE_BOUNDS).record(bytes);
}

export function recordPush(counters: XdsCounters, type: string, tookMs: number): void {
  histogramOf(counters.pushSecondsByType, type, SECONDS_BOUNDS).record(tookMs / 1000);
}

function histogramOf(
  all: Map<string, Histogram>,
  type: string,
  bounds: readonly number[],
): Histogram {
  const known = all.get(type) ?? new Histogram(bounds);
  all.set(type, known);
  return known;
}

export const newCounters = (): XdsCounters => ({
  responses: 0,
  bytes: 0,
  rejections: 0,
  responsesByType: new Map(),
  rejectionsByType: new Map(),
  refusedStreams: 0,
  sizesByType: new Map(),
  pushSecondsByType: new Map(),
  sendSeconds: new Histogram(SECONDS_BOUNDS),
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
  readonly types: readonly (TypeStatus & {
    /** When the client last answered for it, taking what was sent or not; 0, absent: never. */
    readonly answeredAtMs?: number;
  })[];
};
