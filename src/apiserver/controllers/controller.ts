// A controller: which writes concern it, and what it does about them.
import { WorkQueue } from '#base/work-queue.ts';
import type { Reconcile } from '#base/work-queue.ts';
import type { Backend } from '../registry/scope.ts';
import type { StoreEvent } from '../store/store.ts';

export type Controller = {
  readonly name: string;
  /** Keys to look at when the server starts. */
  readonly initial: (backend: Backend) => Iterable<string>;
  /** Keys to look at after a write. */
  readonly affected: (event: StoreEvent, backend: Backend) => Iterable<string>;
  readonly reconcile: (backend: Backend) => Reconcile;
};

export async function runController(
  controller: Controller,
  backend: Backend,
  signal: AbortSignal,
): Promise<void> {
  const { clock, log, randomBytes, store } = backend;
  const random = () => (randomBytes(1)[0] ?? 0) / 256;
  const queue = new WorkQueue({ clock, random, log: log.with({ controller: controller.name }) });
  const unsubscribe = store.subscribe((event) => {
    for (const key of controller.affected(event, backend)) queue.add(key);
  });
  for (const key of controller.initial(backend)) queue.add(key);
  try {
    await queue.run(controller.reconcile(backend), signal);
  } finally {
    unsubscribe();
  }
}
