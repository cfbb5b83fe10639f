// The second of a moment gone by, told as the live seconds are.
import type { Sample } from '#api/graph.ts';
import type { Series } from '#api/history.ts';
import { durationQuantile } from '#base/durations.ts';
import { nextTurn } from '#base/tasks.ts';
import type { PastEdge } from '#telemetry/flows/flows.ts';
import { CLIENT_ERRORS, FAILED, REQUESTS } from '#telemetry/flows/quantities.ts';
import type { History } from './history.ts';
import { readSlices } from './read.ts';
import { keptSpan, seriesOf, stepsFor } from './series.ts';
import { StepSums, type StepSum } from './step-sums.ts';

/** Wide enough for the coarsest step of the ring. */
const AROUND_MS = 10_000;
/** Of requests a sample tells the last minute. */
const MINUTE_MS = 60_000;

/** Of all edges at once: the journal is read once, however many they are. */
export async function samplesAt(
  history: History,
  of: { readonly atMs: number; readonly edges: readonly PastEdge[]; readonly nowMs: number },
): Promise<readonly Sample[]> {
  const { atMs, edges, nowMs } = of;
  const span = keptSpan({ fromMs: Math.max(0, atMs - AROUND_MS), toMs: atMs + 1 }, nowMs);
  if (span.fromMs >= span.toMs) return [];
  // Whose they are does not say how fine they are.
  const { stored, told } = stepsFor({ of: { edge: '' }, ...span }, nowMs);
  const sums = new Map(edges.map(({ index }) => [index, new StepSums(told)]));
  const minutes = new Map(edges.map(({ index }) => [index, new StepSums(Infinity)]));
  const minute = keptSpan({ fromMs: Math.max(0, atMs - MINUTE_MS), toMs: atMs + 1 }, nowMs);
  const wanted = { edges: [...sums.keys()], span: minute, step: stored };
  const nearS = Math.floor(span.fromMs / 1000 / stored) * stored;
  const sink: Pick<StepSums, 'add'> = {
    add: (edge, second, point) => {
      minutes.get(edge)?.add(edge, second, point);
      if (second >= nearS) sums.get(edge)?.add(edge, second, point);
    },
  };
  for (const _ of readSlices(history, wanted, sink)) await nextTurn();
  const uptimes = history.uptimes(span);
  return edges.flatMap(({ index, firstSeenMs }) => {
    const silences = history.silences(index, span);
    const known = { sums: sums.get(index)?.finish() ?? new Map(), uptimes, silences, firstSeenMs };
    const [sample] = lastSample(index, seriesOf(known, span, told)) ?? [];
    return sample ? [withMinute(sample, minutes.get(index)?.finish().get(0))] : [];
  });
}

/** The last point; undefined where nothing is known of then, which is no zero. */
function lastSample(index: number, series: Series): [Sample] | undefined {
  const { toServerBytes, toClientBytes, open, opened, failed, requests, requestMs } = series;
  const columns = [toServerBytes, toClientBytes, open, opened, failed, requests, requestMs];
  const [up, down, ...others] = columns.map((column) => column.at(-1) ?? undefined);
  if (up === undefined || down === undefined) return undefined;
  const [openNow = 0, openedNow = 0, failedNow = 0, requestsNow = 0, meanMs = 0] = others;
  return [[index, up, down, openNow, openedNow, failedNow, requestsNow, meanMs]];
}

function withMinute(sample: Sample, minute: StepSum | undefined): Sample {
  const requests = minute?.sums[REQUESTS] ?? 0;
  if (!minute || requests === 0) return sample;
  const { sums, durations } = minute;
  const timed = durations.source ?? durations.destination;
  const share = (count = 0): number => Math.min(1, count / requests);
  const quantile = (part: number): number | null => (timed ? durationQuantile(timed, part) : null);
  const [index, up, down, open, opened, failed, perSecond, meanMs] = sample;
  return [
    ...([index, up, down, open, opened, failed, perSecond, meanMs] as const),
    share(sums[FAILED]),
    timed ? share(sums[CLIENT_ERRORS]) : null,
    quantile(0.5),
    quantile(0.95),
    quantile(0.99),
  ];
}
