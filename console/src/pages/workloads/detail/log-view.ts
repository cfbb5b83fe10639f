// Log lines on the screen: the newest few thousand, filtered by a regular expression.
import type { LogLine } from '../../../api/types.ts';

/** What a browser shows without effort; `isthmus logs` has no such limit. */
export const LINES_MAX = 2_000;

export type LogBuffer = {
  readonly lines: readonly NumberedLine[];
  /** Lines that were shown once and had to make room. */
  readonly dropped: number;
};

/** Numbered, so that React keeps rows where they are. */
export type NumberedLine = LogLine & { readonly number: number };

export const EMPTY_LOG: LogBuffer = { lines: [], dropped: 0 };

export function appendLines(buffer: LogBuffer, lines: readonly LogLine[]): LogBuffer {
  const first = (buffer.lines.at(-1)?.number ?? 0) + 1;
  const numbered = lines.map((line, index) => ({ ...line, number: first + index }));
  const all = [...buffer.lines, ...numbered];
  const excess = Math.max(0, all.length - LINES_MAX);
  return { lines: excess > 0 ? all.slice(excess) : all, dropped: buffer.dropped + excess };
}

export type LogFilter =
  | { readonly ok: true; readonly matches: (text: string) => boolean }
  | { readonly ok: false; readonly problem: string };

/** The longest expression that is tried: it runs over every line. */
const PATTERN_LENGTH_MAX = 200;

/** An empty pattern matches every line; upper and lower case are the same. */
export function parseLogFilter(pattern: string): LogFilter {
  if (pattern === '') return { ok: true, matches: () => true };
  if (pattern.length > PATTERN_LENGTH_MAX) {
    return { ok: false, problem: `longer than ${PATTERN_LENGTH_MAX} characters` };
  }
  try {
    const expression = new RegExp(pattern, 'iu');
    return { ok: true, matches: (text) => expression.test(text) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : 'not a regular expression';
    return { ok: false, problem: problem.replace(/^Invalid regular expression: /, '') };
  }
}
