// Ingest: what the Kubernetes API says, into the mesh model, as it happens.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { runTasks } from '#base/tasks.ts';
import type { KubeClient } from '#kube/client.ts';
import { createDiffingStore } from '#kube/diffing-store.ts';
import { objectKey } from '#kube/objects.ts';
import { createReflector, type ReflectorStore } from '#kube/reflector.ts';
import type { ResourceType } from '#kube/resources.ts';
import type { Mesh } from '#model/mesh.ts';
import { IngestEvents } from './ingest-events.ts';

/** Where objects go. `Mesh` is one. */
export type IngestTarget = Pick<Mesh, 'ingest'>;

/** Hands everything on to several. */
export const allOf = (targets: readonly IngestTarget[]): IngestTarget => ({
  ingest: (type, object, change) => {
    for (const target of targets) target.ingest(type, object, change);
  },
});

/** @param onChanged called after what one list or event says has been handed on, if anything */
export function createIngestStore(
  type: ResourceType,
  target: IngestTarget,
  onChanged: () => void,
  events = new IngestEvents(),
): ReflectorStore {
  const known = new Set<string>();
  return createDiffingStore((changes) => {
    for (const change of changes) {
      if (change.kind === 'applied') {
        const key = objectKey(change.object.metadata);
        events.note(type, known.has(key) ? 'update' : 'add');
        known.add(key);
        target.ingest(type, change.object, 'applied');
      } else {
        events.note(type, 'delete');
        known.delete(objectKey(change.ref));
        target.ingest(type, { metadata: metadataOf(change.ref) }, 'deleted');
      }
    }
    events.noteTrigger(type);
    onChanged();
  });
}

function metadataOf({
  name,
  namespace,
}: {
  readonly name: string;
  readonly namespace?: string | undefined;
}) {
  return { name, ...(namespace !== undefined && { namespace }) };
}

export type Ingest = {
  /** Resolves when every kind has been listed once. */
  readonly synced: Promise<void>;
  /** For metrics. */
  readonly events: IngestEvents;
  run(signal: AbortSignal): Promise<void>;
};

export function createIngest(options: {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly types: readonly ResourceType[];
  readonly target: IngestTarget;
  /** Called after every change, to settle what follows from it. */
  readonly onChanged: () => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}): Ingest {
  const { client, types, target, onChanged, clock, random, log } = options;
  const events = new IngestEvents();
  const reflectors = types.map((type) => {
    const store = createIngestStore(type, target, onChanged, events);
    return createReflector({ client, type, clock, random, log, store });
  });
  return {
    events,
    synced: Promise.all(reflectors.map(({ synced }) => synced)).then(() => undefined),
    run: (signal) =>
      runTasks(
        signal,
        reflectors.map((reflector) => (group: AbortSignal) => reflector.run(group)),
      ),
  };
}
