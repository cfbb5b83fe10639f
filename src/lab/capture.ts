// A capture point in the world between the regions: tcpdump on the router's own link.
import { readFileSync } from 'node:fs';
import { OperatorError } from '#base/operator-error.ts';
import { parsePcap, type Segment } from './pcap.ts';
import { LabProcess } from './process.ts';
import { LAB_ROOT } from './sandbox.ts';
import { WORLD } from './topology.ts';

const START_LIMIT_MS = 5_000;
/** The kernel's buffer in KiB; a busy test machine must not lose a packet. */
const BUFFER_KIB = 16_384;

export type CaptureResult = {
  readonly segments: readonly Segment[];
  /** Packets that the kernel dropped: more than 0, and the capture proves nothing. */
  readonly droppedPackets: number;
};

export class Capture implements AsyncDisposable {
  readonly #process: LabProcess;
  readonly #file: string;

  private constructor(process: LabProcess, file: string) {
    this.#process = process;
    this.#file = file;
  }

  /** Starts to write down all that passes a region's link; returns when it does. */
  static async start(options: {
    readonly region: string;
    readonly name: string;
    readonly logsDir: string;
    readonly env: NodeJS.ProcessEnv;
  }): Promise<Capture> {
    const file = `${LAB_ROOT}/${options.name}.pcap`;
    // -Z root: the sandbox has no other user to change to. -U: each packet is written at once.
    const flags = ['-i', options.region, '-w', file, '-U', '-n', '-s', '0', '-Z', 'root'];
    const enter = ['nsenter', `--net=/run/netns/${WORLD}`];
    const process = new LabProcess({
      name: `capture-${options.name}`,
      command: [...enter, 'tcpdump', ...flags, '--immediate-mode', '-B', String(BUFFER_KIB)],
      env: options.env,
      logsDir: options.logsDir,
    });
    await process.waitForLine(/listening on/, { what: 'start', limitMs: START_LIMIT_MS });
    return new Capture(process, file);
  }

  /** Ends the capture and reads it. */
  async finish(): Promise<CaptureResult> {
    this.#process.signal('SIGINT'); // tcpdump then prints its counts
    await this.#process.exited;
    const counts = this.#process.lines.find((line) => line.includes('dropped by kernel'));
    const dropped = /^(\d+) packets? dropped/.exec(counts ?? '')?.[1];
    if (dropped === undefined) {
      throw new OperatorError('LAB_FAILED', `tcpdump did not end well: ${this.#process.tail}`, {
        remedy: 'run the demo again; if it stays, look whether tcpdump works on this machine',
      });
    }
    return { segments: parsePcap(readFileSync(this.#file)), droppedPackets: Number(dropped) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
