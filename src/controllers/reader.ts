// Where a controller reads its facts: from the caches, which cost nothing and may be a moment
// behind, or from the API server itself.
import type { KubeClient } from '#kube/client.ts';
import type { KubeObject, ObjectRef } from '#kube/objects.ts';
import { resourceName, type ResourceType } from '#kube/resources.ts';
import { isNotFound } from '#kube/status.ts';
import { ObjectCache } from './object-cache.ts';

export type Reader = {
  /** Undefined when there is no such object. */
  get(type: ResourceType, ref: ObjectRef): Promise<KubeObject | undefined>;
  /** Of one namespace, or of all. */
  list(type: ResourceType, namespace?: string): Promise<readonly KubeObject[]>;
};

/** One cache for each kind that is watched. */
export class Caches implements Reader {
  readonly #caches: ReadonlyMap<string, ObjectCache>;

  constructor(types: readonly ResourceType[]) {
    this.#caches = new Map(types.map((type) => [resourceName(type), new ObjectCache()]));
  }

  /** @throws when the kind is not watched: a mistake in the program */
  of(type: ResourceType): ObjectCache {
    const cache = this.#caches.get(resourceName(type));
    if (!cache) throw new Error(`${resourceName(type)} is not watched`);
    return cache;
  }

  get(type: ResourceType, ref: ObjectRef): Promise<KubeObject | undefined> {
    return Promise.resolve(this.of(type).get(ref));
  }

  list(type: ResourceType, namespace?: string): Promise<readonly KubeObject[]> {
    return Promise.resolve(this.of(type).list(namespace));
  }
}

export function serverReader(
  client: Pick<KubeClient, 'get' | 'list'>,
  signal: AbortSignal,
): Reader {
  return {
    async get(type, ref) {
      try {
        return await client.get(type, ref, { signal });
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    async list(type, namespace) {
      return (await client.list(type, { namespace, signal })).items;
    },
  };
}

/** The reverse of `objectKey`. */
export function refOfKey(key: string): ObjectRef {
  const slash = key.indexOf('/');
  if (slash === -1) return { name: key };
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
