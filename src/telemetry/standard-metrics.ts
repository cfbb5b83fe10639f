// Istio's standard metrics of one proxy. Reports are added up by what Envoy says of them; under
// which labels they are counted is decided once it is known who the two workloads are. So the two
// ends of a call, who ask the same question, count it under the same labels, and a series never
// loses what it has counted.
import type { Family } from './exposition.ts';
import { Histogram } from '#base/histogram.ts';
import type { CallKind, Labels, WorkloadFacts } from './report.ts';
import { standardLabels, UNKNOWN_WORKLOAD } from './report.ts';

/** What one entry of a connection adds. */
export type ConnectionDelta = {
  readonly opened: number;
  readonly closed: number;
  /** From the client, and to it. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
};

export type RequestReport = {
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
};

/** Who a peer (`base/peer-name.ts`) is; undefined: it is not known yet. */
export type FactsOf = (peer: string) => WorkloadFacts | undefined;

/** A proxy talks to fewer peers than this; beyond it, the rest is counted as unknown. */
const SERIES_MAX = 4000;
/** Calls whose ends are not known yet. */
const PENDING_MAX = 1000;

class Totals {
  opened = 0;
  closed = 0;
  receivedBytes = 0;
  sentBytes = 0;
  readonly durationMs = new Histogram();
  readonly requestBytes = new Histogram();
  readonly responseBytes = new Histogram();

  add(other: Totals): void {
    this.opened += other.opened;
    this.closed += other.closed;
    this.receivedBytes += other.receivedBytes;
    this.sentBytes += other.sentBytes;
    this.durationMs.add(other.durationMs);
    this.requestBytes.add(other.requestBytes);
    this.responseBytes.add(other.responseBytes);
  }
}

type Series = { readonly isTcp: boolean; readonly labels: Labels; readonly totals: Totals };
type Pending = { readonly kind: CallKind; readonly totals: Totals };

export class StandardMetrics {
  readonly #factsOf: FactsOf;
  readonly #series = new Map<string, Series>();
  readonly #pending = new Map<string, Pending>();

  constructor(factsOf: FactsOf) {
    this.#factsOf = factsOf;
  }

  recordConnection(kind: CallKind, delta: ConnectionDelta): void {
    const totals = this.#totalsOf(kind);
    totals.opened += delta.opened;
    totals.closed += delta.closed;
    totals.receivedBytes += delta.receivedBytes;
    totals.sentBytes += delta.sentBytes;
  }

  recordRequest(kind: CallKind, report: RequestReport): void {
    const totals = this.#totalsOf(kind);
    totals.durationMs.record(report.durationMs);
    totals.requestBytes.record(report.requestBytes);
    totals.responseBytes.record(report.responseBytes);
  }

  /** How many calls wait for the name of one of their ends. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** All that can be told now; what waits for a name is told when there is one. */
  families(): readonly Family[] {
    this.#settle();
    const series = [...this.#series.values()];
    const tcp = series.filter(({ isTcp }) => isTcp);
    const http = series.filter(({ isTcp }) => !isTcp);
    return [
      counter('istio_tcp_connections_opened_total', OPENED, tcp, ({ opened }) => opened),
      counter('istio_tcp_connections_closed_total', CLOSED, tcp, ({ closed }) => closed),
      counter('istio_tcp_received_bytes_total', RECEIVED, tcp, (all) => all.receivedBytes),
      counter('istio_tcp_sent_bytes_total', SENT, tcp, ({ sentBytes }) => sentBytes),
      counter('istio_requests_total', REQUESTS, http, ({ durationMs }) => durationMs.count),
      histogram('istio_request_duration_milliseconds', DURATION, http, (all) => all.durationMs),
      histogram('istio_request_bytes', REQUEST_BYTES, http, (all) => all.requestBytes),
      histogram('istio_response_bytes', RESPONSE_BYTES, http, (all) => all.responseBytes),
    ];
  }

  #totalsOf(kind: CallKind): Totals {
    const key = JSON.stringify(kind);
    const known = this.#pending.get(key);
    if (known) return known.totals;
    if (this.#pending.size >= PENDING_MAX) this.#makeRoom();
    const totals = new Totals();
    this.#pending.set(key, { kind, totals });
    return totals;
  }

  #makeRoom(): void {
    this.#settle();
    if (this.#pending.size < PENDING_MAX) return;
    // nobody answers, and more come than can be kept: the oldest are counted as they are
    const [oldest] = this.#pending;
    if (oldest === undefined) return;
    const [key, { kind, totals }] = oldest;
    this.#pending.delete(key);
    this.#count(kind, totals, { source: UNKNOWN_WORKLOAD, destination: UNKNOWN_WORKLOAD });
  }

  #settle(): void {
    for (const [key, { kind, totals }] of this.#pending) {
      const source = this.#partyOf(kind.source.peer);
      const destination = this.#partyOf(kind.destination.peer);
      if (source === undefined || destination === undefined) continue;
      this.#pending.delete(key);
      this.#count(kind, totals, { source, destination });
    }
  }

  #partyOf(peer: string | undefined): WorkloadFacts | undefined {
    return peer === undefined ? UNKNOWN_WORKLOAD : this.#factsOf(peer);
  }

  #count(
    kind: CallKind,
    totals: Totals,
    parties: { readonly source: WorkloadFacts; readonly destination: WorkloadFacts },
  ): void {
    const labels = standardLabels(kind, parties);
    const key = JSON.stringify(labels);
    const known = this.#series.get(key);
    if (known) return known.totals.add(totals);
    const isTcp = kind.protocol === 'tcp';
    if (this.#series.size < SERIES_MAX || isOverflow(kind)) {
      this.#series.set(key, { isTcp, labels, totals });
      return;
    }
    this.#count(overflowOf(kind), totals, {
      source: UNKNOWN_WORKLOAD,
      destination: UNKNOWN_WORKLOAD,
    });
  }
}

const NOBODY = { peer: undefined, principal: '' };
const NO_SERVICE = { host: '', name: '', namespace: '' };
const OVERFLOW_FLAGS = 'overflow';

/** What is counted together when there are too many series: at most one for each of the rest. */
const overflowOf = (kind: CallKind): CallKind => ({
  ...kind,
  source: NOBODY,
  destination: NOBODY,
  service: NO_SERVICE,
  responseFlags: OVERFLOW_FLAGS,
  responseCode: kind.protocol === 'tcp' ? '' : '0',
  grpcStatus: '',
});

const isOverflow = ({ responseFlags }: CallKind): boolean => responseFlags === OVERFLOW_FLAGS;

const OPENED = 'Connections opened.';
const CLOSED = 'Connections closed.';
const RECEIVED = 'Bytes from the client to the server.';
const SENT = 'Bytes from the server to the client.';
const REQUESTS = 'Requests that have ended.';
const DURATION = 'How long requests took, in milliseconds.';
const REQUEST_BYTES = 'Bytes of requests: headers and body.';
const RESPONSE_BYTES = 'Bytes of responses: headers and body.';

function counter(
  name: string,
  help: string,
  series: readonly Series[],
  valueOf: (totals: Totals) => number,
): Family {
  const samples = series.map(({ labels, totals }) => ({ labels, value: valueOf(totals) }));
  return { type: 'counter', name, help, samples };
}

function histogram(
  name: string,
  help: string,
  series: readonly Series[],
  valueOf: (totals: Totals) => Histogram,
): Family {
  const samples = series.map(({ labels, totals }) => ({ labels, value: valueOf(totals) }));
  return { type: 'histogram', name, help, samples };
}
