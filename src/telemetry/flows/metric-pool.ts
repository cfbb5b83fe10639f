// The metrics of the whole mesh in one place: what agents push, under labels that say whose it is.
// An agent says only its own: what names another workload as the reporting one is refused.
import type { FlowMetric } from '#gen/isthmus/v1/flows_pb.js';
import type { Family, Sample } from '#telemetry/exposition.ts';
import { BUCKETS, Histogram } from '#base/histogram.ts';
import type { Labels } from '#telemetry/report.ts';
import { LABEL_MAX, SERIES_MAX } from './limits.ts';
import type { AgentIdentity } from './reporters.ts';

/** Of an agent that has gone: Prometheus takes a series for ended after as long. */
const GONE_MS = 5 * 60_000;
/** What a new stream does not name again within this has ended. */
const RENAMED_WITHIN_MS = 30_000;
const LABELS_MAX = 40;

const METRIC_NAME = /^(istio|isthmus)_[a-z0-9_]{1,100}$/;
const LABEL_NAME = /^[a-zA-Z][a-zA-Z0-9_]{0,63}$/;
/** isthmusd's to say. */
const OURS = new Set(['pod', 'namespace', 'le']);

type Series = {
  readonly name: string;
  readonly labels: Labels;
  readonly type: Family['type'];
  value: number | Histogram;
  streamId: number;
};

type Agent = {
  readonly labels: Labels;
  readonly series: Map<string, Series>;
  heardMs: number;
  streamId: number;
  streamSinceMs: number;
};

/** What the numbers of one stream mean. */
export type MetricStream = {
  readonly id: number;
  readonly names: Map<number, Series | undefined>;
};

export class MetricPool {
  readonly #agents = new Map<string, Agent>();
  readonly #helps = new Map<string, string>();
  #lastStream = 0;

  open(): MetricStream {
    this.#lastStream += 1;
    return { id: this.#lastStream, names: new Map() };
  }

  /** @returns how many were refused */
  apply(
    identity: AgentIdentity,
    stream: MetricStream,
    report: { readonly metrics: readonly FlowMetric[]; readonly nowMs: number },
  ): number {
    const agent = this.#agentOf(identity, stream, report.nowMs);
    agent.heardMs = report.nowMs;
    let refused = 0;
    for (const metric of report.metrics) {
      if (!stream.names.has(metric.number)) {
        if (stream.names.size >= SERIES_MAX) {
          refused += 1;
          continue;
        }
        stream.names.set(metric.number, this.#name(agent, identity, metric));
      }
      const series = stream.names.get(metric.number);
      const value = series && valueOf(series.type, metric);
      if (!series || value === undefined) {
        refused += 1;
        continue;
      }
      series.value = value;
      series.streamId = stream.id;
    }
    return refused;
  }

  families(nowMs: number): readonly Family[] {
    this.#forget(nowMs);
    const families = new Map<
      string,
      { type: Family['type']; samples: Sample<number | Histogram>[] }
    >();
    for (const { labels, series } of this.#agents.values()) {
      for (const each of series.values()) {
        let family = families.get(each.name);
        if (!family) families.set(each.name, (family = { type: each.type, samples: [] }));
        if (family.type !== each.type) continue;
        family.samples.push({ labels: [...each.labels, ...labels], value: each.value });
      }
    }
    return [...families].map(([name, { type, samples }]) => {
      const help = this.#helps.get(name) ?? '';
      return type === 'histogram'
        ? { type, name, help, samples: samples.filter(isHistogramSample) }
        : { type, name, help, samples: samples.filter(isNumberSample) };
    });
  }

  #agentOf(identity: AgentIdentity, stream: MetricStream, nowMs: number): Agent {
    const { key } = identity;
    const [, namespace = '', pod = ''] = key.split('/');
    let agent = this.#agents.get(key);
    if (!agent) {
      const labels: Labels = [
        ['namespace', namespace],
        ['pod', pod],
      ];
      agent = { labels, series: new Map(), heardMs: 0, streamId: 0, streamSinceMs: 0 };
      this.#agents.set(key, agent);
    }
    if (agent.streamId !== stream.id) {
      agent.streamId = stream.id;
      agent.streamSinceMs = nowMs;
    }
    return agent;
  }

  #name(agent: Agent, identity: AgentIdentity, metric: FlowMetric): Series | undefined {
    const { name, help, type } = metric;
    const labels = labelsOf(metric.labels);
    if (!METRIC_NAME.test(name) || !isType(type) || !labels) return undefined;
    if (!isOwn(labels, identity)) return undefined;
    const key = JSON.stringify([name, labels]);
    const known = agent.series.get(key);
    if (known?.type === type) return known;
    if (agent.series.size >= SERIES_MAX) return undefined;
    if (!this.#helps.has(name) && this.#helps.size < SERIES_MAX) {
      this.#helps.set(name, help.slice(0, LABEL_MAX));
    }
    const series: Series = { name, labels, type, value: 0, streamId: 0 };
    agent.series.set(key, series);
    return series;
  }

