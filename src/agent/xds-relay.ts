// Envoy's configuration stream, passed on to the control plane byte for byte over the agent's
// mutual TLS. The relay understands nothing of what it carries: whoever is asked decides by the
// certificate. When the control plane is lost, Envoy's stream ends with UNAVAILABLE; Envoy keeps
// what it has, opens the stream again and says what versions it holds.
import type { Logger } from '#base/log.ts';
import type { GrpcCall, GrpcClientCall, GrpcHandler } from '#grpc/call.ts';
import { grpcCodeName, GrpcStatus, type GrpcOutcome } from '#grpc/status.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Retry } from './retry.ts';

export const XDS_METHOD =
  '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';

/** One Envoy has one stream; another may be on its way out. */
const STREAMS_MAX = 4;

export type RelayStatus = {
  readonly openStreams: number;
  /** Why the last stream to the control plane ended, until one works again. */
  readonly problem: string | undefined;
};

export class XdsRelay {
  readonly #controlPlane: ControlPlane;
  readonly #retry: Retry;
  readonly #log: Logger;
  readonly #streams = new Set<RelayedStream>();
  #problem: string | undefined;

  constructor(options: {
    readonly controlPlane: ControlPlane;
    readonly retry: Retry;
    readonly log: Logger;
  }) {
    this.#controlPlane = options.controlPlane;
    this.#retry = options.retry;
    this.#log = options.log;
  }

  status(): RelayStatus {
    return { openStreams: this.#streams.size, problem: this.#problem };
  }

  readonly handler: GrpcHandler = (call) => {
    if (this.#streams.size >= STREAMS_MAX) {
      return call.end(GrpcStatus.resourceExhausted, 'too many configuration streams');
    }
    const stream = new RelayedStream(call, {
      onWorking: () => this.#succeed(),
      onLost: (outcome) => this.#fail(outcome),
      onClose: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    // rejects only when Envoy has gone away meanwhile
    this.#retry.wait(stream.signal).then(
      () => stream.connect(this.#controlPlane),
      () => undefined,
    );
  };

  #succeed(): void {
    if (this.#problem !== undefined) this.#log.info('configuration stream works again');
    this.#problem = undefined;
    this.#retry.succeed();
  }

  #fail({ code, message }: GrpcOutcome): void {
    this.#retry.fail();
    const problem = `${grpcCodeName(code)}: ${message}`;
    const isNews = this.#problem === undefined;
    this.#problem = problem;
    const fields = { reason: problem, failures: this.#retry.failures };
    if (isNews) this.#log.warn('configuration stream lost, Envoy keeps what it has', fields);
    else this.#log.debug('configuration stream not back yet', fields);
  }
}

type RelayEvents = {
  /** The control plane has answered. */
  readonly onWorking: () => void;
  /** The control plane's side has ended; before Envoy hears of it, and so before it comes back. */
  readonly onLost: (outcome: GrpcOutcome) => void;
  readonly onClose: () => void;
};

const NO_CERTIFICATE: GrpcOutcome = {
  code: GrpcStatus.unavailable,
  message: 'the agent has no certificate yet',
};

/** One call of Envoy's and one of ours. A side that is not read holds the other back. */
class RelayedStream {
  readonly #down: GrpcCall;
  readonly #events: RelayEvents;
  readonly #gone = new AbortController();
  #up: GrpcClientCall | undefined;
  /** What Envoy sent before there was a call to pass it to; one network read at most. */
  #early: Uint8Array[] = [];
  #isDownEnded = false;

  constructor(down: GrpcCall, events: RelayEvents) {
    this.#down = down;
    this.#events = events;
    down.pause();
    down.onMessage = (message) => this.#sendUp(message);
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

  connect(controlPlane: ControlPlane): void {
    if (this.signal.aborted) return;
    const lease = controlPlane.lease();
    if (!lease) return this.#end(NO_CERTIFICATE);
    const up = lease.channel.stream(XDS_METHOD);
    this.#up = up;
    up.onMessage = (message) => {
      this.#events.onWorking();
      if (!this.#down.send(message)) up.pause();
    };
    up.onDrain = () => this.#down.resume();
    up.onClose = (outcome) => {
      lease.release();
      this.#end(outcome);
    };
    const early = this.#early;
    this.#early = [];
    this.#down.resume();
    for (const message of early) this.#sendUp(message);
    if (this.#isDownEnded) up.halfClose();
  }

  #sendUp(message: Uint8Array): void {
    if (!this.#up) this.#early.push(message);
    else if (!this.#up.send(message)) this.#down.pause();
  }

  /** A stream that the control plane ends in good order is lost to Envoy all the same. */
  #end(outcome: GrpcOutcome): void {
    if (this.signal.aborted) return; // Envoy's side ended first
    const code = outcome.code === GrpcStatus.ok ? GrpcStatus.unavailable : outcome.code;
    const message = outcome.message || 'the control plane has ended the stream';
    this.#events.onLost({ code, message });
    this.#down.end(code, message);
  }
}
