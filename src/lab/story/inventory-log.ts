// What the library's inventory says of each book, as it says it: `kubectl logs -f`, or, from an API
// server that serves no logs, the file that the node keeps.
import { systemClock, withDeadline } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import { aborted } from '#base/tasks.ts';
import type { Kubectl } from './kubectl.ts';
import type { LibraryWorld } from './library-world.ts';
import { followLog } from './log-follower.ts';

const POLL_MS = 50;
const INSERTED = '✅ inserted ';
const FAILED = '❌ ';
const INVENTORY = { namespace: 'library', deployment: 'inventory', container: 'inventory' };
const LOGS = ['logs', '-n', 'library', 'deploy/inventory'];
export const LOGS_COMMAND = `kubectl ${LOGS.join(' ')} -f`;

export class InventoryLog implements AsyncDisposable {
  readonly #lines: string[] = [];
  readonly #stop = new AbortController();
  readonly #following: Promise<void>;
  /** Does it come by way of the Kubernetes API? */
  readonly isFromApi: boolean;
  #onLine: ((line: string) => void) | undefined;

  private constructor(world: LibraryWorld, isFromApi: boolean) {
    this.isFromApi = isFromApi;
    const { signal } = this.#stop;
    const onLine = (line: string): void => this.#take(line);
    const source = { logsDir: world.cloud.logsDir, ...INVENTORY };
    this.#following = isFromApi
      ? followWithKubectl(world.kubectl, onLine, signal)
      : followLog(source, onLine, signal);
  }

  static async open(world: LibraryWorld): Promise<InventoryLog> {
    const { status } = await world.kubectl.run([...LOGS, '--tail=1']);
    return new InventoryLog(world, status === 0);
  }

  /** Titles that it said were committed. */
  get inserted(): readonly string[] {
    return this.#lines
      .filter((line) => line.startsWith(INSERTED))
      .map((line) => line.slice(INSERTED.length));
  }

  /** What failed after the first line of this kind. */
  failuresAfter(first: RegExp): readonly string[] {
    const from = this.#lines.findIndex((line) => first.test(line));
    return from < 0 ? [] : this.#lines.slice(from).filter((line) => line.startsWith(FAILED));
  }

  /** Passes every further line on; undefined: none. */
  showTo(onLine: ((line: string) => void) | undefined): void {
    this.#onLine = onLine;
  }

  /** The same for what has not been printed yet by now: a log just opened begins with the past. */
  showNewTo(onLine: (line: string) => void, known: number): void {
    let seen = 0;
    for (const line of this.#lines) if (line.startsWith(INSERTED)) seen += 1;
    this.showTo((line) => {
      if (line.startsWith(INSERTED)) seen += 1;
      if (seen > known) onLine(line);
    });
  }

  /**
   * Waits for so many lines from now on that match, and shows them meanwhile.
   *
   * @throws OperatorError LAB_FAILED with the last line when they do not come
   */
  async wait(options: {
    readonly what: string;
    readonly matches: RegExp;
    readonly count: number;
    readonly limitMs: number;
    readonly onLine: (line: string) => void;
  }): Promise<readonly string[]> {
    const { what, matches, count, limitMs, onLine } = options;
    const from = this.#lines.length;
    const found = (): readonly string[] =>
      this.#lines.slice(from).filter((line) => matches.test(line));
    this.showTo((line) => matches.test(line) && found().length <= count && onLine(line));
    try {
      await withDeadline({ what, limitMs }, async (signal) => {
        while (found().length < count) await systemClock.sleep(POLL_MS, signal);
      });
      return found().slice(0, count);
    } catch (cause) {
      const last = this.#lines.at(-1) ?? 'nothing';
      throw new OperatorError('LAB_FAILED', `${what}: the inventory last said: ${last}`, {
        remedy: "read the Pods' and the VM's logs: they are in the lab's logs",
        cause,
      });
    } finally {
      this.showTo(undefined);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  #take(line: string): void {
    this.#lines.push(line);
    this.#onLine?.(line);
  }
}

async function followWithKubectl(
  kubectl: Kubectl,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const following = kubectl.follow('logs', [...LOGS, '-f'], onLine);
  await Promise.race([aborted(signal), following.exited]);
  if (following.isRunning) await following.stop();
}
