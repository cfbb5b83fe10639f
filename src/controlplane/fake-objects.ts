// For tests: an API server's objects of some kinds, whose changes reach those who follow them, and
// whose statuses they write. Writes with an old resourceVersion are refused, as they really are.
import type { KubeClient } from '#kube/client.ts';
import { refusal } from '#kube/fake-kube-client.ts';
import { isRecord, objectKey, type KubeObject, type ObjectRef } from '#kube/objects.ts';
import { resourceName, type ResourceType } from '#kube/resources.ts';
import type { IngestTarget } from './ingest.ts';

export class FakeObjects implements Pick<KubeClient, 'patch'> {
  /** Statuses written so far: `namespace/name`. */
  readonly writes: string[] = [];
  /** Called before each write: throws what the server would, or changes something first. */
  beforeWrite: (ref: ObjectRef) => void = () => undefined;
  /** What followers are told only when the test says so: a watch that lags behind. */
  isLagging = false;
  readonly #followers: IngestTarget[] = [];
  readonly #objects = new Map<string, { type: ResourceType; object: KubeObject }>();
  #late: (() => void)[] = [];
  #version = 0;
  #written = Promise.withResolvers<void>();

  follow(...targets: readonly IngestTarget[]): void {
    this.#followers.push(...targets);
  }

  get(type: ResourceType, ref: ObjectRef): KubeObject | undefined {
    return this.#objects.get(keyOf(type, ref))?.object;
  }

  /** Creates or replaces an object, its status included if it has one. */
  apply(type: ResourceType, object: KubeObject): void {
    const before = this.get(type, object.metadata);
    const { generation = 0 } = before?.metadata ?? {};
    const metadata = { ...object.metadata, generation: generation + 1 };
    this.#store(type, { status: before?.status, ...object, metadata });
  }

  remove(type: ResourceType, ref: ObjectRef): void {
    const object = this.get(type, ref);
    this.#objects.delete(keyOf(type, ref));
    if (object) this.#tell(type, object, 'deleted');
  }

  /** Lets followers hear what they have missed. */
  catchUp(): void {
    this.isLagging = false;
    for (const tell of this.#late.splice(0)) tell();
  }

  /** Until so many writes were made in all. */
  async untilWrites(count: number): Promise<void> {
    while (this.writes.length < count) await this.#written.promise;
  }

  patch: KubeClient['patch'] = async (type, ref, patch, { kind, subresource }) => {
    await Promise.resolve();
    if (kind !== 'merge' || subresource !== 'status') throw new Error('only statuses, by merge');
    this.beforeWrite(ref);
    const before = this.get(type, ref);
    if (!before) throw refusal(404, 'NotFound', type, ref, 'not found');
    const { metadata, status } = isRecord(patch) ? patch : {};
    const wanted = isRecord(metadata) ? metadata['resourceVersion'] : undefined;
    if (wanted !== undefined && wanted !== before.metadata.resourceVersion) {
      throw refusal(409, 'Conflict', type, ref, 'has been modified');
    }
    const after = this.#store(type, { ...before, status: merge(before.status, status) });
    this.writes.push(objectKey(ref));
    this.#written.resolve();
    this.#written = Promise.withResolvers();
    return after;
  };

  #store(type: ResourceType, object: KubeObject): KubeObject {
    const metadata = { ...object.metadata, resourceVersion: String((this.#version += 1)) };
    const stored = { ...object, metadata };
    this.#objects.set(keyOf(type, metadata), { type, object: stored });
    this.#tell(type, stored, 'applied');
    return stored;
  }

  #tell(type: ResourceType, object: KubeObject, change: 'applied' | 'deleted'): void {
    const tell = (): void => {
      for (const follower of this.#followers) follower.ingest(type, object, change);
    };
    if (this.isLagging) this.#late.push(tell);
    else tell();
  }
}

const keyOf = (type: ResourceType, ref: ObjectRef): string =>
  `${resourceName(type)}/${objectKey(ref)}`;

/** RFC 7386. */
function merge(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const merged: Record<string, unknown> = isRecord(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = merge(merged[name], value);
  }
  return merged;
}
