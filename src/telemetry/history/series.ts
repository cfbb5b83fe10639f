// Points as the columns that the console draws: rates, and null where nothing is known. Pure.
import type { Series } from '#api/history.ts';
import type { SeriesQuery, Span } from '#telemetry/flows/flows.ts';
import { durationQuantile, type Durations } from '#base/durations.ts';
import { CLIENT_ERRORS, FAILED, OPENED, REQUEST_MS } from '#telemetry/flows/quantities.ts';
import { noQuantities, REQUESTS, TO_CLIENT, TO_SERVER } from '#telemetry/flows/quantities.ts';
import { CHUNKS, type StepSeconds } from './retention.ts';
import type { Seconds } from './rows.ts';
import type { StepSum } from './step-sums.ts';

/** Of what was not asked for with a step of its own; and whatever was asked for. */
const POINTS_WANTED = 1200;
const POINTS_MAX = 4000;

export type Steps = {
  /** Of the points to read. */
  readonly stored: StepSeconds;
  /** Of the points to tell: a multiple of it. */
  readonly told: number;
};

/** The finest that is still there, or as asked for. */
export function stepsFor(query: SeriesQuery, nowMs: number): Steps {
  const [seconds] = CHUNKS;
  const isRecent = query.fromMs >= nowMs - seconds.keptS * 1000;
  const spanS = Math.max(1, (query.toMs - query.fromMs) / 1000);
  const wanted = query.stepSeconds ?? Math.ceil(spanS / POINTS_WANTED);
  const least = Math.max(1, Math.ceil(wanted), Math.ceil(spanS / POINTS_MAX));
  const stored = isRecent && least % 10 !== 0 ? 1 : 10;
  return { stored, told: Math.ceil(least / stored) * stored };
}

/** What of it can be known: nothing is asked of years, nor of the future. */
export function keptSpan({ fromMs, toMs }: Span, nowMs: number): Span {
  const [, coarse] = CHUNKS;
  const oldestMs = nowMs - coarse.keptS * 1000;
  return { fromMs: Math.max(fromMs, oldestMs), toMs: Math.min(toMs, nowMs + 1000) };
}

/** From what happens to its being told: agents report once a second. */
const REPORTS_MS = 2_000;

/** Only steps that are over and told of: the part of one would look as if something had fallen. */
export function wholeSteps({ fromMs, toMs }: Span, told: number, nowMs: number): Span {
  const stepMs = told * 1000;
  const overMs = Math.floor(Math.min(toMs, nowMs - REPORTS_MS) / stepMs) * stepMs;
  return { fromMs, toMs: Math.max(fromMs, overMs) };
}

export type SeriesSource = {
  /** By second, in steps of what is told. */
  readonly sums: ReadonlyMap<number, StepSum>;
  /** When isthmusd was there, in seconds, both inclusive. */
  readonly uptimes: readonly Seconds[];
  /** When nobody reported it. */
  readonly silences: readonly Seconds[];
  /** Before, there was nothing to know. */
  readonly firstSeenMs: number;
};

export function seriesOf(source: SeriesSource, span: Span, told: number): Series {
  const columns: Columns = newColumns();
  const first = Math.floor(span.fromMs / 1000 / told) * told;
  for (let at = first; at * 1000 < span.toMs; at += told) {
    const point = source.sums.get(at);
    const isKnown =
      (at + told) * 1000 > source.firstSeenMs &&
      source.uptimes.some(({ from, to }) => from < at + told && to >= at) &&
      !source.silences.some(({ from, to }) => from < at && to >= at + told);
    push(columns, at, point ?? (isKnown ? NOTHING : undefined), told);
  }
  return { stepSeconds: told, ...columns };
}

type Column = (number | null)[];
type Columns = { readonly atMs: number[] } & Readonly<
  Record<Exclude<keyof Series, 'atMs' | 'stepSeconds'>, Column>
>;

const newColumns = (): Columns => ({
  atMs: [],
  toServerBytes: [],
  toClientBytes: [],
  open: [],
  opened: [],
  failed: [],
  requests: [],
  requestMs: [],
  requestErrors: [],
  clientErrors: [],
  p50Ms: [],
  p95Ms: [],
  p99Ms: [],
  serverP50Ms: [],
  serverP95Ms: [],
  serverP99Ms: [],
});

const NOTHING: StepSum = { sums: noQuantities(), open: 0, failedRequests: 0, durations: {} };

function push(columns: Columns, at: number, point: StepSum | undefined, told: number): void {
  const rate = (quantity: number): number | null =>
    point ? round((point.sums[quantity] ?? 0) / told) : null;
  columns.atMs.push(at * 1000);
  columns.toServerBytes.push(rate(TO_SERVER));
  columns.toClientBytes.push(rate(TO_CLIENT));
  columns.open.push(point ? point.open : null);
  columns.opened.push(rate(OPENED));
  columns.failed.push(rate(FAILED));
  columns.requests.push(rate(REQUESTS));
  const requests = point?.sums[REQUESTS] ?? 0;
  const isTimed = point !== undefined && requests > 0;
  columns.requestMs.push(isTimed ? round((point.sums[REQUEST_MS] ?? 0) / requests) : null);
  columns.requestErrors.push(point ? round(point.failedRequests / told) : null);
  const { source, destination } = point?.durations ?? {};
  // whoever tells no durations does not tell these either
  const isTold = requests === 0 || source !== undefined || destination !== undefined;
  columns.clientErrors.push(isTold ? rate(CLIENT_ERRORS) : null);
  columns.p50Ms.push(quantile(source, 0.5));
  columns.p95Ms.push(quantile(source, 0.95));
  columns.p99Ms.push(quantile(source, 0.99));
  columns.serverP50Ms.push(quantile(destination, 0.5));
  columns.serverP95Ms.push(quantile(destination, 0.95));
  columns.serverP99Ms.push(quantile(destination, 0.99));
}

/** To three digits: more is not known. */
function quantile(counts: Durations | undefined, share: number): number | null {
  const ms = counts === undefined ? null : durationQuantile(counts, share);
  return ms === null ? null : Number(ms.toPrecision(3));
}

const round = (value: number): number => Math.round(value * 1000) / 1000;
