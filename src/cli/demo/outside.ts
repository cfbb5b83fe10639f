// The demo outside of its sandbox: which acts are played, what is reported of them, how it ends.
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { usageError } from '#base/flags.ts';
import { OperatorError } from '#base/operator-error.ts';
import { ENDED_FROM_OUTSIDE } from '#lab/sandbox.ts';
import type { Check } from '#lab/story/checks.ts';
import { renderReport } from '#lab/story/report.ts';
import type { Act } from './acts.ts';
import { Belongings } from './belongings.ts';
import { DEMO_USAGE, type DemoOptions } from './options.ts';
import type { Failure } from './play.ts';
import { chooseProgramme, type Item, type Programme } from './programme.ts';
import { Stage } from './stage.ts';
import { createPaint } from './view.ts';

/** A shell's status for SIGINT. */
const INTERRUPTED = 130;
const FAREWELL = '\nIt has ended, and left nothing behind.\n';

type Surroundings = { readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal };

/**
 * @returns 0 when everything was seen, also when it was interrupted after that; else 130 for that
 * @throws OperatorError USAGE, TOOL_MISSING, FILE_UNREADABLE, LAB_FAILED
 */
export async function runOutside(
  options: DemoOptions,
  surroundings: Surroundings,
): Promise<number> {
  using audience = new Audience();
  const { env } = surroundings;
  const signal = AbortSignal.any([surroundings.signal, audience.gone]);
  if (options.isStepwise && !process.stdin.isTTY) {
    throw usageError('--step waits for Enter, and standard input is no terminal', DEMO_USAGE);
  }
  const programme = await chooseProgramme(options, env);
  // Before anything is started: a report that cannot be written is no report.
  using report = new ReportFile(options.reportPath);
  const belongings = new Belongings(options.logsPath);
  const run = new Run({ options, programme, belongings, report, env, signal });
  try {
    return await run.toItsEnd();
  } finally {
    const areLogsWanted = !run.isSeen && !run.wasEnded && !signal.aborted;
    const logs = belongings.remove({ areLogsWanted });
    if (logs !== undefined) process.stderr.write(`the programs' logs are in ${logs}\n`);
    if (signal.aborted) process.stdout.write(FAREWELL);
  }
}

type RunParts = Surroundings & {
  readonly options: DemoOptions;
  readonly programme: Programme;
  readonly belongings: Belongings;
  readonly report: ReportFile;
};

class Run {
  readonly #parts: RunParts;
  readonly #stage: Stage;
  readonly #judged = new Map<Act, readonly Check[]>();
  #failure: Failure | undefined;

  constructor(parts: RunParts) {
    const { env, options } = parts;
    const { isTTY, columns } = process.stdout;
    this.#parts = parts;
    this.#stage = new Stage({
      look: { paint: createPaint(isTTY, env), columns: isTTY ? columns : undefined },
      isTerminal: isTTY,
      write: (text) => void process.stdout.write(text),
      keys: options.isStepwise ? process.stdin : undefined,
    });
  }

  /** Was everything seen that was to be seen? */
  get isSeen(): boolean {
    const areAllJudged = this.#items.every(({ act }) => this.#judged.has(act));
    return areAllJudged && this.#failure === undefined && this.#checks.every(({ ok }) => ok);
  }

  /** Has somebody ended the lab, by a kill or with whoever started us? */
  get wasEnded(): boolean {
    return this.#failure?.exitStatus === ENDED_FROM_OUTSIDE;
  }

  async toItsEnd(): Promise<number> {
    const { signal } = this.#parts;
    try {
      for (const text of this.#parts.programme.preface) this.#stage.show({ kind: 'step', text });
      for (const item of this.#items) {
        if (item.title) this.#stage.show({ kind: 'chapter', title: item.title });
        this.#failure = await this.#play(item);
        if (this.#failure || signal.aborted) break;
      }
    } finally {
      this.#stage.close();
    }
    if (signal.aborted) return this.isSeen ? 0 : INTERRUPTED;
    if (!this.#failure) return this.isSeen ? 0 : 1;
    this.#report();
    process.stderr.write(`${this.#failure.text}\n`);
    return this.#failure.exitStatus;
  }

  get #items(): readonly Item[] {
    return this.#parts.programme.items;
  }

  get #checks(): readonly Check[] {
    return [...this.#judged.values()].flat();
  }

  async #play({ act, play }: Item): Promise<Failure | undefined> {
    const { env, signal, belongings, options } = this.#parts;
    return await play({
      stage: this.#stage,
      belongings,
      isStepwise: options.isStepwise,
      env,
      signal,
      onJudged: (checks) => this.#take(act, checks),
    });
  }

  #take(act: Act, checks: readonly Check[]): void {
    this.#judged.set(act, checks);
    this.#stage.showChecks(checks);
    if (act !== this.#items.at(-1)?.act) return;
    this.#stage.showVerdict(this.#checks);
    this.#report();
  }

  #report(): void {
    const { startedAtMs, elapsedMs, firstRowMs } = this.#stage;
    const acts = [...this.#judged];
    this.#parts.report.write(
      renderReport({
        ok: this.isSeen,
        startedAt: new Date(startedAtMs).toISOString(),
        durationMs: elapsedMs,
        firstRowMs,
        checks: acts.flatMap(([act, checks]) => checks.map((check) => ({ ...check, act }))),
        ...(this.#failure !== undefined && { failure: this.#failure.text }),
      }),
    );
  }
}

/** Who watches may leave: the terminal is closed, or the program that reads from us ends. */
class Audience implements Disposable {
  readonly #gone = new AbortController();
  readonly #leave = (): void => this.#gone.abort();

  constructor() {
    process.on('SIGHUP', this.#leave);
    process.stdout.on('error', this.#leave);
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  [Symbol.dispose](): void {
    process.off('SIGHUP', this.#leave); // stdout's stays: the last words may find nobody, too
  }
}

/** Opened while the caller may still be told that it cannot be, written when there is something. */
class ReportFile implements Disposable {
  readonly #file: number | undefined;

  constructor(path: string | undefined) {
    this.#file = path === undefined ? undefined : open(path);
  }

  write(text: string): void {
    if (this.#file !== undefined) writeFileSync(this.#file, text);
  }

  [Symbol.dispose](): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }
}

function open(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, 'w', 0o644);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OperatorError('FILE_UNREADABLE', `the report cannot be written: ${reason}`, {
      remedy: 'name a file in a folder that you may write to',
      cause,
    });
  }
}
