// Envoy's configuration stream, passed on to the control plane byte for byte over the agent's
// mutual TLS: whoever is asked decides by the certificate. When the control plane is lost, Envoy's
// stream ends with UNAVAILABLE; Envoy keeps what it has, opens the stream again and says what
// versions it holds. What it has accepted is read along and kept; an Envoy that starts with nothing
// while the control plane is away gets that, until the control plane is back.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { GrpcCall, GrpcHandler } from '#grpc/call.ts';
import { grpcCodeName, GrpcStatus, type GrpcOutcome } from '#grpc/status.ts';
import type { ControlPlane } from './control-plane.ts';
import { RelayedStream } from './relayed-stream.ts';
import type { Retry } from './retry.ts';
import type { XdsCache } from './xds-cache.ts';

/** One Envoy has one stream; another may be on its way out. */
const STREAMS_MAX = 4;
/** Each program has one for all of its channels; the control plane allows a workload eight. */
const PROXYLESS_MAX = 4;
/** How long an Envoy that holds nothing waits for the control plane before it gets what is kept. */
const OFFLINE_AFTER_MS = 2_000;

export type RelayStatus = {
  readonly openStreams: number;
  /** Streams that are served from what was kept. */
  readonly offlineStreams: number;
  /** Why the last stream to the control plane ended, until one works again. */
  readonly problem: string | undefined;
};

export class XdsRelay {
  readonly #controlPlane: ControlPlane;
  readonly #retry: Retry;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #cache: XdsCache;
  readonly #streams = new Set<RelayedStream>();
  readonly #proxyless = new Set<RelayedStream>();
  #problem: string | undefined;

  constructor(options: {
    readonly controlPlane: ControlPlane;
    readonly retry: Retry;
    readonly clock: Clock;
    readonly log: Logger;
    /** What Envoy has accepted, of earlier runs too. */
    readonly cache: XdsCache;
  }) {
    this.#controlPlane = options.controlPlane;
    this.#retry = options.retry;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#cache = options.cache;
  }

  status(): RelayStatus {
    const offlineStreams = [...this.#streams].filter(({ isOffline }) => isOffline).length;
    return { openStreams: this.#streams.size, offlineStreams, problem: this.#problem };
  }

  /** For clients of gRPC without a proxy: passed on, and nothing else. */
  readonly proxylessHandler: GrpcHandler = (call) => {
    if (this.#proxyless.size >= PROXYLESS_MAX) {
      return call.end(GrpcStatus.resourceExhausted, 'too many clients without a proxy');
    }
    const stream: RelayedStream = new RelayedStream(call, {
      onWorking: () => this.#succeed(),
      onLost: (outcome) => this.#fail(outcome),
      onOffline: () => undefined,
      onClose: () => this.#proxyless.delete(stream),
    });
    this.#proxyless.add(stream);
    stream.connect(this.#controlPlane); // such clients wait between their attempts themselves
  };

  readonly handler: GrpcHandler = (call) => {
    if (this.#streams.size >= STREAMS_MAX) {
      return call.end(GrpcStatus.resourceExhausted, 'too many configuration streams');
    }
    const stream = this.#open(call);
    this.#streams.add(stream);
    // these reject only when Envoy has gone away meanwhile
    this.#retry.wait(stream.signal).then(
      () => stream.connect(this.#controlPlane),
      () => undefined,
    );
    this.#clock.sleep(OFFLINE_AFTER_MS, stream.signal).then(
      () => stream.goOffline(),
      () => undefined,
    );
  };

  /** The control plane answers: whoever was served from what was kept is to ask it instead. */
  leaveOffline(): void {
    const offline = [...this.#streams].filter(({ isOffline }) => isOffline);
    if (offline.length > 0) this.#retry.succeed();
    for (const stream of offline) stream.leaveOffline();
  }

  #open(call: GrpcCall): RelayedStream {
    const stream: RelayedStream = new RelayedStream(call, {
      cache: this.#cache,
      onWorking: () => this.#succeed(),
      onLost: (outcome) => this.#fail(outcome),
      onOffline: () =>
        this.#log.warn('the control plane is away: Envoy starts with what it last accepted', {
          bytes: this.#cache.byteLength,
        }),
      onClose: () => this.#streams.delete(stream),
    });
    return stream;
  }

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
