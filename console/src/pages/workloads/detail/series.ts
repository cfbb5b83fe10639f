// Which charts there are, and which part of the history they show. Null is not known: it is drawn
// as a gap, and what is null throughout is not drawn at all.
import type { Series } from '../../../api/types.ts';

export type Quantity = Exclude<keyof Series, 'stepSeconds' | 'atMs'>;

export type Line = {
  readonly quantity: Quantity;
  readonly name: string;
  /** Name of a CSS custom property. */
  readonly colour: string;
  /** Drawn downwards, so that two directions do not hide each other. */
  readonly isMirrored: boolean;
};

export type ChartWords = {
  readonly title: string;
  readonly unit: 'B/s' | '/s' | 'ms' | '';
  readonly lines: readonly Line[];
};

const line = (quantity: Quantity, name: string, colour: string, isMirrored = false): Line => ({
  quantity,
  name,
  colour,
  isMirrored,
});

export const CHARTS: readonly ChartWords[] = [
  {
    title: 'TCP throughput',
    unit: 'B/s',
    lines: [
      line('toServerBytes', '→ to server', '--accent'),
      line('toClientBytes', '← to client', '--vm', true),
    ],
  },
  { title: 'Open connections', unit: '', lines: [line('open', 'open', '--accent')] },
  {
    title: 'Connections opened and failed',
    unit: '/s',
    lines: [line('opened', 'opened', '--accent'), line('failed', 'failed', '--bad')],
  },
  {
    title: 'HTTP requests',
    unit: '/s',
    lines: [
      line('requests', 'requests', '--accent'),
      line('requestErrors', 'failed, as 5xx', '--bad'),
      line('clientErrors', 'answered 4xx', '--warn'),
    ],
  },
  {
    title: 'HTTP duration, at the client',
    unit: 'ms',
    lines: [
      line('p50Ms', 'p50', '--accent'),
      line('p95Ms', 'p95', '--vm'),
      line('p99Ms', 'p99', '--bad'),
    ],
  },
  {
    title: 'HTTP duration, at the server',
    unit: 'ms',
    lines: [
      line('serverP50Ms', 'p50', '--accent'),
      line('serverP95Ms', 'p95', '--vm'),
      line('serverP99Ms', 'p99', '--bad'),
    ],
  },
];

/** Nothing of it is known in the whole window: the chart says so instead of drawing a flat line. */
export const isSilent = (series: Series, chart: ChartWords): boolean =>
  chart.lines.every(({ quantity }) => series[quantity].every((value) => value === null));

/** Milliseconds; null: all of the series. */
export type Zoom = { readonly fromMs: number; readonly toMs: number } | null;

/** The part of the series that a brush has chosen; all of it where it chose next to nothing. */
export function zoomed(series: Series, zoom: Zoom): Series {
  if (zoom === null) return series;
  const first = series.atMs.findIndex((at) => at >= zoom.fromMs);
  const last = series.atMs.findLastIndex((at) => at <= zoom.toMs);
  if (first < 0 || last - first < 1) return series;
  const part = <T>(column: readonly T[]): readonly T[] => column.slice(first, last + 1);
  return {
    stepSeconds: series.stepSeconds,
    atMs: part(series.atMs),
    toServerBytes: part(series.toServerBytes),
    toClientBytes: part(series.toClientBytes),
    open: part(series.open),
    opened: part(series.opened),
    failed: part(series.failed),
    requests: part(series.requests),
    requestMs: part(series.requestMs),
    requestErrors: part(series.requestErrors),
    clientErrors: part(series.clientErrors),
    p50Ms: part(series.p50Ms),
    p95Ms: part(series.p95Ms),
    p99Ms: part(series.p99Ms),
    serverP50Ms: part(series.serverP50Ms),
    serverP95Ms: part(series.serverP95Ms),
    serverP99Ms: part(series.serverP99Ms),
  };
}

/** How far back, and how fine: what the ring has of it. */
export const WINDOWS = {
  '5m': { ms: 300_000, stepSeconds: 1, words: '5 minutes' },
  '1h': { ms: 3_600_000, stepSeconds: 10, words: '1 hour' },
  '24h': { ms: 86_400_000, stepSeconds: 120, words: '24 hours' },
} as const;
