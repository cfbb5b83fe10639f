// Programs of this repository as processes that a benchmark starts, measures and ends.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const LAUNCHER = fileURLToPath(new URL('../../bin/isthmus.js', import.meta.url));
/** As the launcher itself would start it: then the child is the program that is measured. */
const nodeFlags = (command: string | undefined): string[] => [
  `--max-semi-space-size=${command === 'isthmusd' ? 4 : 1}`,
  '--disable-warning=ExperimentalWarning',
];

/** Milliseconds on CLOCK_MONOTONIC, comparable between processes of one machine. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

export class MeasuredProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #killWithUs = (): void => void this.#child.kill('SIGKILL');
  /** What follows `ready ` in the line it prints when it serves. */
  readonly readyText: string;

  private constructor(child: ChildProcess, readyText: string) {
    this.#child = child;
    this.readyText = readyText;
    process.once('exit', this.#killWithUs);
  }

  /** @throws with what it printed, when it ends before it says that it is ready */
  static async start(args: readonly string[]): Promise<MeasuredProcess> {
    const child = spawn(process.execPath, [...nodeFlags(args[0]), LAUNCHER, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-4000);
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error(`isthmus ${args[0]} ended:\n${errors}`);
    });
    const readyText = await Promise.race([readyLine(createInterface(child.stdout)), ended]);
    ended.catch(() => undefined); // from now on its end is ours
    return new MeasuredProcess(child, readyText);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** CPU time of all its threads so far, in milliseconds, to the nanosecond the kernel counts. */
  cpuMs(): number {
    const folder = `/proc/${this.pid}/task`;
    const times = readdirSync(folder).map((task) => {
      try {
        return Number(readFileSync(`${folder}/${task}/schedstat`, 'utf8').split(' ')[0]);
      } catch {
        return 0; // the thread has just ended
      }
    });
    return times.reduce((sum, ns) => sum + ns, 0) / 1e6;
  }

  rssBytes(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#killWithUs);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

async function readyLine(lines: AsyncIterable<string>): Promise<string> {
  for await (const line of lines) if (line.startsWith('ready ')) return line.slice(6);
  return new Promise<never>(() => undefined); // it is ending, and will be said to have ended
}
