// One ADS stream: the protocol's state machine on a gRPC call. It sends while there is room, waits
// for drain when there is none, and meanwhile whatever changes is only marked.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { GrpcCall } from '#grpc/call.ts';
import { GrpcStatus } from '#grpc/status.ts';
import { decodeDeltaRequest, encodeDeltaResponse } from './delta-wire.ts';
import type { DecodedRequest, DeltaRequest, DeltaResponse } from './delta-wire.ts';
import { DeltaProtocol } from './protocol.ts';
import type { StreamCatalog } from './protocol.ts';
import type { ProtocolLimits } from './protocol-limits.ts';
import { recordPush, recordSize } from './status.ts';
import type { XdsCounters } from './status.ts';
import { shortTypeName } from './type-urls.ts';

/** How a stream's messages are written: the delta protocol's own, or another translated to it. */
export interface StreamCodec {
  decode(bytes: Uint8Array): DecodedRequest;
  /** As consecutive parts, which are not changed afterwards. */
  encode(response: DeltaResponse): Uint8Array[];
}

export const DELTA_CODEC: StreamCodec = {
  decode: decodeDeltaRequest,
  encode: encodeDeltaResponse,
};

export type XdsStreamOptions = {
  readonly call: GrpcCall;
  readonly codec: StreamCodec;
  /** The catalog for this stream; called once, before anything else. */
  readonly bind: (stream: XdsStream) => StreamCatalog;
  readonly limits: ProtocolLimits;
  readonly counters: XdsCounters;
  readonly clock: Clock;
  readonly log: Logger;
  /** Names were acquired: the catalog must settle, then `protocol.settled()` and `pump()`. */
  readonly onUnsettled: () => void;
  readonly onClose: () => void;
  /** All that followed from changes has been handed on, the first of which was seen then. */
  readonly onConverged?: ((changedAtMs: number) => void) | undefined;
};

const count = (counts: Map<string, number>, name: string): void =>
  void counts.set(name, (counts.get(name) ?? 0) + 1);

export class XdsStream {
  readonly protocol: DeltaProtocol;
  readonly call: GrpcCall;
  readonly #options: XdsStreamOptions;
  /** The connection has taken all it can: nothing is encoded before it drains. */
  #isFull = false;
  /** Of the response that was sent last. */
  #sendingSinceMs = 0;
  #nodeId = '';
  #changedAtMs: number | undefined;
  #hasSent = false;
  /** By type. */
  readonly #answeredAtMs = new Map<string, number>();

  constructor(options: XdsStreamOptions) {
    const { call, bind, limits, onClose } = options;
    this.#options = options;
    this.call = call;
    this.protocol = new DeltaProtocol(bind(this), limits);
    call.onMessage = (message) => this.#read(message);
    call.onEnd = () => call.end();
    call.onDrain = () => {
      if (this.#isFull) this.#recordSend();
      this.#isFull = false;
      this.pump();
    };
    call.onClose = () => {
      this.protocol.close();
      onClose();
    };
  }

  /** What the client calls itself. */
  get nodeId(): string {
    return this.#nodeId;
  }

  /** When the client last answered a response of that type, taking it or not; 0: never. */
  answeredAtMs(typeUrl: string): number {
    return this.#answeredAtMs.get(typeUrl) ?? 0;
  }

  /** Something that it holds has changed; what it holds may come out the same. */
  markChanged(atMs: number): void {
    if (this.#changedAtMs !== undefined) return;
    this.#changedAtMs = atMs;
    this.#hasSent = false;
  }

  /** Sends what is due, as far as there is room. */
  pump(): void {
    const { codec, clock } = this.#options;
    while (!this.#isFull) {
      this.#sendingSinceMs = clock.nowMs();
      const response = this.protocol.next();
      if (!response) return this.#noteConverged();
      const parts = codec.encode(response);
      this.#isFull = !this.call.send(...parts);
      this.#hasSent = true;
      this.#recordResponse(response.typeUrl, parts);
    }
  }

  #recordResponse(typeUrl: string, parts: readonly Uint8Array[]): void {
    const { counters, clock } = this.#options;
    const type = shortTypeName(typeUrl);
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    counters.responses += 1;
    counters.bytes += bytes;
    count(counters.responsesByType, type);
    recordSize(counters, type, bytes);
    recordPush(counters, type, clock.nowMs() - this.#sendingSinceMs);
    if (!this.#isFull) this.#recordSend();
  }

  #recordSend(): void {
    const { counters, clock } = this.#options;
    const waitedMs = this.#isFull ? clock.nowMs() - this.#sendingSinceMs : 0;
    counters.sendSeconds.record(waitedMs / 1000);
  }

  /** Nothing can be sent now: because nothing is due, or because the client has yet to answer. */
  #noteConverged(): void {
    if (this.#changedAtMs === undefined) return;
    if (this.protocol.subscriptions.values().some(({ dueCount }) => dueCount > 0)) return;
    if (this.#hasSent) this.#options.onConverged?.(this.#changedAtMs);
    this.#changedAtMs = undefined;
  }

  #read(message: Uint8Array): void {
    const decoded = this.#options.codec.decode(message);
    if (!decoded.ok) return this.call.end(GrpcStatus.invalidArgument, decoded.problem);
    const request = decoded.value;
    if (request.nodeId !== '') this.#nodeId = request.nodeId;
    if (request.nonce !== '') this.#noteAnswer(request.typeUrl);
    if (request.rejection !== undefined) this.#reportRejection(request, request.rejection);
    const outcome = this.protocol.request(request);
    if (!outcome.ok) {
      this.#options.log.warn('stream ended', { problem: outcome.problem });
      return this.call.end(GrpcStatus.resourceExhausted, outcome.problem);
    }
    if (this.protocol.isUnsettled) this.#options.onUnsettled();
    this.pump(); // an answer makes room for the next response of its type
  }

  /** Of types that there are: a client may write what it likes. */
  #noteAnswer(typeUrl: string): void {
    if (!this.protocol.subscriptions.has(typeUrl)) return;
    this.#answeredAtMs.set(typeUrl, this.#options.clock.nowMs());
  }

  #reportRejection({ typeUrl, nonce }: DeltaRequest, reason: string): void {
    const { counters } = this.#options;
    counters.rejections += 1;
    count(counters.rejectionsByType, shortTypeName(typeUrl));
    this.#options.log.warn('proxy refused resources', { type: typeUrl, nonce, reason });
  }
}
