// What a plan wants done, as data, and the one place that does it.
import type { KubeClient } from '#kube/client.ts';
import type { EventNote, EventRecorder } from '#kube/event-recorder.ts';
import type { KubeObject, ObjectRef } from '#kube/objects.ts';
import type { ResourceType } from '#kube/resources.ts';
import { isAlreadyExists, isConflict, isNotFound, KubeStatusError } from '#kube/status.ts';

/** An Event about an object. */
export type Report = {
  readonly type: ResourceType;
  readonly object: KubeObject;
  readonly note: EventNote;
};

export type Write =
  | {
      readonly verb: 'create';
      readonly type: ResourceType;
      readonly object: KubeObject;
      readonly report?: Report;
      /** What to write when the API server refuses, with its message; then the plan has failed. */
      readonly onRefused?: (message: string) => readonly Write[];
    }
  | {
      /** A merge patch. A decision that depends on the object's state names its resourceVersion. */
      readonly verb: 'patch';
      readonly type: ResourceType;
      readonly ref: ObjectRef;
      readonly patch: unknown;
      readonly report?: Report;
    }
  | {
      /** The object as it was read, with another status: refused when it has changed meanwhile. */
      readonly verb: 'status';
      readonly type: ResourceType;
      readonly object: KubeObject;
    }
  | {
      /** Replaces the object: refused when it has changed meanwhile. */
      readonly verb: 'update';
      readonly type: ResourceType;
      readonly object: KubeObject;
    }
  | {
      readonly verb: 'bind';
      readonly pod: KubeObject;
      readonly nodeName: string;
      readonly report?: Report;
    }
  | {
      /** This very object, not another of its name. */
      readonly verb: 'remove';
      readonly type: ResourceType;
      readonly object: KubeObject;
      readonly report?: Report;
    }
  | { readonly verb: 'report'; readonly report: Report };

export type WriteDependencies = {
  readonly client: Pick<KubeClient, 'create' | 'update' | 'patch' | 'bind' | 'remove'>;
  readonly recorder: EventRecorder;
};

/**
 * Does it all, in order, and stops at the first that the API server refuses.
 *
 * @throws KubeStatusError; OperatorError API_SERVER_UNREACHABLE
 */
export async function applyWrites(
  writes: readonly Write[],
  dependencies: WriteDependencies,
  signal: AbortSignal,
): Promise<void> {
  for (const write of writes) await applyWrite(write, dependencies, signal);
}

async function applyWrite(
  write: Write,
  { client, recorder }: WriteDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { type, object, note } = ('report' in write && write.report) || {};
  switch (write.verb) {
    case 'create':
      await create(write, { client, recorder }, signal);
      break;
    case 'patch': {
      await client.patch(write.type, write.ref, write.patch, { kind: 'merge', signal });
      break;
    }
    case 'status':
      await client.update(write.type, write.object, { subresource: 'status', signal });
      break;
    case 'update':
      await client.update(write.type, write.object, { signal });
      break;
    case 'bind':
      await client.bind(write.pod.metadata, write.nodeName, { signal });
      break;
    case 'remove': {
      const { uid } = write.object.metadata;
      const preconditions = uid === undefined ? undefined : { uid };
      const options = preconditions ? { preconditions, signal } : { signal };
      if (!(await isStillThere(client.remove(write.type, write.object.metadata, options)))) return;
      break;
    }
    case 'report':
      break;
  }
  if (type && object && note) await recorder.record({ type, object }, note, signal);
}

async function create(
  write: Extract<Write, { readonly verb: 'create' }>,
  dependencies: WriteDependencies,
  signal: AbortSignal,
): Promise<void> {
  try {
    await dependencies.client.create(write.type, write.object, { signal });
  } catch (error) {
    if (error instanceof KubeStatusError && !isOutdated(error) && !isNamespaceEnding(error)) {
      await applyWrites(write.onRefused?.(error.message) ?? [], dependencies, signal);
    }
    throw error;
  }
}

async function isStillThere(removal: Promise<void>): Promise<boolean> {
  try {
    await removal;
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Was the plan made on facts that have changed? Then it is made again, and nothing is wrong. */
export function isOutdated(error: unknown): boolean {
  return isConflict(error) || isAlreadyExists(error);
}

/** Nothing can be created in a namespace that is being deleted, and nothing need be. */
export function isNamespaceEnding(error: unknown): boolean {
  if (!(error instanceof KubeStatusError) || error.status.code !== 403) return false;
  return error.message.includes('because it is being terminated');
}
