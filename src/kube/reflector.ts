// Keeps a local copy of one kind: list, then watch from there, for ever.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { ChangeType, KubeClient, Selection } from './client.ts';
import type { KubeObject } from './objects.ts';
import type { ResourceType } from './resources.ts';

/** Called in order, never concurrently; what it throws is a bug and ends the reflector. */
export type ReflectorStore = {
  /** These are all the objects there are now: what is missing here is gone. */
  replace(items: readonly KubeObject[]): void;
  apply(type: ChangeType, object: KubeObject): void;
};

export type ReflectorOptions = {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly type: ResourceType;
  readonly selection?: Selection;
  readonly clock: Clock;
  /** 0 (inclusive) to 1 (exclusive): spreads retries and watch ends. */
  readonly random: () => number;
  readonly log: Logger;
  readonly store: ReflectorStore;
};

export type Reflector = {
  /** Resolves after the first `replace`; never rejects, and stays open if that never comes. */
  readonly synced: Promise<void>;
  /** Runs until aborted; call it once. */
  run(signal: AbortSignal): Promise<void>;
};
