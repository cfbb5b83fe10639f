// Istio's standard metrics of one proxy. Reports are added up by what Envoy says of them; under
// which labels they are counted is decided once it is known who the two workloads are. So the two
// ends of a call, who ask the same question, count it under the same labels, and a series never
// loses what it has counted.
import type { Family, Sample } from './exposition.ts';
import { Histogram } from '#base/histogram.ts';
import type { TagAttributes } from '#base/tag-expression.ts';
import { MetricRules, type MetricRule, type TagValues } from './metric-rules.ts';
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
  /** To the nanosecond. */
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

type Series = {
  readonly isTcp: boolean;
  readonly reporter: CallKind['reporter'];
  readonly labels: Labels;
  /** Its labels as a text: every scrape compares them. */
  readonly labelsKey: string;
  readonly values: TagValues;
  readonly totals: Totals;
};
type Pending = { readonly kind: CallKind; readonly values: TagValues; readonly totals: Totals };

const NO_ATTRIBUTES = (): TagAttributes => ({});

export class StandardMetrics {
  readonly #factsOf: FactsOf;
  readonly #series = new Map<string, Series>();
  readonly #pending = new Map<string, Pending>();
  #rules = new MetricRules([]);
  /** Some series are told apart by what rules said once. */
  #hasValues = false;

  constructor(factsOf: FactsOf) {
    this.#factsOf = factsOf;
  }

  /** What is told from now on, also of what is counted already. */
  setRules(rules: readonly MetricRule[]): void {
    this.#rules = new MetricRules(rules);
  }

  /** @param attributes for tags that Telemetry sets */
  recordConnection(kind: CallKind, delta: ConnectionDelta, attributes = NO_ATTRIBUTES): void {
    const totals = this.#totalsOf(kind, attributes);
    totals.opened += delta.opened;
    totals.closed += delta.closed;
    totals.receivedBytes += delta.receivedBytes;
    totals.sentBytes += delta.sentBytes;
  }

