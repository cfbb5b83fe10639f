// The objects of one kind as the API server last told them, and who wants to know of changes.
import type { ChangeType } from '#kube/client.ts';
import { objectKey, type KubeObject, type ObjectRef } from '#kube/objects.ts';
import type { ReflectorStore } from '#kube/reflector.ts';

/** What an object was and is; never neither. */
export type ObjectChange = {
  /** Undefined: it is new. */
  readonly before: KubeObject | undefined;
  /** Undefined: it is gone. */
  readonly after: KubeObject | undefined;
};

export class ObjectCache implements ReflectorStore {
  /** By namespace (empty for cluster-wide objects), then by name. */
  readonly #namespaces = new Map<string, Map<string, KubeObject>>();
  readonly #listeners: ((change: ObjectChange) => void)[] = [];

  onChange(listener: (change: ObjectChange) => void): void {
    this.#listeners.push(listener);
  }

  get({ namespace = '', name }: ObjectRef): KubeObject | undefined {
    return this.#namespaces.get(namespace)?.get(name);
  }

  /** Of one namespace, or of all. */
  list(namespace?: string): readonly KubeObject[] {
    const chosen =
      namespace === undefined
        ? [...this.#namespaces.values()]
        : [this.#namespaces.get(namespace) ?? new Map<string, KubeObject>()];
    return chosen.flatMap((objects) => [...objects.values()]);
  }

  replace(items: readonly KubeObject[]): void {
    const present = new Set(items.map(({ metadata }) => objectKey(metadata)));
    for (const object of this.list()) {
      if (!present.has(objectKey(object.metadata))) this.#put(object, undefined);
    }
    for (const item of items) this.#put(item, item);
  }

  apply(type: ChangeType, object: KubeObject): void {
    this.#put(object, type === 'DELETED' ? undefined : object);
  }

  #put({ metadata }: KubeObject, after: KubeObject | undefined): void {
    const { namespace = '', name } = metadata;
    const objects = this.#namespaces.get(namespace) ?? new Map<string, KubeObject>();
    const before = objects.get(name);
    if (after) objects.set(name, after);
    else objects.delete(name);
    if (objects.size > 0) this.#namespaces.set(namespace, objects);
    else this.#namespaces.delete(namespace);
    if (!before && !after) return;
    const isSame = after && before?.metadata.resourceVersion === after.metadata.resourceVersion;
    if (isSame && after.metadata.resourceVersion !== undefined) return;
    for (const listener of this.#listeners) listener({ before, after });
  }
}
