// Writes a Pod's status whenever it has changed: at most one write at a time, the newest state
// wins, and what cannot be written now is written later.
import type { Clock } from '#base/clock.ts';
import { coalesce } from '#base/coalesce.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { KubeClient } from '#kube/client.ts';
import type { KubeObject } from '#kube/objects.ts';
import { POD } from '#kube/resources.ts';
import { isConflict, isNotFound, KubeStatusError } from '#kube/status.ts';
import type { PodView } from './pod/spec.ts';

const RETRY_MS = 500;

export type StatusWriterOptions = {
  readonly client: Pick<KubeClient, 'patch'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pod: Pick<PodView, 'namespace' | 'name' | 'uid'>;
  readonly status: () => Readonly<Record<string, unknown>>;
  /** The Pod as the API has it after a write. */
  readonly onWritten: (object: KubeObject) => void;
};

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #stop = new AbortController();
  readonly #kick = coalesce(() => {
    this.#running ??= this.#run();
  });
  #running: Promise<void> | undefined;
  #lastWritten = '';

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** The status may have changed. */
  mark(): void {
    if (!this.#stop.signal.aborted) this.#kick();
  }

  /** Writes what there is to write, once, and then no more. */
  async close(): Promise<void> {
    await this.abandon();
    await this.#write();
  }

  /** Writes no more. */
  async abandon(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Writes until nothing has changed meanwhile. */
  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let isDone = false;
    while (!isDone && !signal.aborted) {
      isDone = await this.#write();
      if (!isDone) await this.#options.clock.sleep(RETRY_MS, signal).catch(() => undefined);
    }
    this.#running = undefined;
  }

  /** @returns whether the API has the present status, or never will */
  async #write(): Promise<boolean> {
    const { client, pod, status, onWritten, log } = this.#options;
    for (;;) {
      const wanted = status();
      const text = JSON.stringify(wanted);
      if (text === this.#lastWritten) return true;
      const patch = { metadata: { uid: pod.uid }, status: wanted };
      const { namespace, name } = pod;
      try {
        const options = { kind: 'strategic', subresource: 'status' } as const;
        onWritten(await client.patch(POD, { namespace, name }, patch, options));
        this.#lastWritten = text;
      } catch (error) {
        if (isNotFound(error) || isConflict(error)) return true; // deleted, perhaps made anew
        if (!(error instanceof KubeStatusError) && !(error instanceof OperatorError)) throw error;
        log.warn('the status of a Pod cannot be written', { pod: name, why: error.message });
        return false;
      }
    }
  }
}
