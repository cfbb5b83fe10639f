// Batches as messages of one stream: what a number means is said once on it, when it is first used.
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  FlowAckSchema,
  FlowBatchSchema,
  type FlowAck,
  type FlowConnectionSchema,
  type FlowEdgeSchema,
  type FlowMetricSchema,
  type FlowSumsSchema,
} from '#gen/isthmus/v1/flows_pb.js';
import { EDGES_MAX } from '#telemetry/flows/limits.ts';
import type { Batch, ConnectionRecord, Edge, Sums } from './batch.ts';
import type { Numbered } from './outbox.ts';

export type MetricMessage = MessageInitShape<typeof FlowMetricSchema>;
type EdgeMessage = MessageInitShape<typeof FlowEdgeSchema>;
type ConnectionMessage = MessageInitShape<typeof FlowConnectionSchema>;

export type Envelope = {
  readonly epoch: string;
  readonly sentMs: number;
  /** All connections that are open: with the first batch of a stream. */
  readonly open: Iterable<ConnectionRecord> | undefined;
  readonly metrics: readonly MetricMessage[];
};

export class StreamEncoder {
  readonly #edges = new Set<Edge>();
  readonly #connections = new Set<ConnectionRecord>();

  /** The other side keeps no more names for one stream: what follows needs another. */
  get isFull(): boolean {
    return this.#edges.size >= EDGES_MAX / 2;
  }

  encode({ sequence, batch }: Numbered, envelope: Envelope): Uint8Array {
    const edges: EdgeMessage[] = [];
    const connections: ConnectionMessage[] = [];
    const nameEdge = (edge: Edge): number => {
      if (!this.#edges.has(edge)) edges.push({ number: edge.number, ...edge.facts });
      this.#edges.add(edge);
      return edge.number;
    };
    const name = (connection: ConnectionRecord): number => {
      if (!this.#connections.has(connection)) {
        connections.push(connectionMessage(connection, nameEdge(connection.edge)));
      }
      this.#connections.add(connection);
      return connection.number;
    };
    for (const connection of envelope.open ?? []) name(connection);
    const bytes = toBinary(
      FlowBatchSchema,
      create(FlowBatchSchema, {
        epoch: envelope.epoch,
        sequence,
        sentMs: envelope.sentMs,
        atMs: batch.atMs,
        spanMs: batch.spanMs,
        isComplete: envelope.open !== undefined,
        opened: [...batch.opened].map(name),
        moved: [...batch.moved.keys()].map(name),
        toServer: [...batch.moved.values()].map(({ toServer }) => toServer),
        toClient: [...batch.moved.values()].map(({ toClient }) => toClient),
        closed: closings(batch, name),
        sums: [...batch.sums].map(([edge, sums]) => sumsMessage(nameEdge(edge), sums)),
        metrics: [...envelope.metrics],
        edges,
        connections,
      }),
    );
    for (const connection of batch.closed.keys()) this.#connections.delete(connection);
    return bytes;
  }
}

const closings = (batch: Batch, name: (connection: ConnectionRecord) => number) =>
  [...batch.closed].map(([connection, closing]) => ({ connection: name(connection), ...closing }));

const sumsMessage = (
  edge: number,
  { durations, ...sums }: Sums,
): MessageInitShape<typeof FlowSumsSchema> => ({ edge, ...sums, durations: byTurns(durations) });

/** A bucket and its count by turns: of most there is nothing to say. */
function byTurns(durations: ArrayLike<number> = []): number[] {
  const told: number[] = [];
  for (let bucket = 0; bucket < durations.length; bucket++) {
    const count = durations[bucket] ?? 0;
    if (count > 0) told.push(bucket, Math.min(count, UINT32_MAX));
  }
  return told;
}

const UINT32_MAX = 2 ** 32 - 1;

function connectionMessage(record: ConnectionRecord, edge: number): ConnectionMessage {
  const { number, key, openedMs, connectMs, client, server } = record;
  const { baseToServer, baseToClient } = record;
  return {
    number,
    edge,
    key,
    openedMs,
    connectMs,
    client,
    server,
    baseToServer,
    baseToClient,
  };
}

export function decodeAck(bytes: Uint8Array): FlowAck | undefined {
  try {
    return fromBinary(FlowAckSchema, bytes);
  } catch {
    return undefined;
  }
}