  #forget(nowMs: number): void {
    for (const [key, agent] of this.#agents) {
      if (nowMs - agent.heardMs > GONE_MS) this.#agents.delete(key);
      if (nowMs - agent.streamSinceMs < RENAMED_WITHIN_MS) continue;
      for (const [name, series] of agent.series) {
        if (series.streamId !== agent.streamId) agent.series.delete(name);
      }
    }
  }
}

const isType = (type: string): type is Family['type'] =>
  type === 'counter' || type === 'gauge' || type === 'histogram';

function labelsOf(flat: readonly string[]): Labels | undefined {
  if (flat.length % 2 !== 0 || flat.length > 2 * LABELS_MAX) return undefined;
  const labels: (readonly [string, string])[] = [];
  for (let at = 0; at < flat.length; at += 2) {
    const [name = '', value = ''] = flat.slice(at, at + 2);
    if (!LABEL_NAME.test(name) || OURS.has(name) || value.length > LABEL_MAX) return undefined;
    labels.push([name, value]);
  }
  return new Set(labels.map(([name]) => name)).size === labels.length ? labels : undefined;
}

/** What Istio's labels say of the end that reports must be what the certificate says. */
function isOwn(labels: Labels, { key, spiffeId }: AgentIdentity): boolean {
  const valueOf = (name: string): string =>
    labels.find(([each]) => each === name)?.[1] ?? 'unknown';
  const isOwnEnd = (end: 'source' | 'destination'): boolean => {
    const principal = valueOf(`${end}_principal`);
    const namespace = valueOf(`${end}_workload_namespace`);
    const isOwnPrincipal = principal === 'unknown' || principal === spiffeId;
    return isOwnPrincipal && (namespace === 'unknown' || namespace === key.split('/')[1]);
  };
  const reporter = valueOf('reporter');
  // Telemetry may leave the label out
  if (reporter === 'unknown') return isOwnEnd('source') || isOwnEnd('destination');
  return isOwnEnd(reporter === 'destination' ? 'destination' : 'source');
}

function valueOf(type: Family['type'], metric: FlowMetric): number | Histogram | undefined {
  const { value, count, buckets } = metric;
  if (!Number.isFinite(value)) return undefined;
  if (type !== 'histogram') return type === 'counter' && value < 0 ? undefined : value;
  const isSane = buckets.length === BUCKETS.length && buckets.every((n) => n >= 0);
  if (!isSane || !(count >= 0) || !Number.isFinite(count)) return undefined;
  return Histogram.of({ sum: value, count, buckets });
}

const isHistogramSample = (sample: Sample<number | Histogram>): sample is Sample<Histogram> =>
  typeof sample.value !== 'number';
const isNumberSample = (sample: Sample<number | Histogram>): sample is Sample<number> =>
  typeof sample.value === 'number';
