// The totals of the workload's metrics, told to isthmusd: on each stream all of them once, and from
// then on those that have changed.
import type { Family } from '#telemetry/exposition.ts';
import { SERIES_MAX } from '#telemetry/flows/limits.ts';
import type { Histogram } from '#base/histogram.ts';
import type { Labels } from '#telemetry/report.ts';
import type { MetricMessage } from './encode.ts';

/** In one message: the first of a stream carries labels, some hundred bytes each. */
const SERIES_PER_BATCH = 500;

/** Every second for a sidecar of some hundred series, every five for a thousand. */
const REST_MS_MIN = 1000;
const REST_MS_PER_SERIES = 5;

type Told = { readonly number: number; value: string };

/** Of one stream. */
export class MetricsPush {
  readonly #told = new Map<string, Told>();

  /** How long until they are looked at again: what looking costs is bounded, however many. */
  get restMs(): number {
    return Math.max(REST_MS_MIN, this.#told.size * REST_MS_PER_SERIES);
  }

  /** @returns those to be told now, and whether there are more */
  changed(families: readonly Family[]): {
    readonly metrics: readonly MetricMessage[];
    readonly hasMore: boolean;
  } {
    const metrics: MetricMessage[] = [];
    for (const family of families) {
      for (const { labels, value } of family.samples) {
        const metric = this.#tell(family, labels, figuresOf(value));
        if (!metric) continue;
        metrics.push(metric);
        if (metrics.length >= SERIES_PER_BATCH) return { metrics, hasMore: true };
      }
    }
    return { metrics, hasMore: false };
  }

  #tell(family: Family, labels: Labels, figures: Figures): MetricMessage | undefined {
    const key = JSON.stringify([family.name, labels]);
    const value = JSON.stringify(figures);
    const known = this.#told.get(key);
    if (known?.value === value) return undefined;
    if (known) {
      known.value = value;
      return { number: known.number, ...figures };
    }
    if (this.#told.size >= SERIES_MAX) return undefined;
    const number = this.#told.size + 1;
    this.#told.set(key, { number, value });
    const { name, help, type } = family;
    return { number, name, help, type, labels: labels.flat(), ...figures };
  }
}

type Figures = Pick<MetricMessage, 'value' | 'count' | 'buckets'>;

function figuresOf(value: number | Histogram): Figures {
  if (typeof value === 'number') return { value };
  let below = 0;
  const buckets = value.cumulative().map(([, count]) => {
    const own = count - below;
    below = count;
    return own;
  });
  return { value: value.sum, count: value.count, buckets: buckets.slice(0, -1) };
}
