// The node's Pods: what the API says of them goes to their workers, and a worker lives from its
// Pod's first sight to its end.
import { aborted } from '#base/tasks.ts';
import type { ChangeType } from '#kube/client.ts';
import type { KubeObject } from '#kube/objects.ts';
import type { ReflectorStore } from '#kube/reflector.ts';
import type { NodeParts } from './parts.ts';
import { readPod } from './pod/read.ts';
import type { PodView } from './pod/spec.ts';
import { PodWorker } from './pod-worker.ts';

export class PodTable implements ReflectorStore {
  readonly #node: NodeParts;
  /** By uid. */
  readonly #workers = new Map<string, PodWorker>();
  readonly #running = new Set<Promise<void>>();
  readonly #failed = Promise.withResolvers<never>();

  constructor(node: NodeParts) {
    this.#node = node;
    this.#failed.promise.catch(() => undefined); // `run` tells
  }

  replace(items: readonly KubeObject[]): void {
    const present = new Set(items.map(({ metadata }) => metadata.uid));
    for (const [uid, worker] of this.#workers) if (!present.has(uid)) worker.gone();
    for (const item of items) this.apply('ADDED', item);
  }

  apply(type: ChangeType, object: KubeObject): void {
    const pod = readPod(object);
    const worker = this.#workers.get(pod.uid);
    if (type === 'DELETED') worker?.gone();
    else if (worker) worker.update(pod);
    else if (pod.deletion || !isOver(pod)) this.#start(pod);
  }

  /** The Pod of this name that lives, or the one that was seen last. */
  find(namespace: string, name: string): PodWorker | undefined {
    return [...this.#workers.values()]
      .toReversed()
      .find(({ pod }) => pod.namespace === namespace && pod.name === name);
  }

  /** Until aborted, which ends every Pod's processes; rejects when a worker fails, a bug. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await Promise.race([aborted(signal), this.#failed.promise]);
    } finally {
      for (const worker of this.#workers.values()) worker.shutDown();
      await Promise.all(this.#running);
    }
  }

  #start(pod: PodView): void {
    const worker = new PodWorker(pod, this.#node);
    this.#workers.set(pod.uid, worker);
    const running = worker
      .run()
      .catch((error: unknown) => this.#failed.reject(error))
      .finally(() => {
        this.#workers.delete(pod.uid);
        this.#running.delete(running);
      });
    this.#running.add(running);
  }
}

const isOver = ({ recorded }: PodView): boolean =>
  recorded.phase === 'Succeeded' || recorded.phase === 'Failed';
