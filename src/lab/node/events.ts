// The node's Events: queued, so that nobody waits for them, and written one after the other, so
// that they keep their order.
import { aborted } from '#base/tasks.ts';
import type { EventNote, EventRecorder } from '#kube/event-recorder.ts';
import { POD } from '#kube/resources.ts';
import type { PodView } from './pod/spec.ts';

/** An API server that is away must not fill the memory; the newest Events are the ones to keep. */
const QUEUED_MAX = 500;

type Queued = { readonly pod: PodView; readonly note: EventNote };

export class EventQueue {
  readonly #recorder: EventRecorder;
  readonly #queue: Queued[] = [];
  #wake = Promise.withResolvers<void>();

  constructor(recorder: EventRecorder) {
    this.#recorder = recorder;
  }

  readonly note = (pod: PodView, note: EventNote): void => {
    this.#queue.push({ pod, note });
    if (this.#queue.length > QUEUED_MAX) this.#queue.shift();
    this.#wake.resolve();
  };

  async run(signal: AbortSignal): Promise<void> {
    const stopped = aborted(signal);
    while (!signal.aborted) {
      const next = this.#queue.shift();
      if (next) {
        const { namespace, name, uid } = next.pod;
        const object = { metadata: { namespace, name, uid } };
        await this.#recorder
          .record({ type: POD, object }, next.note, signal)
          .catch((error: unknown) => {
            if (!signal.aborted) throw error;
          });
        continue;
      }
      this.#wake = Promise.withResolvers();
      await Promise.race([this.#wake.promise, stopped]);
    }
  }
}
