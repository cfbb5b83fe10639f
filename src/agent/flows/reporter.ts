// Tells isthmusd once a second what has moved, and keeps what it could not tell.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { runTasks } from '#base/tasks.ts';
import type { GrpcClientCall } from '#grpc/call.ts';
import { grpcCodeName, GrpcStatus, type GrpcOutcome } from '#grpc/status.ts';
import type { Family } from '#telemetry/exposition.ts';
import { FLOW_METHOD } from '#telemetry/flows/limits.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { Retry } from '../retry.ts';
import type { FlowAccount } from './account.ts';
import { decodeAck, StreamEncoder, type MetricMessage } from './encode.ts';
import { MetricsPush } from './metrics-push.ts';
import { Outbox, type Numbered } from './outbox.ts';

const TICK_MS = 1000;
/** Without anything to tell: that the agent is there, and what it told last still holds. */
const HEARTBEAT_MS = 5000;
/** isthmusd acknowledges within a second; its disk may be slow. */
const ACKNOWLEDGED_WITHIN_MS = 20_000;
/** At the agent's end, for what it has not told yet. */
const LAST_WORDS_MS = 1000;

export type FlowReporterOptions = {
  readonly controlPlane: ControlPlane;
  readonly account: FlowAccount;
  /** The workload's metrics; absent: they are not pushed. */
  readonly families?: () => readonly Family[];
  readonly retry: Retry;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
};

/** One stream: what was said on it, and what is under way. */
type Stream = {
  readonly call: GrpcClientCall;
  readonly encoder: StreamEncoder;
  readonly metrics: MetricsPush;
  isFirst: boolean;
  /** Metrics that were told on it are no longer there: the next one tells those that are. */
  isOutdated: boolean;
  metricsDueMs: number;
  underWay: { readonly sequence: number; readonly sinceMs: number } | undefined;
};

export class FlowReporter {
  readonly #options: FlowReporterOptions;
  readonly #outbox = new Outbox();
  /** Names this run of the agent: batches are numbered anew in each. */
  readonly #epoch: string;
  #lastAddedMs: number;
  #stream: Stream | undefined;
  #onEmpty: () => void = () => undefined;

  constructor(options: FlowReporterOptions) {
    this.#options = options;
    this.#lastAddedMs = options.clock.nowMs();
    const part = (): string => Math.floor(options.random() * 2 ** 32).toString(16);
    this.#epoch = `${options.clock.nowMs().toString(36)}-${part()}${part()}`;
  }

  /** Batches that isthmusd has not acknowledged. */
  get waiting(): number {
    return this.#outbox.size;
  }

  /** There are other metrics than before: a new stream names those that there are. */
  tellMetricsAnew(): void {
    if (this.#stream) this.#stream.isOutdated = true;
    this.#pump();
  }

  async run(signal: AbortSignal): Promise<void> {
    await runTasks(signal, [(group) => this.#tick(group), (group) => this.#report(group)]);
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    for (;;) {
      await clock.sleep(TICK_MS, signal);
      this.#collect();
      this.#pump();
    }
  }

  #collect(): void {
    const { account, clock } = this.#options;
    const nowMs = clock.nowMs();
    const batch = account.take(nowMs);
    if (batch.entries === 0 && nowMs - this.#lastAddedMs < HEARTBEAT_MS) return;
    this.#lastAddedMs = nowMs;
    this.#outbox.add(batch);
  }

  async #report(signal: AbortSignal): Promise<void> {
    const { retry, log } = this.#options;
    for (;;) {
      await retry.wait(signal);
      const outcome = await this.#follow(signal);
      signal.throwIfAborted();
      if (outcome === 'full') continue;
      retry.fail();
      const reason = `${grpcCodeName(outcome.code)}: ${outcome.message}`;
      log.debug('stream of flows ended', { reason, waiting: this.waiting });
    }
  }

  /** One stream from its beginning to its end. */
  async #follow(signal: AbortSignal): Promise<GrpcOutcome | 'full'> {
    const { controlPlane, clock } = this.#options;
    const lease = controlPlane.lease();
    if (!lease) return { code: GrpcStatus.unavailable, message: 'no certificate yet' };
    const call = lease.channel.stream(FLOW_METHOD);
    const { promise: closed, resolve } = Promise.withResolvers<GrpcOutcome>();
    const stream: Stream = {
      call,
      encoder: new StreamEncoder(),
      metrics: new MetricsPush(),
      isFirst: true,
      isOutdated: false,
      metricsDueMs: clock.nowMs(),
      underWay: undefined,
    };
    call.onClose = resolve;
    call.onMessage = (bytes) => this.#acknowledged(stream, bytes);
    const leave = (): void => void this.#sayLastWords(call);
    signal.addEventListener('abort', leave, { once: true });
    if (signal.aborted) leave();
    this.#stream = stream;
    this.#pump();
    try {
      const outcome = await closed;
      const isDone = stream.encoder.isFull || stream.isOutdated;
      return isDone && stream.underWay === undefined ? 'full' : outcome;
    } finally {
      this.#stream = undefined;
      signal.removeEventListener('abort', leave);
      lease.release();
    }
  }

  /** The agent ends: what it knows is told, if that can be done at once. */
  async #sayLastWords(call: GrpcClientCall): Promise<void> {
    this.#collect();
    const told = new Promise<void>((resolve) => (this.#onEmpty = resolve));
    this.#pump();
    if (this.#outbox.size > 0) await Promise.race([told, this.#options.clock.sleep(LAST_WORDS_MS)]);
    call.cancel();
  }

  #pump(): void {
    const stream = this.#stream;
    if (!stream) return;
    if (stream.underWay) return this.#watchPatience(stream, stream.underWay.sinceMs);
    if (stream.encoder.isFull || stream.isOutdated) return stream.call.cancel();
    const head = this.#outbox.head();
    if (head) this.#send(stream, head);
    else this.#onEmpty();
  }

  #send(stream: Stream, head: Numbered): void {
    const { account, clock } = this.#options;
    const sentMs = clock.nowMs();
    const bytes = stream.encoder.encode(head, {
      epoch: this.#epoch,
      sentMs,
      open: stream.isFirst ? account.open() : undefined,
      metrics: this.#metricsDue(stream, sentMs),
    });
    stream.isFirst = false;
    stream.underWay = { sequence: head.sequence, sinceMs: sentMs };
    stream.call.send(bytes);
  }

  #metricsDue(stream: Stream, nowMs: number): readonly MetricMessage[] {
    const { families } = this.#options;
    if (!families || nowMs < stream.metricsDueMs) return [];
    const { metrics, hasMore } = stream.metrics.changed(families());
    stream.metricsDueMs = hasMore ? nowMs : nowMs + stream.metrics.restMs;
    return metrics;
  }

  #acknowledged(stream: Stream, bytes: Uint8Array): void {
    const ack = decodeAck(bytes);
    if (!ack || ack.sequence !== stream.underWay?.sequence) return stream.call.cancel();
    this.#options.retry.succeed();
    stream.underWay = undefined;
    this.#outbox.acknowledge(ack.sequence);
    this.#pump();
  }

  #watchPatience(stream: Stream, sinceMs: number): void {
    const waitedMs = this.#options.clock.nowMs() - sinceMs;
    if (waitedMs > ACKNOWLEDGED_WITHIN_MS) stream.call.cancel();
  }
}
