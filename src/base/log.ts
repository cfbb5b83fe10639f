// Structured logs: a constant message and fields, one line per state change, on standard error.
// No secret may be a field: log names, serial numbers and counts, never tokens, keys or bodies.

export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose every line carries these fields too. */
  with(fields: LogFields): Logger;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export type LogSink = (line: string) => void;

/**
 * @param options.level the least severe level that is written (default `info`)
 * @param options.sink where a line goes, without its newline (default standard error)
 */
export function createLogger(
  scope: string,
  options: {
    readonly level?: LogLevel;
    readonly sink?: LogSink;
    readonly nowMs?: () => number;
    readonly fields?: LogFields;
  } = {},
): Logger {
  const { level = 'info', nowMs = () => Date.now(), fields: common = {} } = options;
  const sink = options.sink ?? ((line: string) => void process.stderr.write(`${line}\n`));
  const write = (at: LogLevel, message: string, fields: LogFields = {}): void => {
    if (LEVELS.indexOf(at) < LEVELS.indexOf(level)) return;
    sink(renderLogLine({ nowMs: nowMs(), at, scope, message, fields: { ...common, ...fields } }));
  };
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    with: (fields) => createLogger(scope, { ...options, fields: { ...common, ...fields } }),
  };
}

/** `2026-11-22T16:30:43.715Z info  xds: stream opened proxy=default/inventory-1 types=4` */
export function renderLogLine(entry: {
  readonly nowMs: number;
  readonly at: LogLevel;
  readonly scope: string;
  readonly message: string;
  readonly fields: LogFields;
}): string {
  const fields = Object.entries(entry.fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${renderValue(value)}`);
  const time = new Date(entry.nowMs).toISOString();
  return `${time} ${entry.at.padEnd(5)} ${entry.scope}: ${entry.message}${fields.join('')}`;
}

const FIELD_LENGTH_MAX = 2000;

/** Quoted when it holds anything but plain characters, so that a field cannot forge a line. */
function renderValue(value: string | number | boolean | undefined): string {
  const text = String(value).slice(0, FIELD_LENGTH_MAX);
  return /^[\w./:@|~+-]+$/.test(text) ? text : JSON.stringify(text);
}

/** Drops everything: for tests that say nothing about logs. */
export const silentLogger: Logger = createLogger('silent', { sink: () => undefined });
