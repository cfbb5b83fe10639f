// Charts from columns of the history: what is drawn, what a screen reader reads, and one sentence
// that says it all. Null is not known and is drawn as a gap.
import type { Series } from '../../../api/types.ts';

export type Quantity = Exclude<keyof Series, 'stepSeconds' | 'atMs'>;

export type Line = {
  readonly quantity: Quantity;
  readonly name: string;
  /** Drawn downwards, so that two directions do not hide each other. */
  readonly isMirrored: boolean;
};

export type Chart = {
  readonly title: string;
  readonly unit: 'B/s' | '/s' | 'ms' | '';
  readonly lines: readonly Line[];
};

const line = (quantity: Quantity, name: string, isMirrored = false): Line => ({
  quantity,
  name,
  isMirrored,
});

export const CHARTS: readonly Chart[] = [
  {
    title: 'TCP throughput',
    unit: 'B/s',
    lines: [line('toServerBytes', '→ to server'), line('toClientBytes', '← to client', true)],
  },
  { title: 'Open connections', unit: '', lines: [line('open', 'open')] },
  {
    title: 'Connections opened and failed',
    unit: '/s',
    lines: [line('opened', 'opened'), line('failed', 'failed')],
  },
  { title: 'HTTP requests', unit: '/s', lines: [line('requests', 'requests')] },
  { title: 'HTTP duration', unit: 'ms', lines: [line('requestMs', 'mean')] },
];

export type Column = readonly (number | null)[];

/** uPlot's columns: seconds, and each line's values; mirrored ones are negative. */
export function chartData(series: Series, chart: Chart): [number[], ...(number | null)[][]] {
  const seconds = series.atMs.map((at) => at / 1000);
  const columns = chart.lines.map(({ quantity, isMirrored }) =>
    series[quantity].map((value) => (value === null || !isMirrored ? value : -value)),
  );
  return [seconds, ...columns];
}

/** Nothing of it is known in the whole window: the chart says so instead of drawing a flat line. */
export const isSilent = (series: Series, chart: Chart): boolean =>
  chart.lines.every(({ quantity }) => series[quantity].every((value) => value === null));

export type Extremes = {
  readonly last: number | null;
  readonly max: number | null;
  readonly maxAtMs: number | null;
};

export function extremesOf(atMs: readonly number[], values: Column): Extremes {
  let max: number | null = null;
  let maxAtMs: number | null = null;
  values.forEach((value, index) => {
    if (value === null || (max !== null && value <= max)) return;
    max = value;
    maxAtMs = atMs[index] ?? null;
  });
  return { last: values.findLast((value) => value !== null) ?? null, max, maxAtMs };
}

/** `→ to server 1.2 kB/s, at most 4.0 kB/s at 16:03:10; ← to client …` */
export function summaryText(
  series: Series,
  chart: Chart,
  format: { readonly value: (value: number) => string; readonly time: (atMs: number) => string },
): string {
  if (isSilent(series, chart)) return 'Nothing has been reported in this time.';
  const parts = chart.lines.map(({ quantity, name }) => {
    const { last, max, maxAtMs } = extremesOf(series.atMs, series[quantity]);
    if (last === null || max === null || maxAtMs === null) return `${name}: not reported`;
    return `${name} ${format.value(last)}, at most ${format.value(max)} at ${format.time(maxAtMs)}`;
  });
  return `${parts.join('; ')}.`;
}

/** Rows enough for a reader; the last is always the newest that is known. */
export const TABLE_ROWS_MAX = 60;

/** Every n-th row counted from the end, so that the last one is there. */
export function tableRows(series: Series): readonly number[] {
  const stride = Math.max(1, Math.ceil(series.atMs.length / TABLE_ROWS_MAX));
  const rows: number[] = [];
  for (let index = series.atMs.length - 1; index >= 0; index -= stride) rows.unshift(index);
  return rows;
}

/** How far back, and how fine: what the ring has of it. */
export const WINDOWS = {
  '5m': { ms: 300_000, stepSeconds: 1, words: '5 minutes' },
  '1h': { ms: 3_600_000, stepSeconds: 10, words: '1 hour' },
  '24h': { ms: 86_400_000, stepSeconds: 120, words: '24 hours' },
} as const;
