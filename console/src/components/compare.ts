// Two series in one chart: another edge at the same time, or the same edge at another time. Pure.
import type { Series } from '../api/types.ts';
import type { Compared } from '../url/view-state.ts';
import type { Curve } from './curve.ts';
import { formatDuration, formatTime } from './format.ts';

export type Window = { readonly fromMs: number; readonly toMs: number };

type Quantity = Exclude<keyof Series, 'stepSeconds' | 'atMs'>;

/** Which stretch of time of the other is laid over that window. */
export function comparedWindow(cmp: Compared, { fromMs, toMs }: Window): Window {
  if (cmp.kind === 'edge') return { fromMs, toMs };
  return { fromMs: cmp.atMs - (toMs - fromMs), toMs: cmp.atMs };
}

/**
 * The other's values at the moments of the first; null where nothing is known of it.
 *
 * @param shiftMs how much later the first is
 */
export function alignedTo(
  atMs: readonly number[],
  other: Pick<Series, 'atMs' | 'stepSeconds'>,
  values: readonly (number | null)[],
  shiftMs: number,
): (number | null)[] {
  const stepMs = other.stepSeconds * 1000;
  const placeOf = (at: number): number => Math.floor(at / stepMs);
  const byPlace = new Map(other.atMs.map((at, index) => [placeOf(at), values[index] ?? null]));
  return atMs.map((at) => byPlace.get(placeOf(at - shiftMs)) ?? null);
}

/** The same curves of the other, dashed and named after it. */
export function comparedCurves(
  curves: readonly (Curve & { readonly quantity: Quantity })[],
  other: { readonly series: Series; readonly label: string; readonly shiftMs: number },
  atMs: readonly number[],
): Curve[] {
  const { series, label, shiftMs } = other;
  return curves.map(({ quantity, name, ...curve }) => ({
    ...curve,
    name: `${name} (${label})`,
    values: alignedTo(atMs, series, series[quantity], shiftMs),
    isDashed: true,
    shiftMs,
  }));
}

/** `14:40:00, 1 h before` */
export function timeLabel(atMs: number, toMs: number): string {
  const away = toMs - atMs;
  const how = away >= 0 ? `${formatDuration(away)} before` : `${formatDuration(-away)} after`;
  return `${formatTime(atMs, toMs)}, ${how}`;
}
