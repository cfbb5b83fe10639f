// The controllers that a Kubernetes API server needs beside it: what kube-controller-manager and
// kube-scheduler do, as far as the mesh's own cluster needs it. A client of the API like any other;
// a cluster that has its own is left alone.
import { runTasks } from '#base/tasks.ts';
import { createReflector } from '#kube/reflector.ts';
import { resourceName, type ResourceType } from '#kube/resources.ts';
import { createWorker, type Controller, type ControllerDependencies } from './controller.ts';
import { DEPLOYMENT_CONTROLLER } from './deployment/controller.ts';
import {
  ENDPOINT_SLICE_CONTROLLER,
  ENDPOINTS_CONTROLLER,
  ENDPOINTS_MIRROR,
} from './endpoints/controller.ts';
import { EVENT_EXPIRY } from './event-expiry.ts';
import { Caches } from './reader.ts';
import { REPLICA_SET_CONTROLLER } from './replicaset/controller.ts';
import { SCHEDULER } from './scheduler/controller.ts';

const CONTROLLERS: readonly Controller[] = [
  ENDPOINT_SLICE_CONTROLLER,
  ENDPOINTS_CONTROLLER,
  ENDPOINTS_MIRROR,
  DEPLOYMENT_CONTROLLER,
  REPLICA_SET_CONTROLLER,
  SCHEDULER,
  EVENT_EXPIRY,
];

/**
 * Runs all controllers until aborted. Only one process may do so at a time for one API server; the
 * server that embeds them sees to that.
 */
export async function runControllers(
  dependencies: ControllerDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { client, clock, random, log } = dependencies;
  const types = kindsOf(CONTROLLERS);
  const caches = new Caches(types);
  const reflectors = types.map((type) =>
    createReflector({ client, type, clock, random, log, store: caches.of(type) }),
  );
  const workers = CONTROLLERS.map((controller) => createWorker(controller, caches, dependencies));
  const synced = Promise.all(reflectors.map((reflector) => reflector.synced));
  await runTasks(signal, [
    ...reflectors.map((reflector) => (group: AbortSignal) => reflector.run(group)),
    async (group) => {
      await orAborted(synced, group);
      log.info('controllers at work', { controllers: workers.length });
      await runTasks(
        group,
        workers.map((worker) => (inner: AbortSignal) => worker.run(inner)),
      );
    },
  ]);
}

function kindsOf(controllers: readonly Controller[]): readonly ResourceType[] {
  const all = controllers.flatMap(({ triggers, reads = [] }) => [
    ...triggers.map(({ type }) => type),
    ...reads,
  ]);
  return [...new Map(all.map((type) => [resourceName(type), type])).values()];
}

/** @throws the signal's reason when that comes first */
async function orAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const ended = Promise.withResolvers<never>();
  const end = (): void => ended.reject(signal.reason);
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  try {
    await Promise.race([work, ended.promise]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}
