// Events: what happened to an object, said where a Kubernetes user looks (`kubectl describe`,
// `kubectl get events`). The same thing said again counts up the first Event, as in client-go.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { KubeClient } from './client.ts';
import type { KubeObject } from './objects.ts';
import { apiVersionOf, EVENT, type ResourceType } from './resources.ts';
import { isNotFound, KubeStatusError } from './status.ts';

export type EventNote = {
  /** Normal: as it should be. Warning: somebody may have to do something. */
  readonly type: 'Normal' | 'Warning';
  /** One word in CamelCase, such as `FailedScheduling`. */
  readonly reason: string;
  /** A sentence for people. */
  readonly message: string;
};

export type EventRecorder = {
  /** Best effort: an Event that cannot be written is logged and never stops what it is about. */
  record(
    about: { readonly type: ResourceType; readonly object: KubeObject },
    note: EventNote,
    signal?: AbortSignal,
  ): Promise<void>;
};

export type EventRecorderOptions = {
  readonly client: Pick<KubeClient, 'create' | 'patch'>;
  /** Who says it: `deployment-controller`. */
  readonly component: string;
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive): makes names. */
  readonly random: () => number;
  readonly log: Logger;
};

/** Limit of the API for an Event's message. */
const MESSAGE_LENGTH_MAX = 1024;
/** Events remembered for counting up; beyond it the one not said for longest is forgotten. */
const REMEMBERED_MAX = 512;

type Remembered = { readonly name: string; readonly namespace: string; count: number };

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, component, clock, random, log } = options;
  const remembered = new Map<string, Remembered>();
  const remember = (key: string, event: Remembered): void => {
    remembered.delete(key); // last in, last out
    remembered.set(key, event);
    const [oldest] = remembered.keys();
    if (remembered.size > REMEMBERED_MAX && oldest !== undefined) remembered.delete(oldest);
  };
  /** @returns false when there is no such Event any more */
  const countUp = async (before: Remembered, signal?: AbortSignal): Promise<boolean> => {
    const patch = { count: before.count + 1, lastTimestamp: timestamp(clock.nowMs()) };
    try {
      await client.patch(EVENT, before, patch, { kind: 'merge', signal });
      before.count += 1;
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  };
  return {
    async record(about, note, signal) {
      const message = note.message.slice(0, MESSAGE_LENGTH_MAX);
      const { uid, name, namespace } = about.object.metadata;
      const key = JSON.stringify([uid ?? [namespace, name], note.type, note.reason, message]);
      const before = remembered.get(key);
      try {
        if (before && (await countUp(before, signal))) return remember(key, before);
        const suffix = Math.floor(random() * 2 ** 48).toString(16);
        const event = buildEvent(about, { ...note, message }, { component, suffix, clock });
        const { metadata } = await client.create(EVENT, event, { signal });
        remember(key, { name: metadata.name, namespace: metadata.namespace ?? '', count: 1 });
      } catch (error) {
        if (!(error instanceof KubeStatusError) && !(error instanceof OperatorError)) throw error;
        log.debug('an Event could not be written', {
          name,
          reason: note.reason,
          why: error.message,
        });
      }
    },
  };
}

function buildEvent(
  { type, object }: { readonly type: ResourceType; readonly object: KubeObject },
  note: EventNote,
  by: { readonly component: string; readonly suffix: string; readonly clock: Clock },
): KubeObject {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  const now = timestamp(by.clock.nowMs());
  return {
    // Events about cluster-wide objects live in `default`.
    metadata: { name: `${name}.${by.suffix}`, namespace: namespace ?? 'default' },
    involvedObject: {
      apiVersion: apiVersionOf(type),
      kind: type.kind,
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
    ...note,
    source: { component: by.component },
    reportingComponent: by.component,
    reportingInstance: '',
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
}

/** RFC 3339 in whole seconds, as times stand in Kubernetes' objects. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
