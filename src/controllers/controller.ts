// What a controller is, and the loop that runs one.
//
// A controller is level-triggered: a change only says which key to look at; what to do follows from
// the facts as they are. A plan is made from the caches first, which costs the server nothing. Only
// when it would act is it made again from the server's own answers: caches may lag behind the
// controller's own writes, and what they still miss must not be created twice.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { WorkQueue } from '#base/work-queue.ts';
import type { KubeClient } from '#kube/client.ts';
import { createEventRecorder } from '#kube/event-recorder.ts';
import { objectKey } from '#kube/objects.ts';
import type { ResourceType } from '#kube/resources.ts';
import type { ObjectChange } from './object-cache.ts';
import { serverReader, type Caches, type Reader } from './reader.ts';
import { applyWrites, isNamespaceEnding, isOutdated, type Write } from './write.ts';

export type Plan = {
  /** In order; the first that is refused ends the attempt. */
  readonly writes: readonly Write[];
  /** Time alone will change the facts: look again after so many milliseconds. */
  readonly againMs?: number | undefined;
};

export const NOTHING_TO_DO: Plan = { writes: [] };

export type PlanContext = {
  readonly nowMs: number;
  /** 0 (inclusive) to 1 (exclusive): makes names. */
  readonly random: () => number;
};

export type Trigger = {
  readonly type: ResourceType;
  /** Which keys a change of such an object concerns. */
  readonly keysOf: (change: ObjectChange, caches: Caches) => Iterable<string>;
};

/** The object that changed is the one to look at. */
export function ownKey({ before, after }: ObjectChange): readonly string[] {
  const object = after ?? before;
  return object ? [objectKey(object.metadata)] : [];
}

export type Controller = {
  /** As it signs its Events: `deployment-controller`. */
  readonly name: string;
  readonly triggers: readonly Trigger[];
  /** Kinds that it reads, besides those of its triggers. */
  readonly reads?: readonly ResourceType[];
  readonly plan: (key: string, reader: Reader, context: PlanContext) => Promise<Plan>;
};

export type ControllerDependencies = {
  readonly client: Pick<
    KubeClient,
    'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'bind' | 'remove'
  >;
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  readonly log: Logger;
};

/** What is refused is often so for want of a webhook that is just starting: people wait for it. */
const BACKOFF_MS_MAX = 10_000;
/** When somebody else was faster: soon, but not before their change has arrived here. */
const OUTDATED_RETRY_MS = 50;

/**
 * A controller over these caches. Its keys gather as soon as it is made; `run` works on them, and
 * is called once, when the caches are complete.
 */
export function createWorker(
  controller: Controller,
  caches: Caches,
  dependencies: ControllerDependencies,
): { run(signal: AbortSignal): Promise<void> } {
  const { client, clock, random } = dependencies;
  const log = dependencies.log.with({ controller: controller.name });
  const queue = new WorkQueue({ clock, random, log, backoffMsMax: BACKOFF_MS_MAX });
  for (const { type, keysOf } of controller.triggers) {
    caches.of(type).onChange((change) => {
      for (const key of keysOf(change, caches)) queue.add(key);
    });
  }
  const recorder = createEventRecorder({ client, component: controller.name, clock, random, log });
  const reconcile = async (key: string, signal: AbortSignal): Promise<number | undefined> => {
    const planFrom = (reader: Reader): Promise<Plan> =>
      controller.plan(key, reader, { nowMs: clock.nowMs(), random });
    let plan = await planFrom(caches);
    if (plan.writes.some(isAction)) plan = await planFrom(serverReader(client, signal));
    try {
      await applyWrites(plan.writes, { client, recorder }, signal);
    } catch (error) {
      if (isOutdated(error)) return OUTDATED_RETRY_MS;
      if (isNamespaceEnding(error)) return undefined;
      throw error;
    }
    return plan.againMs;
  };
  return { run: (signal) => queue.run((key) => reconcile(key, signal), signal) };
}

/** A status only repeats what was seen, and a later look corrects it; all else must be right. */
function isAction({ verb }: Write): boolean {
  return verb !== 'status' && verb !== 'report';
}
