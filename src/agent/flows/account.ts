// The agent's account of its workload's traffic: what each entry of the access log adds, to which
// connection and which edge. What is taken from it is told once (outbox.ts).
import type { ConnectionEntry } from '#telemetry/connection-account.ts';
import { CONNECTIONS_MAX, EDGES_MAX } from '#telemetry/flows/limits.ts';
import type { CallKind } from '#telemetry/report.ts';
import type { ConnectionDelta, RequestReport } from '#telemetry/standard-metrics.ts';
import type { CallFacts } from '../call-kind.ts';
import { Batch, countFailure, countRequest, type ConnectionRecord, type Edge } from './batch.ts';
import { connectionAddresses, edgeFacts, type EdgeFacts } from './edge-facts.ts';
import { hasFailed, isClientError } from './outcome.ts';
import type { WireFacts } from './wire-facts.ts';

/** Connections that begin and end in one batch, beyond which they are told as sums. */
const TOLD_SINGLY_MAX = 1000;
/** Rather less than what the other side takes: those of yesterday make room in good time. */
const EDGES_KEPT = EDGES_MAX - 1;

/** Of which it is not known yet between whom it is: no server has been reached. */
type Held = { toServer: number; toClient: number; opened: number };

export class FlowAccount {
  readonly #edges = new Map<string, Edge>();
  readonly #connections = new Map<string, ConnectionRecord>();
  readonly #held = new Map<string, Held>();
  #lastEdge = 0;
  #lastConnection = 0;
  #batch: Batch;

  constructor(nowMs: number) {
    this.#batch = new Batch(nowMs);
  }

  /** All that are open, and of which anything can be said. */
  open(): Iterable<ConnectionRecord> {
    return this.#connections.values();
  }

  connection(
    kind: CallKind,
    facts: CallFacts,
    told: {
      readonly entry: ConnectionEntry;
      readonly delta: ConnectionDelta;
      readonly wire: WireFacts;
    },
  ): void {
    const { entry, delta, wire } = told;
    const key = `${entry.logName} ${entry.streamId}`;
    const known = this.#connections.get(key);
    if (!known && !isDecided(entry, facts)) return this.#hold(key, delta);
    const record = known ?? this.#begin(key, { kind, facts, ...told });
    this.#batch.move(record, delta.receivedBytes, delta.sentBytes);
    if (entry.stage !== 'end') return;
    this.#connections.delete(key);
    const { deniedBy } = wire;
    this.#batch.closed.set(record, {
      atMs: this.#batch.atMs,
      flags: flagsOf(kind),
      deniedBy,
      hasFailed: hasFailed(kind, deniedBy),
    });
    if (this.#batch.closed.size > TOLD_SINGLY_MAX) this.#batch.collapseOne(record);
  }

  request(
    kind: CallKind,
    facts: CallFacts,
    told: { readonly report: RequestReport; readonly wire: WireFacts },
  ): void {
    const { report, wire } = told;
    const sums = this.#batch.sumsOf(this.#edgeOf(edgeFacts(kind, facts, wire)));
    countRequest(sums, report.durationMs);
    sums.toServer += report.requestBytes;
    sums.toClient += report.responseBytes;
    const { deniedBy } = wire;
    const isFailed = hasFailed(kind, deniedBy);
    countFailure(sums, { hasFailed: isFailed, flags: flagsOf(kind), deniedBy });
    if (!isFailed && isClientError(kind)) sums.clientErrors += 1;
  }

  /** What was added since the last time. */
  take(nowMs: number): Batch {
    const batch = this.#batch;
    batch.atMs = Math.max(nowMs, batch.fromMs);
    for (const [connection, closing] of batch.closed) {
      batch.closed.set(connection, { ...closing, atMs: batch.atMs });
    }
    this.#batch = new Batch(batch.atMs);
    return batch;
  }

  #begin(
    key: string,
    told: {
      readonly kind: CallKind;
      readonly facts: CallFacts;
      readonly entry: ConnectionEntry;
      readonly delta: ConnectionDelta;
      readonly wire: WireFacts;
    },
  ): ConnectionRecord {
    const { kind, facts, entry, delta, wire } = told;
    const held = this.#held.get(key) ?? NOTHING;
    this.#held.delete(key);
    this.#lastConnection += 1;
    const record: ConnectionRecord = {
      number: this.#lastConnection,
      key,
      edge: this.#edgeOf(edgeFacts(kind, facts, wire)),
      openedMs: entry.startedAtMs,
      connectMs: entry.connectMs ?? 0,
      ...connectionAddresses(kind, facts, wire),
      baseToServer: entry.receivedBytes - delta.receivedBytes - held.toServer,
      baseToClient: entry.sentBytes - delta.sentBytes - held.toClient,
    };
    this.#batch.move(record, held.toServer, held.toClient);
    if (held.opened + delta.opened > 0) this.#batch.opened.add(record);
    if (this.#connections.size >= CONNECTIONS_MAX) deleteFirst(this.#connections);
    if (entry.stage !== 'end') this.#connections.set(key, record);
    return record;
  }

  #hold(key: string, delta: ConnectionDelta): void {
    const held = this.#held.get(key) ?? { ...NOTHING };
    held.toServer += delta.receivedBytes;
    held.toClient += delta.sentBytes;
    held.opened += delta.opened;
    if (this.#held.size >= CONNECTIONS_MAX) deleteFirst(this.#held);
    this.#held.set(key, held);
  }

  #edgeOf(facts: EdgeFacts): Edge {
    const key = JSON.stringify(facts);
    const known = this.#edges.get(key);
    if (known) {
      this.#edges.delete(key); // the one met last is the last
      this.#edges.set(key, known);
      return known;
    }
    if (this.#edges.size >= EDGES_KEPT) deleteFirst(this.#edges);
    this.#lastEdge += 1;
    const edge = { number: this.#lastEdge, key, facts };
    this.#edges.set(key, edge);
    return edge;
  }
}

const NOTHING: Held = { toServer: 0, toClient: 0, opened: 0 };

/** Between whom a connection is, is known when its server has been reached, or when it is over. */
const isDecided = ({ stage }: ConnectionEntry, facts: CallFacts): boolean =>
  stage !== 'periodic' || facts.upstreamRemoteAddress !== '';

/** Envoy writes `-` for none. */
const flagsOf = ({ responseFlags }: CallKind): string =>
  responseFlags === '-' ? '' : responseFlags;

function deleteFirst(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
