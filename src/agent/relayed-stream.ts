// One configuration stream of Envoy's, or of a client of gRPC without one, and the one of ours that it
// is passed on to. A side that is not read holds the other back. For Envoy the cache can answer.
import { fromBinary, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '#gen/envoy/service/discovery/v3/discovery_pb.js';
import type { GrpcCall, GrpcClientCall } from '#grpc/call.ts';
import { GrpcStatus, type GrpcOutcome } from '#grpc/status.ts';
import type { ControlPlane } from './control-plane.ts';
import { encodeResponse, isFresh, OfflineXds } from './offline-xds.ts';
import type { XdsCache } from './xds-cache.ts';

const SERVICE = '/envoy.service.discovery.v3.AggregatedDiscoveryService';

/** Envoy's, and the agent's own. */
export const XDS_METHOD = `${SERVICE}/DeltaAggregatedResources`;
/** Of clients of gRPC without a proxy: state of the world. */
export const PROXYLESS_METHOD = `${SERVICE}/StreamAggregatedResources`;

export type RelayEvents = {
  /** What is read along, and what answers in need; absent for those who keep nothing. */
  readonly cache?: XdsCache;
  /** The control plane has answered. */
  readonly onWorking: () => void;
  /** The control plane's side has ended; before Envoy hears of it, and so before it comes back. */
  readonly onLost: (outcome: GrpcOutcome) => void;
  readonly onOffline: () => void;
  readonly onClose: () => void;
};

const NO_CERTIFICATE: GrpcOutcome = {
  code: GrpcStatus.unavailable,
  message: 'the agent has no certificate yet',
};
/** Envoy waits for an answer after a few. */
const EARLY_MAX = 32;

export class RelayedStream {
  readonly #down: GrpcCall;
  readonly #events: RelayEvents;
  readonly #gone = new AbortController();
  readonly #follow: ReturnType<XdsCache['follow']> | undefined;
  #up: GrpcClientCall | undefined;
  #offline: OfflineXds | undefined;
  /** What Envoy has sent and the control plane not answered yet; undefined: it has answered. */
  #early: Uint8Array[] | undefined = [];
  #isDownEnded = false;

  constructor(down: GrpcCall, events: RelayEvents) {
    this.#down = down;
    this.#events = events;
    this.#follow = events.cache?.follow();
    down.onMessage = (message) => this.#receive(message);
    down.onEnd = () => {
      this.#isDownEnded = true;
      this.#up?.halfClose();
    };
    down.onDrain = () => this.#up?.resume();
    down.onClose = () => {
      this.#gone.abort();
      this.#up?.cancel();
      events.onClose();
    };
  }

  /** Aborted when Envoy's call has ended. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  get isOffline(): boolean {
    return this.#offline !== undefined;
  }

  connect(controlPlane: ControlPlane): void {
    if (this.signal.aborted || this.#offline) return;
    const lease = controlPlane.lease();
    if (!lease) return this.#lose(NO_CERTIFICATE);
    const up = lease.channel.stream(this.#down.path);
    this.#up = up;
    up.onMessage = (message) => {
      this.#early = undefined;
      this.#events.onWorking();
      const response = this.#follow && decode(DeltaDiscoveryResponseSchema, message);
      if (response) this.#follow?.response(response);
      if (!this.#down.send(message)) up.pause();
    };
    up.onDrain = () => this.#down.resume();
    up.onClose = (outcome) => {
      lease.release();
      this.#lose(outcome);
    };
    this.#down.resume();
    for (const message of this.#early ?? []) up.send(message);
    if (this.#isDownEnded) up.halfClose();
  }

  /**
   * From now on the cache answers, if the control plane has not yet, and if it has anything to tell
   * that Envoy does not hold.
   */
  goOffline(): boolean {
    const { cache, onOffline } = this.#events;
    const [first] = this.#early ?? [];
    const request = first && decode(DeltaDiscoveryRequestSchema, first);
    if (this.#offline) return true;
    if (this.signal.aborted || !cache || cache.isEmpty) return false;
    if (!request || !isFresh(request)) return false;
    this.#offline = new OfflineXds(cache);
    onOffline();
    this.#up?.cancel();
    this.#down.resume();
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const message of early) this.#answer(message, this.#offline);
    return true;
  }

  leaveOffline(): void {
    this.#down.end(GrpcStatus.unavailable, 'the control plane is back');
  }

  #receive(message: Uint8Array): void {
    if (this.#offline) return this.#answer(message, this.#offline);
    const request = this.#follow && decode(DeltaDiscoveryRequestSchema, message);
    if (request) this.#follow?.request(request);
    if (this.#early) {
      this.#early.push(Uint8Array.from(message)); // the view is of the network's buffer
      if (this.#early.length >= EARLY_MAX) this.#down.pause();
    }
    if (this.#up?.send(message) === false) this.#down.pause();
  }

  #answer(message: Uint8Array, offline: OfflineXds): void {
    const request = decode(DeltaDiscoveryRequestSchema, message);
    const response = request && offline.answer(request);
    if (response) this.#down.send(encodeResponse(response));
  }

  /** A stream that the control plane ends in good order is lost to Envoy all the same. */
  #lose(outcome: GrpcOutcome): void {
    // Envoy's side ended first, or goes on without
    if (this.signal.aborted || this.#offline) return;
    const code = outcome.code === GrpcStatus.ok ? GrpcStatus.unavailable : outcome.code;
    const message = outcome.message || 'the control plane has ended the stream';
    this.#events.onLost({ code, message });
    if (!this.goOffline()) this.#down.end(code, message);
  }
}

/** What makes no sense is passed on all the same: the other end says so. */
function decode<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
): MessageShape<Desc> | undefined {
  try {
    return fromBinary(schema, bytes);
  } catch {
    return undefined;
  }
}
