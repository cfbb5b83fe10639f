// What the library's inventory says of each book, as it says it: `kubectl logs -f`.
import { systemClock, withDeadline } from '#base/clock.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { LabProcess } from '../process.ts';
import type { Kubectl } from './kubectl.ts';

const POLL_MS = 50;
const INSERTED = '✅ inserted ';
const FAILED = '❌ ';
const LOGS = ['logs', '-n', 'library', 'deploy/inventory', '-f'];
export const LOGS_COMMAND = `kubectl ${LOGS.join(' ')}`;

/** Titles that these lines call committed. */
export function insertedTitles(lines: readonly string[]): readonly string[] {
  return lines
    .filter((line) => line.startsWith(INSERTED))
    .map((line) => line.slice(INSERTED.length));
}

/** What failed after the first line of this kind; nothing while there is none. */
export function failuresAfter(first: RegExp, lines: readonly string[]): readonly string[] {
  const from = lines.findIndex((line) => first.test(line));
  return from < 0 ? [] : lines.slice(from).filter((line) => line.startsWith(FAILED));
}

type Wanted = {
  readonly what: string;
  readonly matches: RegExp;
  readonly count: number;
  readonly limitMs: number;
  readonly onLine: (line: string) => void;
};

export class InventoryLog implements AsyncDisposable {
  readonly #lines: string[] = [];
  readonly #follower: LabProcess;
  #onLine: ((line: string) => void) | undefined;

  /** Follows it from its beginning. */
  constructor(kubectl: Pick<Kubectl, 'follow'>) {
    this.#follower = kubectl.follow('logs', LOGS, (line) => {
      this.#lines.push(line);
      this.#onLine?.(line);
    });
  }

  /** Titles that it said were committed. */
  get inserted(): readonly string[] {
    return insertedTitles(this.#lines);
  }

  failuresAfter(first: RegExp): readonly string[] {
    return failuresAfter(first, this.#lines);
  }

  /**
   * Waits for so many lines from now on that match, and shows them meanwhile.
   *
   * @throws OperatorError LAB_FAILED with the last line when they do not come
   */
  async wait({ what, matches, count, limitMs, onLine }: Wanted): Promise<readonly string[]> {
    const from = this.#lines.length;
    const found = (): readonly string[] =>
      this.#lines.slice(from).filter((line) => matches.test(line));
    this.#onLine = (line) => matches.test(line) && found().length <= count && onLine(line);
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
      this.#onLine = undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#follower.isRunning) await this.#follower.stop();
  }
}
