// Is this a schedule, as cron has them? Five fields, or one of the words for the usual ones.
// https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax

type Unit = {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Words for the numbers from `min` on. */
  readonly words: readonly string[];
};

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const DAYS = 'sun mon tue wed thu fri sat'.split(' ');

const UNITS: readonly Unit[] = [
  { name: 'minute', min: 0, max: 59, words: [] },
  { name: 'hour', min: 0, max: 23, words: [] },
  { name: 'day of the month', min: 1, max: 31, words: [] },
  { name: 'month', min: 1, max: 12, words: MONTHS },
  { name: 'day of the week', min: 0, max: 6, words: DAYS },
];
const WORDS: ReadonlySet<string> = new Set([
  '@yearly',
  '@annually',
  '@monthly',
  '@weekly',
  '@daily',
  '@midnight',
  '@hourly',
]);
/** `@every 1h30m` */
const EVERY = /^@every (\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/;

/** @returns undefined: it is one */
export function scheduleProblem(text: string): string | undefined {
  if (text.includes('TZ')) {
    return 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead';
  }
  if (text.startsWith('@')) {
    return WORDS.has(text) || EVERY.test(text) ? undefined : `unrecognized descriptor: ${text}`;
  }
  const fields = text.trim().split(/\s+/);
  if (fields.length !== UNITS.length) {
    return `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`;
  }
  for (const [index, unit] of UNITS.entries()) {
    const field = fields[index] ?? '';
    if (!field.split(',').every((part) => isPart(part, unit))) {
      return `"${field}" is no ${unit.name} from ${unit.min} to ${unit.max}`;
    }
  }
  return undefined;
}

/** `*`, `5`, `1-5`, and each with a step: `1-30/2` */
function isPart(part: string, unit: Unit): boolean {
  const [range = '', step, ...more] = part.split('/');
  if (more.length > 0 || (step !== undefined && !/^[1-9]\d*$/.test(step))) return false;
  if (range === '*' || range === '?') return true;
  const [from = '', to, ...others] = range.split('-');
  const first = numberOf(from, unit);
  const last = to === undefined ? first : numberOf(to, unit);
  return others.length === 0 && first !== undefined && last !== undefined && first <= last;
}

function numberOf(text: string, { min, max, words }: Unit): number | undefined {
  const word = words.indexOf(text.toLowerCase());
  if (word >= 0) return min + word;
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return number >= min && number <= max ? number : undefined;
}
