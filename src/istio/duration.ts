// Durations as Istio's kinds have them: Go's notation, `1.5s` or `1h30m`.

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, the micro sign
  μs: 1e-3, // U+03BC, the Greek letter
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
const WHOLE = /^[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
/** Longer texts are no durations that anybody means. */
const TEXT_LENGTH_MAX = 64;

/** Milliseconds, which may be negative or have a fraction; undefined when it is no duration. */
export function durationMs(text: string): number | undefined {
  if (text.length > TEXT_LENGTH_MAX || !WHOLE.test(text)) return undefined;
  let sum = 0;
  for (const [, count = '', unit = ''] of text.matchAll(PART)) {
    sum += Number(count) * (UNITS_MS[unit] ?? 0);
  }
  return text.startsWith('-') ? -sum : sum;
}
