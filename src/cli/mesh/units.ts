// Amounts and times as people read them in a terminal. Pure.

const STEPS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** `1.2 kB`, SI steps, three digits at most. */
export function renderBytes(bytes: number): string {
  let value = bytes;
  let step = 0;
  while (value >= 999.5 && step < STEPS.length - 1) {
    value /= 1000;
    step += 1;
  }
  const digits = step === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${STEPS[step]}`;
}

export const renderRate = (bytesPerSecond: number): string => `${renderBytes(bytesPerSecond)}/s`;

/** `0.8 ms`, `12 ms`, `1.2 s`. */
export function renderMs(ms: number): string {
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  return ms < 999.5 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** `1.2 %`; what is not quite none is not `0 %`, and what is not quite all not `100 %`. */
export function renderShare(share: number): string {
  if (share > 0 && share < 0.001) return '< 0.1 %';
  if (share < 1 && share > 0.999) return '> 99.9 %';
  return `${Math.round(share * 1000) / 10} %`;
}

/** `22 h 14 min`, `41 s`. */
export function renderSpan(spanMs: number): string {
  const seconds = Math.max(0, Math.floor(spanMs / 1000));
  const [minutes, hours, days] = [60, 3600, 86_400].map((unit) => Math.floor(seconds / unit));
  if (days) return `${days} d ${(hours ?? 0) % 24} h`;
  if (hours) return `${hours} h ${(minutes ?? 0) % 60} min`;
  if (minutes) return `${minutes} min`;
  return `${seconds} s`;
}

/** `10:24:07`, UTC, as logs have it. */
export const renderTime = (atMs: number): string => new Date(atMs).toISOString().slice(11, 19);
