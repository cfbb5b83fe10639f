// The capture point between the regions: a hop on the wire that tcpdump listens on.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { OperatorError } from '#base/operator-error.ts';
import { parsePcap, type Segment } from './pcap.ts';
import { LabProcess } from './process.ts';
import { LAB_ROOT } from './sandbox.ts';

const TAP = fileURLToPath(new URL('programs/tap.sh', import.meta.url));
/** Any number but 0 does (see programs/tap.sh); this one is `nobody`. */
const TAP_UID = 65_534;
/** Generous: it only bounds how long a broken tcpdump is waited for. */
const START_LIMIT_MS = 20_000;

export type CaptureResult = {
  readonly segments: readonly Segment[];
  /** Packets that the kernel dropped: more than 0, and the capture proves nothing. */
  readonly droppedPackets: number;
};

/** The hop itself: a network namespace that forwards, and whoever listens in it. */
export class Tap implements AsyncDisposable {
  readonly #process: LabProcess;

  private constructor(process: LabProcess) {
    this.#process = process;
  }

  static async start(options: {
    readonly logsDir: string;
    readonly env: NodeJS.ProcessEnv;
  }): Promise<Tap> {
    const mapping = [`--map-user=${TAP_UID}`, `--map-group=${TAP_UID}`, '--keep-caps'];
    const command = ['unshare', '--user', ...mapping, '--net', 'bash', TAP];
    const ready = { line: /^ready$/, limitMs: START_LIMIT_MS };
    return new Tap(await LabProcess.launch({ name: 'tap', command, ...options }, ready));
  }

  /** Whose network namespace is the hop's. */
  get pid(): number {
    return this.#process.pid;
  }

  /**
   * Starts to write down all that passes a link of the hop; returns when it does. One at a time.
   *
   * @param name of the capture; not used before
   */
  async capture(link: string, name: string): Promise<Capture> {
    const from = this.#process.lines.length;
    const file = `${LAB_ROOT}/${name}.pcap`;
    this.#process.writeLine(`${link} ${file}`);
    const limits = { what: `capture ${name}`, limitMs: START_LIMIT_MS, from };
    const started = await this.#process.waitForLine(/^capture .* is process \d+$/, limits);
    await this.#process.waitForLine(/listening on/, limits);
    const pid = Number(started.split(' ').at(-1));
    return new Capture({ tap: this.#process, pid, file });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.kill();
  }
}

export class Capture {
  readonly #options: { readonly tap: LabProcess; readonly pid: number; readonly file: string };

  constructor(options: { readonly tap: LabProcess; readonly pid: number; readonly file: string }) {
    this.#options = options;
  }

  /** What has been written down so far. */
  peek(): readonly Segment[] {
    return parsePcap(readFileSync(this.#options.file));
  }

  /**
   * Ends the capture and reads it.
   *
   * @throws OperatorError LAB_FAILED when tcpdump does not say how many packets it lost
   */
  async finish(): Promise<CaptureResult> {
    const { tap, pid, file } = this.#options;
    const from = tap.lines.length;
    process.kill(pid, 'SIGTERM');
    const limits = { what: 'end of the capture', limitMs: START_LIMIT_MS, from };
    const line = await tap.waitForLine(/dropped by kernel/, limits);
    const dropped = /^(\d+) packets? dropped/.exec(line)?.[1];
    if (dropped === undefined) {
      throw new OperatorError('LAB_FAILED', `tcpdump did not count what it lost: ${line}`, {
        remedy: 'look whether the tcpdump on the PATH is the usual one',
      });
    }
    return { segments: parsePcap(readFileSync(file)), droppedPackets: Number(dropped) };
  }
}
