// What a container prints, in files like the container runtime's: one line each, with its time and
// stream, bounded in size. Written and read in one process, so a reader that follows misses
// nothing.
// https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import type { Clock } from '#base/clock.ts';

export type LogStream = 'stdout' | 'stderr';

export type LogEntry = {
  /** RFC 3339 with nanoseconds, of which the last six are zero. */
  readonly time: string;
  readonly stream: LogStream;
  /** False: a piece of a line that was too long for one entry. */
  readonly isWhole: boolean;
  readonly text: string;
};

/** kubelet's containerLogMaxSize is 10 MiB; the lab keeps its files in memory. */
const FILE_BYTES_MAX = 4 << 20;
/** The runtime's limit for one entry. */
const ENTRY_LENGTH_MAX = 16_384;

export class ContainerLog {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #bytesMax: number;
  readonly #listeners = new Set<(entry: LogEntry) => void>();
  #file: number | undefined;
  #bytes = 0;
  #openStreams = 0;
  readonly #ended = Promise.withResolvers<void>();

  constructor(path: string, options: { readonly clock: Clock; readonly bytesMax?: number }) {
    this.#path = path;
    this.#clock = options.clock;
    this.#bytesMax = options.bytesMax ?? FILE_BYTES_MAX;
    mkdirSync(dirname(path), { recursive: true });
    this.#file = openSync(path, 'w');
  }

  /** The files that a log at this path may consist of. */
  static filesAt(path: string): readonly string[] {
    return [rotated(path), path];
  }

  /** Resolves when the container has ended and its last words are in. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Takes down all that a stream says, until it ends. */
  follow(stream: LogStream, from: Readable): void {
    this.#openStreams += 1;
    const lines = new LineCutter((text, isWhole) => this.#append(stream, text, isWhole));
    from.setEncoding('utf8');
    from.on('data', (text: string) => lines.add(text));
    from.on('error', () => undefined); // it ends with its process, whose status tells
    from.on('close', () => {
      lines.end();
      this.#openStreams -= 1;
      if (this.#openStreams === 0) this.close();
    });
  }

  /** Entries so far, the oldest ones perhaps gone. */
  entries(): LogEntry[] {
    return ContainerLog.filesAt(this.#path)
      .filter((path) => existsSync(path))
      .flatMap((path) => readFileSync(path, 'utf8').split('\n'))
      .flatMap((line) => parseLogLine(line) ?? []);
  }

  /** @returns how to stop listening */
  onEntry(listener: (entry: LogEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** The last lines, for a message about a failure. */
  tail(lines: number, lengthMax: number): string {
    const texts = this.entries().slice(-lines);
    return texts
      .map(({ text, isWhole }) => (isWhole ? `${text}\n` : text))
      .join('')
      .slice(-lengthMax);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    this.#ended.resolve();
  }

  #append(stream: LogStream, text: string, isWhole: boolean): void {
    if (this.#file === undefined) return;
    const time = new Date(this.#clock.nowMs()).toISOString().replace('Z', '000000Z');
    const entry: LogEntry = { time, stream, isWhole, text };
    const line = renderLogLine(entry);
    this.#bytes += Buffer.byteLength(line);
    if (this.#bytes > this.#bytesMax) this.#rotate();
    writeSync(this.#file, line);
    for (const listener of this.#listeners) listener(entry);
  }

  #rotate(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    renameSync(this.#path, rotated(this.#path));
    this.#file = openSync(this.#path, 'w');
    this.#bytes = 0;
  }
}

const rotated = (path: string): string => `${path}.1`;

export const renderLogLine = ({ time, stream, isWhole, text }: LogEntry): string =>
  `${time} ${stream} ${isWhole ? 'F' : 'P'} ${text}\n`;

/** Undefined for what is no entry. */
export function parseLogLine(line: string): LogEntry | undefined {
  const match = /^(\S+) (stdout|stderr) ([FP]) ([^]*)$/.exec(line);
  if (!match) return undefined;
  const [, time = '', stream, tag, text = ''] = match;
  return { time, stream: stream === 'stderr' ? 'stderr' : 'stdout', isWhole: tag === 'F', text };
}

/** Cuts text into lines, and lines that are too long into pieces. */
export class LineCutter {
  readonly #onLine: (text: string, isWhole: boolean) => void;
  #rest = '';

  constructor(onLine: (text: string, isWhole: boolean) => void) {
    this.#onLine = onLine;
  }

  add(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#onLine(this.#piecewise(line), true);
    this.#rest = this.#piecewise(this.#rest);
  }

  /** What came without a newline at the very end. */
  end(): void {
    if (this.#rest !== '') this.#onLine(this.#rest, false);
    this.#rest = '';
  }

  /** Gives away what is too much. @returns the rest of the line */
  #piecewise(line: string): string {
    let rest = line;
    while (rest.length > ENTRY_LENGTH_MAX) {
      this.#onLine(rest.slice(0, ENTRY_LENGTH_MAX), false);
      rest = rest.slice(ENTRY_LENGTH_MAX);
    }
    return rest;
  }
}
