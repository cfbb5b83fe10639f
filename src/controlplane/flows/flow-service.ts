// isthmus.v1.FlowService: agents' reports in, acknowledgements out once what they say is stored.
import { create, toBinary } from '@bufbuild/protobuf';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { spiffeIdOf, type WorkloadIdentity } from '#base/workload-identity.ts';
import { FlowAckSchema } from '#gen/isthmus/v1/flows_pb.js';
import type { GrpcCall, GrpcHandler } from '#grpc/call.ts';
import { GrpcStatus } from '#grpc/status.ts';
import { decodeBatch } from '#telemetry/flows/check-batch.ts';
import type { FlowTable } from '#telemetry/flows/flow-table.ts';
import { BATCH_BYTES_MAX } from '#telemetry/flows/limits.ts';
import type { MetricPool } from '#telemetry/flows/metric-pool.ts';
import type { AgentIdentity } from '#telemetry/flows/reporters.ts';
import type { Admission } from '#xds/server.ts';

/** Of one agent's messages: what is more waits in its connection, and costs nobody else. */
const BYTES_PER_SECOND = 1 << 20;
const BURST_BYTES = 8 << 20;

/** Of one agent: those that are over and do not know it yet, too. Each has a dictionary. */
const STREAMS_MAX = 4;

export type FlowServiceOptions = {
  readonly table: FlowTable;
  readonly pool: MetricPool;
  readonly authenticate: (call: GrpcCall) => Admission<WorkloadIdentity>;
  /** To be called when what was counted so far is stored. */
  readonly onStored: (acknowledge: () => void) => void;
  readonly counts: { receivedBytes: number; refusedMetrics: number };
  readonly clock: Clock;
  readonly log: Logger;
};

export function createFlowHandler(options: FlowServiceOptions): GrpcHandler {
  return (call) => {
    const admission = options.authenticate(call);
    if (!admission.ok) return call.end(admission.code, admission.message);
    const identity = agentIdentity(admission.proxy, admission.id);
    call.limitMessages(BATCH_BYTES_MAX);
    serve(call, identity, options);
  };
}

function serve(call: GrpcCall, identity: AgentIdentity, options: FlowServiceOptions): void {
  const { table, pool, onStored, counts, clock, log } = options;
  if (table.streamsOf(identity) >= STREAMS_MAX) {
    return call.end(GrpcStatus.resourceExhausted, 'too many streams of one agent');
  }
  const stream = table.open(identity);
  const metrics = pool.open();
  const quota = new ByteQuota(call, clock);
  call.onMessage = (bytes) => {
    const batch = decodeBatch(bytes);
    if (!batch) {
      log.warn('report of flows broken', { agent: identity.key });
      return call.end(GrpcStatus.invalidArgument, 'not a FlowBatch');
    }
    counts.receivedBytes += bytes.length;
    const nowMs = clock.nowMs();
    table.apply(stream, batch, nowMs);
    const report = { metrics: batch.metrics, nowMs };
    counts.refusedMetrics += pool.apply(identity, metrics, report);
    const { sequence } = batch;
    onStored(() => {
      const ack = create(FlowAckSchema, { sequence, refused: stream.agent.refused });
      call.send(toBinary(FlowAckSchema, ack));
    });
    quota.take(bytes.length);
  };
  call.onEnd = () => call.end();
  call.onClose = () => {
    table.close(stream);
    quota.close();
  };
}

export const agentIdentity = (proxy: WorkloadIdentity, key: string): AgentIdentity => {
  const { trustDomain, namespace, serviceAccount, workload } = proxy;
  const holder = workload ? [workload.kind, workload.name] : ['', ''];
  return {
    key,
    peer: ['cert', trustDomain, namespace, serviceAccount, ...holder].join('|'),
    spiffeId: spiffeIdOf(proxy),
  };
};

/** Stops reading when more has come than may, until that time has passed. */
class ByteQuota {
  readonly #call: GrpcCall;
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  #bytes = BURST_BYTES;
  #atMs: number;

  constructor(call: GrpcCall, clock: Clock) {
    this.#call = call;
    this.#clock = clock;
    this.#atMs = clock.nowMs();
  }

  take(bytes: number): void {
    const nowMs = this.#clock.nowMs();
    const more = (Math.max(0, nowMs - this.#atMs) * BYTES_PER_SECOND) / 1000;
    this.#atMs = nowMs;
    const before = this.#bytes;
    this.#bytes = Math.min(BURST_BYTES, before + more) - bytes;
    if (this.#bytes >= 0 || before < 0) return;
    this.#call.pause();
    void this.#resumeIn((-this.#bytes * 1000) / BYTES_PER_SECOND);
  }

  close(): void {
    this.#closed.abort();
  }

  async #resumeIn(delayMs: number): Promise<void> {
    try {
      await this.#clock.sleep(delayMs, this.#closed.signal);
    } catch {
      return; // the call is over
    }
    this.#call.resume();
  }
}
