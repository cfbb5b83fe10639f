// Many measurements of one thing as a few figures.
export type Series = Readonly<Record<'mean' | 'p50' | 'p99' | 'max', number>>;

export function series(values: readonly number[]): Series {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    rounded(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  const mean = rounded(values.reduce((sum, value) => sum + value, 0) / values.length);
  return { mean, p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** To the thousandth: what is beyond is noise. */
export const rounded = (value: number): number => Math.round(value * 1000) / 1000;
