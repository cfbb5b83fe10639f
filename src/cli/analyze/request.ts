// The words of `isthmus analyze` as one request, and the spellings of istioctl that parseArgs does
// not know. Pure.
import { usageError } from '#base/flags.ts';
import type { Suppression } from '#analyze/analyze.ts';
import { LEVELS } from '#analyze/message.ts';
import type { Level } from '#analyze/message.ts';
import type { Analyzer } from '#analyze/analyzer.ts';
import { durationMs } from '#istio/duration.ts';

const USAGE = 'isthmus analyze [FILE...] [flags]; all of it: isthmus analyze --help';

/** Booleans of istioctl may have a value (`-k=false`, `--color`); here these always have one. */
export function spelledOut(argv: readonly string[]): readonly string[] {
  return argv.map((word) => {
    if (word === '-k' || word === '--use-kube') return '--use-kube=true';
    if (word === '--color') return '--color=true';
    return word.startsWith('-k=') ? `--use-kube=${word.slice(3)}` : word;
  });
}

/** In any case, as istioctl takes it. @throws OperatorError USAGE */
export function parseLevel(flag: string, text: string): Level {
  const level = LEVELS.find((it) => it.toLowerCase() === text.toLowerCase());
  if (level !== undefined) return level;
  throw usageError(`--${flag} ${text} is none of ${LEVELS.join(', ')}`, USAGE);
}

/** `IST0103=Pod *.testing`. @throws OperatorError USAGE */
export function parseSuppression(text: string): Suppression {
  const [code = '', resource, ...rest] = text.split('=');
  if (resource === undefined || rest.length > 0) {
    throw usageError(`--suppress ${text} is not CODE=RESOURCE`, USAGE);
  }
  return { code, resource };
}

/** All of them when none is named. @throws OperatorError USAGE */
export function chooseAnalyzers(
  all: readonly Analyzer[],
  names: readonly string[],
): readonly Analyzer[] {
  const unknown = names.find((name) => all.every((analyzer) => analyzer.name !== name));
  if (unknown !== undefined) {
    throw usageError(`there is no analyzer ${unknown}: see isthmus analyze -L`, USAGE);
  }
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

/** Milliseconds, at least one. @throws OperatorError USAGE */
export function parseTimeout(text: string): number {
  const limitMs = durationMs(text) ?? 0;
  if (limitMs >= 1) return limitMs;
  throw usageError(`--timeout ${text} is not a duration such as 30s`, USAGE);
}