  /** @param attributes for tags that Telemetry sets */
  recordRequest(kind: CallKind, report: RequestReport, attributes = NO_ATTRIBUTES): void {
    const totals = this.#totalsOf(kind, attributes);
    totals.durationMs.record(Math.round(report.durationMs)); // whole ones, as Istio's filter counts
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
    return METRICS.map((metric) => {
      const told = this.#told(
        metric.name,
        series.filter(({ isTcp }) => isTcp === metric.isTcp),
      );
      const { family: name, help } = metric;
      return metric.type === 'counter'
        ? { type: 'counter', name, help, samples: counted(told, metric.valueOf) }
        : { type: 'histogram', name, help, samples: distributed(told, metric.valueOf) };
    });
  }

  /** With the labels that the metric has; those that come to the same are together. */
  #told(metric: string, series: readonly Series[]): readonly Told[] {
    if (this.#rules.isEmpty && !this.#hasValues) {
      return series.map(({ labels, totals }) => ({ labels, totals: [totals] }));
    }
    const together = new Map<string, { readonly labels: Labels; readonly totals: Totals[] }>();
    for (const each of series) {
      const labels = this.#rules.labels(metric, each.reporter, each);
      if (labels === undefined) continue;
      const key = labels === each.labels ? each.labelsKey : JSON.stringify(labels);
      const known = together.get(key);
      if (known) known.totals.push(each.totals);
      else together.set(key, { labels, totals: [each.totals] });
    }
    return [...together.values()];
  }

  #totalsOf(kind: CallKind, attributes: () => TagAttributes): Totals {
    const values = this.#rules.valuesOf(kind.reporter, attributes);
    const key = values.length === 0 ? JSON.stringify(kind) : JSON.stringify([kind, values]);
    const known = this.#pending.get(key);
    if (known) return known.totals;
    if (this.#pending.size >= PENDING_MAX) this.#makeRoom();
    const totals = new Totals();
    this.#pending.set(key, { kind, values, totals });
    return totals;
  }

  #makeRoom(): void {
    this.#settle();
    if (this.#pending.size < PENDING_MAX) return;
    // nobody answers, and more come than can be kept: the oldest are counted as they are
    const [oldest] = this.#pending;
    if (oldest === undefined) return;
    const [key, calls] = oldest;
    this.#pending.delete(key);
    this.#count(calls, { source: UNKNOWN_WORKLOAD, destination: UNKNOWN_WORKLOAD });
  }

  #settle(): void {
    for (const [key, calls] of this.#pending) {
      const { kind } = calls;
      const source = this.#partyOf(kind.source.peer);
      const destination = this.#partyOf(kind.destination.peer);
      if (source === undefined || destination === undefined) continue;
      this.#pending.delete(key);
      this.#count(calls, { source, destination });
    }
  }

  #partyOf(peer: string | undefined): WorkloadFacts | undefined {
    return peer === undefined ? UNKNOWN_WORKLOAD : this.#factsOf(peer);
  }

  #count(
    { kind, values, totals }: Pending,
    parties: { readonly source: WorkloadFacts; readonly destination: WorkloadFacts },
  ): void {
    const labels = standardLabels(kind, parties);
    const labelsKey = JSON.stringify(labels);
    const key = values.length === 0 ? labelsKey : JSON.stringify([labels, values]);
    const known = this.#series.get(key);
    if (known) return known.totals.add(totals);
    const { reporter, protocol } = kind;
    if (this.#series.size < SERIES_MAX || isOverflow(kind)) {
      const isTcp = protocol === 'tcp';
      this.#hasValues ||= values.length > 0;
      this.#series.set(key, { isTcp, reporter, labels, labelsKey, values, totals });
      return;
    }
    const overflow = { kind: overflowOf(kind), values: [], totals };
    this.#count(overflow, { source: UNKNOWN_WORKLOAD, destination: UNKNOWN_WORKLOAD });
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

/** Series that are told as one. */
type Told = { readonly labels: Labels; readonly totals: readonly Totals[] };

type Metric = {
  /** As Telemetry calls it. */
  readonly name: string;
  readonly family: string;
  readonly help: string;
  readonly isTcp: boolean;
} & (
  | { readonly type: 'counter'; readonly valueOf: (totals: Totals) => number }
  | { readonly type: 'histogram'; readonly valueOf: (totals: Totals) => Histogram }
);

const METRICS: readonly Metric[] = [
  {
    name: 'TCP_OPENED_CONNECTIONS',
    family: 'istio_tcp_connections_opened_total',
    help: 'Connections opened.',
    isTcp: true,
    type: 'counter',
    valueOf: ({ opened }) => opened,
  },
  {
    name: 'TCP_CLOSED_CONNECTIONS',
    family: 'istio_tcp_connections_closed_total',
    help: 'Connections closed.',
    isTcp: true,
    type: 'counter',
    valueOf: ({ closed }) => closed,
  },
  {
    name: 'TCP_RECEIVED_BYTES',
    family: 'istio_tcp_received_bytes_total',
    help: 'Bytes from the client to the server.',
    isTcp: true,
    type: 'counter',
    valueOf: ({ receivedBytes }) => receivedBytes,
  },
  {
    name: 'TCP_SENT_BYTES',
    family: 'istio_tcp_sent_bytes_total',
    help: 'Bytes from the server to the client.',
    isTcp: true,
    type: 'counter',
    valueOf: ({ sentBytes }) => sentBytes,
  },
  {
    name: 'REQUEST_COUNT',
    family: 'istio_requests_total',
    help: 'Requests that have ended.',
    isTcp: false,
    type: 'counter',
    valueOf: ({ durationMs }) => durationMs.count,
  },
  {
    name: 'REQUEST_DURATION',
    family: 'istio_request_duration_milliseconds',
    help: 'How long requests took, in milliseconds.',
    isTcp: false,
    type: 'histogram',
    valueOf: ({ durationMs }) => durationMs,
  },
  {
    name: 'REQUEST_SIZE',
    family: 'istio_request_bytes',
    help: 'Bytes of requests: headers and body.',
    isTcp: false,
    type: 'histogram',
    valueOf: ({ requestBytes }) => requestBytes,
  },
  {
    name: 'RESPONSE_SIZE',
    family: 'istio_response_bytes',
    help: 'Bytes of responses: headers and body.',
    isTcp: false,
    type: 'histogram',
    valueOf: ({ responseBytes }) => responseBytes,
  },
];

const counted = (told: readonly Told[], valueOf: (totals: Totals) => number): Sample<number>[] =>
  told.map(({ labels, totals }) => ({
    labels,
    value: totals.reduce((sum, each) => sum + valueOf(each), 0),
  }));

const distributed = (
  told: readonly Told[],
  valueOf: (totals: Totals) => Histogram,
): Sample<Histogram>[] =>
  told.map(({ labels, totals }) => {
    const [only] = totals;
    if (totals.length === 1 && only) return { labels, value: valueOf(only) };
    const value = new Histogram();
    for (const each of totals) value.add(valueOf(each));
    return { labels, value };
  });
