// The Aggregated Discovery Service, delta and state of the world: admits streams, and brings
// changed resources to just those streams that hold them.
import { systemClock } from '#base/clock.ts';
import type { Clock } from '#base/clock.ts';
import { coalesce } from '#base/coalesce.ts';
import { silentLogger } from '#base/log.ts';
import type { Logger } from '#base/log.ts';
import type { GrpcCall, GrpcHandler } from '#grpc/call.ts';
import { GrpcStatus } from '#grpc/status.ts';
import type { GrpcCode } from '#grpc/status.ts';
import type { EncodedResource, ResourceCatalog, ResourceKey } from './catalog.ts';
import type { StreamCatalog } from './protocol.ts';
import { PROTOCOL_LIMITS } from './protocol-limits.ts';
import type { ProtocolLimits } from './protocol-limits.ts';
import { resourceStatus, typeStatus } from './protocol-status.ts';
import type { ResourceStatus } from './protocol-status.ts';
import { newCounters } from './status.ts';
import type { StreamStatus, XdsCounters } from './status.ts';
import { SotwCodec } from './sotw-codec.ts';
import { DELTA_CODEC, XdsStream } from './stream.ts';
import type { StreamCodec } from './stream.ts';

export const DELTA_ADS_PATH =
  '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
/** For clients of gRPC without a proxy. */
export const SOTW_ADS_PATH =
  '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';

/** Who a caller is, or why it is turned away. */
export type Admission<Proxy> =
  | {
      readonly ok: true;
      readonly proxy: Proxy;
      /** Names the one workload: for status, logs and the limit of streams. */
      readonly id: string;
    }
  | { readonly ok: false; readonly code: GrpcCode; readonly message: string };

export type XdsLimits = ProtocolLimits & {
  /** Streams of one workload: Envoy's, the agent's, and those not yet known to be dead. */
  readonly streamsPerProxyMax: number;
};

export const XDS_LIMITS: XdsLimits = { ...PROTOCOL_LIMITS, streamsPerProxyMax: 8 };

export type XdsServerOptions<Proxy> = {
  readonly catalog: ResourceCatalog<Proxy>;
  /** Decides by the call's certificate (or its socket), never by what the proxy says of itself. */
  readonly authenticate: (call: GrpcCall) => Admission<Proxy>;
  /**
   * Has everything been read that resources are made of? Before that, an answer would tell proxies
   * that what they use is gone; streams are refused instead and come again.
   */
  readonly isReady: () => boolean;
  /**
   * What a name over quota is answered with: the catalog's own tombstone, so that its version stays
   * the same. Absent, or undefined: the name is answered as not existing.
   */
  readonly standIn?: (proxy: Proxy, typeUrl: string, name: string) => EncodedResource | undefined;
  readonly limits?: Partial<XdsLimits>;
  /** When the change was seen that the catalog settles now; undefined: it settles no change. */
  readonly changeSeenMs?: () => number | undefined;
  /** One stream has been handed all that followed from changes, so long after the first. */
  readonly onConverged?: (delayMs: number) => void;
  readonly clock?: Clock;
  readonly log?: Logger;
};

/**
 * What is sent before other work gets its turn: some 10 ms of small responses, or of encrypting
 * large ones. Answers that come in meanwhile wait, so that the last of many is not sent late.
 */
const PUMP_STREAMS_MAX = 512;
const PUMP_BYTES_MAX = 4 << 20;

type Admitted = { readonly id: string; readonly connectedAtMs: number };

export class XdsServer<Proxy> {
  readonly methods: Readonly<Record<string, GrpcHandler>>;
  readonly counters: Readonly<XdsCounters>;
  readonly #options: XdsServerOptions<Proxy>;
  readonly #limits: XdsLimits;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #counters = newCounters();
  readonly #streams = new Map<XdsStream, Admitted>();
  readonly #streamCounts = new Map<string, number>();
  readonly #holders = new Map<ResourceKey, Set<XdsStream>>();
  readonly #unsettled = new Set<XdsStream>();
  readonly #due = new Set<XdsStream>();
  readonly #flushSoon = coalesce(() => this.#flush());
  readonly #stopListening: () => void;
  #isClosed = false;

