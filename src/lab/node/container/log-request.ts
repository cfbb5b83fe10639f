// What `kubectl logs` asks for, and which of a container's entries that is. Pure.
import { OperatorError } from '#base/operator-error.ts';
import type { LogEntry } from './log.ts';

export type LogRequest = {
  readonly isFollowed: boolean;
  readonly isPrevious: boolean;
  readonly hasTimestamps: boolean;
  /** Undefined: all. */
  readonly tailLines: number | undefined;
  readonly sinceMs: number | undefined;
  readonly bytesMax: number | undefined;
};

/**
 * kubelet's query parameters.
 *
 * @throws OperatorError USAGE for a value of the wrong kind
 */
export function parseLogRequest(query: URLSearchParams, nowMs: number): LogRequest {
  const sinceSeconds = wholeNumber(query, 'sinceSeconds', 1);
  const sinceTime = query.get('sinceTime');
  const sinceTimeMs = sinceTime === null ? undefined : Date.parse(sinceTime);
  if (Number.isNaN(sinceTimeMs)) throw wrong('sinceTime', 'a time as in RFC 3339');
  return {
    isFollowed: isTrue(query, 'follow'),
    isPrevious: isTrue(query, 'previous'),
    hasTimestamps: isTrue(query, 'timestamps'),
    tailLines: wholeNumber(query, 'tailLines', 0),
    sinceMs: sinceSeconds === undefined ? sinceTimeMs : nowMs - sinceSeconds * 1000,
    bytesMax: wholeNumber(query, 'limitBytes', 1),
  };
}

/** Of the entries so far, those asked for. */
export function selectEntries(
  entries: readonly LogEntry[],
  { tailLines, sinceMs }: LogRequest,
): readonly LogEntry[] {
  const recent =
    sinceMs === undefined ? entries : entries.filter(({ time }) => Date.parse(time) >= sinceMs);
  if (tailLines === undefined) return recent;
  return tailLines === 0 ? [] : recent.slice(-tailLines);
}

export function renderEntry(entry: LogEntry, request: LogRequest): string {
  const time = request.hasTimestamps ? `${entry.time} ` : '';
  return `${time}${entry.text}${entry.isWhole ? '\n' : ''}`;
}

const isTrue = (query: URLSearchParams, name: string): boolean =>
  /^(true|1)$/.test(query.get(name) ?? '');

function wholeNumber(query: URLSearchParams, name: string, min: number): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw wrong(name, `a whole number of at least ${min}`);
}

const wrong = (name: string, expected: string): OperatorError =>
  new OperatorError('USAGE', `${name} is not ${expected}`, { remedy: `give ${expected}` });
