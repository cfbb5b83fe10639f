// A program that the lab started: its output kept by lines and in a log file, its end awaited, and
// itself ended with its scope.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Clock, systemClock, withDeadline } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';

/** Lines kept in memory for a process; more than any of the lab's programs prints in a run. */
const LINES_KEPT_MAX = 50_000;
const TAIL_LINES = 8;
/** From the polite SIGTERM to SIGKILL. */
const STOP_LIMIT_MS = 3_000;
/** How long after its end a process's output is still waited for. */
const LAST_WORDS_MS = 200;

export type ProcessEnd = { readonly status: number | null; readonly signal: string | null };

export type ProcessOptions = {
  /** What it is called in messages and as a log file. */
  readonly name: string;
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Folder for `<name>.log`, standard output and standard error together. */
  readonly logsDir: string;
  readonly onLine?: (line: string) => void;
};

export class LabProcess implements AsyncDisposable {
  readonly name: string;
  /** How it ended; never rejects. */
  readonly exited: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  readonly #log: WriteStream;
  readonly #lines: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();
  #end: ProcessEnd | undefined;

  constructor(options: ProcessOptions) {
    const [program = '', ...args] = options.command;
    this.name = options.name;
    this.#log = createWriteStream(`${options.logsDir}/${options.name}.log`, { flags: 'a' });
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: options.env });
    this.#child.stdin?.on('error', () => undefined); // EPIPE: it ended; `exited` tells
    if (options.onLine) this.#listeners.add(options.onLine);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => this.#take(line));
    }
    this.exited = this.#awaitEnd();
  }

  /**
   * Starts a program and returns when it has printed the line that says it is ready.
   *
   * @throws OperatorError LAB_FAILED when it does not, and then it has been ended
   */
  static async launch(
    options: ProcessOptions,
    ready: { readonly line: RegExp; readonly limitMs: number },
  ): Promise<LabProcess> {
    const launched = new LabProcess(options);
    try {
      await launched.waitForLine(ready.line, { what: 'start', limitMs: ready.limitMs });
      return launched;
    } catch (error) {
      await launched.kill();
      throw error;
    }
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${this.name} did not start`);
    return pid;
  }

  get isRunning(): boolean {
    return this.#end === undefined;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** The last lines it printed, for a sentence about its failure. */
  get tail(): string {
    return this.#lines.slice(-TAIL_LINES).join('\n');
  }

  /** Writes one line to its standard input. */
  writeLine(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** SIGTERM, then SIGKILL when it takes its time; returns when it has ended. */
  async stop(clock: Clock = systemClock): Promise<ProcessEnd> {
    const patience = new AbortController();
    this.#child.kill('SIGTERM');
    const insist = clock.sleep(STOP_LIMIT_MS, patience.signal).then(
      () => void this.#child.kill('SIGKILL'),
      () => undefined, // it ended in time
    );
    const end = await this.exited;
    patience.abort();
    await insist;
    return end;
  }

  /** SIGKILL: no chance to tidy up. */
  async kill(): Promise<ProcessEnd> {
    this.#child.kill('SIGKILL');
    return await this.exited;
  }

  /**
   * Waits for a line, among those already printed too.
   *
   * @throws OperatorError LAB_FAILED when the process ends or the limit passes without it
   */
  async waitForLine(
    matches: RegExp | ((line: string) => boolean),
    options: { readonly what: string; readonly limitMs: number; readonly from?: number },
  ): Promise<string> {
    const isMatch = matches instanceof RegExp ? (line: string) => matches.test(line) : matches;
    const found = this.#lines.slice(options.from ?? 0).find(isMatch);
    if (found !== undefined) return found;
    const { promise, resolve } = Promise.withResolvers<string>();
    const listener = (line: string): void => {
      if (isMatch(line)) resolve(line);
    };
    this.#listeners.add(listener);
    try {
      return await withDeadline({ what: options.what, limitMs: options.limitMs }, (signal) =>
        Promise.race([promise, this.#failure(options.what), rejection(signal)]),
      );
    } catch (error) {
      if (error instanceof OperatorError) throw error;
      throw this.#failed(options.what, `not within ${options.limitMs} ms`, error);
    } finally {
      this.#listeners.delete(listener);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) await this.stop();
  }

  async #failure(what: string): Promise<never> {
    const { status, signal } = await this.exited;
    throw this.#failed(what, `it ended with ${signal ?? `status ${status}`}`);
  }

  #failed(what: string, how: string, cause?: unknown): OperatorError {
    const tail = this.tail ? `; it last said:\n${this.tail}` : '';
    return new OperatorError('LAB_FAILED', `${this.name}: ${what}: ${how}${tail}`, {
      remedy: `read the whole log ${String(this.#log.path)}`,
      cause,
    });
  }

  #take(line: string): void {
    this.#log.write(`${line}\n`);
    this.#lines.push(line);
    if (this.#lines.length > LINES_KEPT_MAX) this.#lines.shift();
    for (const listener of this.#listeners) listener(line);
  }

  /**
   * `exit` and then, for its last words, `close`; but that only for a moment, because an Envoy that
   * outlives its agent keeps the agent's output open.
   */
  async #awaitEnd(): Promise<ProcessEnd> {
    const closed = once(this.#child, 'close').catch(() => undefined);
    try {
      this.#end = await exitOf(this.#child);
    } catch (error) {
      this.#take(`cannot run: ${error instanceof Error ? error.message : String(error)}`);
      this.#end = { status: 127, signal: null };
    }
    const grace = new AbortController();
    const limit = systemClock.sleep(LAST_WORDS_MS, grace.signal).catch(() => undefined);
    await Promise.race([closed, limit]);
    grace.abort();
    for (const stream of this.#child.stdio) stream?.destroy();
    return this.#end;
  }
}

function rejection(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}

/** How a child process ended; rejects when it could not be started. */
export function exitOf(child: ChildProcess): Promise<ProcessEnd> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status, signal) => resolve({ status, signal }));
  });
}