  constructor(options: XdsServerOptions<Proxy>) {
    this.#options = options;
    this.#limits = { ...XDS_LIMITS, ...options.limits };
    this.#clock = options.clock ?? systemClock;
    this.#log = options.log ?? silentLogger;
    this.counters = this.#counters;
    this.methods = {
      [DELTA_ADS_PATH]: (call) => this.#accept(call, DELTA_CODEC),
      [SOTW_ADS_PATH]: (call) => this.#accept(call, new SotwCodec()),
    };
    this.#stopListening = options.catalog.onChange((changed) => this.#mark(changed));
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** Distinct resources that some stream holds. */
  get heldCount(): number {
    return this.#holders.size;
  }

  status(): StreamStatus[] {
    return this.#statusOf(() => true);
  }

  /** Of one workload's streams. */
  statusOf(id: string): StreamStatus[] {
    return this.#statusOf((admitted) => admitted.id === id);
  }

  #statusOf(isWanted: (admitted: Admitted) => boolean): StreamStatus[] {
    const streams = [...this.#streams].filter(([, admitted]) => isWanted(admitted));
    return streams.map(([stream, admitted]) => ({
      ...admitted,
      nodeId: stream.nodeId,
      remoteAddress: stream.call.remoteAddress,
      counts: stream.protocol.counts,
      types: [...stream.protocol.subscriptions.values()].map((subscription) => ({
        ...typeStatus(subscription),
        answeredAtMs: stream.answeredAtMs(subscription.typeUrl),
      })),
    }));
  }

  /** Everything that the streams of one workload hold. */
  resourcesOf(id: string): ResourceStatus[] {
    return [...this.#streams]
      .filter(([, admitted]) => admitted.id === id)
      .flatMap(([{ protocol }]) => [...protocol.subscriptions.values()])
      .flatMap(({ entries }) => [...entries.values()].map(resourceStatus));
  }

  /** Ends every stream with UNAVAILABLE, and takes no more. */
  close(): void {
    this.#isClosed = true;
    this.#stopListening();
    for (const { call } of this.#streams.keys()) {
      call.end(GrpcStatus.unavailable, 'the control plane is shutting down');
    }
  }

  #accept(call: GrpcCall, codec: StreamCodec): void {
    const admission = this.#admit(call);
    if (!admission.ok) {
      this.#counters.refusedStreams += 1;
      this.#log.info('stream refused', { remote: call.remoteAddress, reason: admission.message });
      return call.end(admission.code, admission.message);
    }
    const { id, proxy } = admission;
    const log = this.#log.with({ proxy: id });
    const stream = new XdsStream({
      call,
      codec,
      log,
      limits: this.#limits,
      counters: this.#counters,
      clock: this.#clock,
      bind: (holder) => this.#bind(holder, proxy),
      onConverged: (changedAtMs) => {
        this.#options.onConverged?.(this.#clock.nowMs() - changedAtMs);
      },
      onUnsettled: () => {
        this.#unsettled.add(stream);
        this.#flushSoon();
      },
      onClose: () => {
        this.#streams.delete(stream);
        this.#count(id, -1);
        this.#unsettled.delete(stream);
        this.#due.delete(stream);
        log.info('stream closed', { streams: this.#streams.size });
      },
    });
    this.#count(id, 1);
    this.#streams.set(stream, { id, connectedAtMs: this.#clock.nowMs() });
    log.info('stream opened', { remote: call.remoteAddress, streams: this.#streams.size });
  }

  #admit(call: GrpcCall): Admission<Proxy> {
    const refuse = (message: string, code: GrpcCode): Admission<Proxy> => ({
      ok: false,
      code,
      message,
    });
    if (this.#isClosed) return refuse('shutting down', GrpcStatus.unavailable);
    if (!this.#options.isReady()) return refuse('not synced yet', GrpcStatus.unavailable);
    const admission = this.#options.authenticate(call);
    if (!admission.ok) return admission;
    return this.#countOf(admission.id) < this.#limits.streamsPerProxyMax
      ? admission
      : refuse('this proxy has too many streams', GrpcStatus.resourceExhausted);
  }

  #countOf(id: string): number {
    return this.#streamCounts.get(id) ?? 0;
  }

  #count(id: string, change: 1 | -1): void {
    const count = this.#countOf(id) + change;
    if (count > 0) this.#streamCounts.set(id, count);
    else this.#streamCounts.delete(id);
  }

  /** The catalog for one stream: what it acquires, it is told of when it changes. */
  #bind(stream: XdsStream, proxy: Proxy): StreamCatalog {
    const { catalog, standIn } = this.#options;
    return {
      acquire: (typeUrl, name) => this.#hold(stream, catalog.acquire(proxy, typeUrl, name)),
      acquireWildcard: (typeUrl) => this.#hold(stream, catalog.acquireWildcard(proxy, typeUrl)),
      acquireClass: () => {
        const key = catalog.acquireClass?.(proxy);
        return key === undefined ? undefined : this.#hold(stream, key);
      },
      keyOf: (typeUrl, name) => catalog.keyOf?.(proxy, typeUrl, name),
      release: (key) => {
        const holders = this.#holders.get(key);
        holders?.delete(stream);
        if (holders?.size === 0) this.#holders.delete(key);
        catalog.release(key);
      },
      lookup: (key) => catalog.lookup(key),
      wildcardNames: (key) => catalog.wildcardNames(key),
      isKnown: (key) => catalog.isKnown(key),
      standIn: (typeUrl, name) => standIn?.(proxy, typeUrl, name),
    };
  }

  #hold(stream: XdsStream, key: ResourceKey): ResourceKey {
    const holders = this.#holders.get(key);
    if (holders) holders.add(stream);
    else this.#holders.set(key, new Set([stream]));
    return key;
  }

  /** Called by the catalog while it settles: only marks. */
  #mark(changed: ReadonlySet<ResourceKey>): void {
    const changedAtMs = this.#options.changeSeenMs?.();
    for (const key of changed) {
      for (const stream of this.#holders.get(key) ?? []) {
        this.#due.add(stream);
        if (changedAtMs !== undefined) stream.markChanged(changedAtMs);
        if (stream.protocol.changed(key)) this.#unsettled.add(stream);
      }
    }
    if (this.#due.size > 0) this.#flushSoon();
  }

  #flush(): void {
    this.#settle();
    const bytesMax = this.#counters.bytes + PUMP_BYTES_MAX;
    let room = PUMP_STREAMS_MAX;
    for (const stream of this.#due) {
      if (room-- === 0 || this.#counters.bytes > bytesMax) return this.#flushSoon();
      this.#due.delete(stream);
      stream.pump();
    }
  }

  /** Has everything computed that streams have asked for since. */
  #settle(): void {
    if (this.#unsettled.size === 0) return;
    this.#options.catalog.settle();
    const streams = [...this.#unsettled];
    this.#unsettled.clear();
    const reads = streams.map(({ protocol }) => protocol.readWildcards());
    if (reads.includes(true)) this.#options.catalog.settle();
    for (const stream of streams) {
      stream.protocol.settled();
      this.#due.add(stream);
    }
  }
}
