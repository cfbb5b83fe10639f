// Numbers and times as people read them. What is not known is `–`, never 0.

export const UNKNOWN = '–';

const STEPS = ['', 'k', 'M', 'G', 'T', 'P'] as const;

/** SI steps and about three digits: `1.2 k`, `340`, `12 M`; the space does not break. */
function scaled(value: number, unit: string): string {
  let rest = Math.abs(value);
  let step = 0;
  // 999.5 would be printed as 1000.
  while (rest >= 999.5 && step < STEPS.length - 1) {
    rest /= 1000;
    step += 1;
  }
  const digits = rest >= 9.95 || (step === 0 && Number.isInteger(rest)) ? 0 : 1;
  return `${value < 0 ? '−' : ''}${rest.toFixed(digits)} ${STEPS[step]}${unit}`;
}

export const formatBytes = (bytes: number | null | undefined): string =>
  bytes === null || bytes === undefined ? UNKNOWN : scaled(bytes, 'B');

export const formatRate = (bytesPerSecond: number | null | undefined): string =>
  bytesPerSecond === null || bytesPerSecond === undefined
    ? UNKNOWN
    : scaled(bytesPerSecond < 0.05 ? 0 : bytesPerSecond, 'B/s');

export function formatCount(count: number | null | undefined): string {
  if (count === null || count === undefined) return UNKNOWN;
  return Number.isInteger(count) ? String(count) : count.toFixed(1);
}

/** What is not quite none is not `0 %`, and what is not quite all not `100 %`. */
export const formatPercent = (share: number | null | undefined): string => {
  if (share === null || share === undefined) return UNKNOWN;
  if (share > 0 && share < 0.001) return '< 0.1 %';
  if (share < 1 && share > 0.999) return '> 99.9 %';
  return `${Math.round(share * 1000) / 10} %`;
};

/** How long a request took: `0.8 ms`, `12 ms`, `1.2 s`. */
export function formatMs(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return UNKNOWN;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  return ms < 999.5 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `0.4 s`, `38 s`, `12 m`, `2 h`, `3 d`. */
export function formatDuration(ms: number): string {
  if (ms < 0) return `−${formatDuration(-ms)}`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < MINUTE * 2) return `${Math.round(ms / SECOND)} s`;
  if (ms < HOUR * 2) return `${Math.round(ms / MINUTE)} m`;
  if (ms < DAY * 2) return `${Math.round(ms / HOUR)} h`;
  return `${Math.round(ms / DAY)} d`;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** Time that is left: `22:14:07`, `9 d 04:00:00`; what has passed is `expired`. */
export function formatCountdown(ms: number): string {
  if (ms <= 0) return 'expired';
  const days = Math.floor(ms / DAY);
  const clock = [ms / HOUR - days * 24, (ms % HOUR) / MINUTE, (ms % MINUTE) / SECOND];
  const [hours = 0, minutes = 0, seconds = 0] = clock.map(Math.floor);
  const time = `${two(hours)}:${two(minutes)}:${two(seconds)}`;
  return days > 0 ? `${days} d ${time}` : time;
}

/** `16:03:09` of the same day, else with its date. In this browser's time zone. */
export function formatTime(atMs: number, nowMs: number): string {
  const at = new Date(atMs);
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  if (at.toDateString() === new Date(nowMs).toDateString()) return time;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
}

/** `12 s ago`, `in 3 h`, `now`. */
export function formatAgo(atMs: number, nowMs: number): string {
  const ageMs = nowMs - atMs;
  if (Math.abs(ageMs) < 1500) return 'now';
  return ageMs > 0 ? `${formatDuration(ageMs)} ago` : `in ${formatDuration(-ageMs)}`;
}
