// Which objects name which owners: kept in step with every write.
import type { KubeObject } from '../object.ts';
import type { ObjectKey } from '../store/store.ts';

/** An object's place as one string. */
export function placeOf({ resource, namespace, name }: ObjectKey): string {
  return `${resource}/${namespace}/${name}`;
}

export function keyOfPlace(place: string): ObjectKey {
  const [resource = '', namespace = '', ...name] = place.split('/');
  return { resource, namespace, name: name.join('/') };
}

export class OwnerIndex {
  /** Places of dependents by their owner's uid. */
  readonly #dependents = new Map<string, Set<string>>();
  readonly #owners = new Map<string, readonly string[]>();

  put(key: ObjectKey, object: KubeObject): void {
    const place = placeOf(key);
    this.remove(key);
    const uids = (object.metadata.ownerReferences ?? []).map(({ uid }) => uid);
    if (uids.length === 0) return;
    this.#owners.set(place, uids);
    for (const uid of uids) {
      const known = this.#dependents.get(uid) ?? new Set();
      this.#dependents.set(uid, known.add(place));
    }
  }

  remove(key: ObjectKey): void {
    const place = placeOf(key);
    for (const uid of this.#owners.get(place) ?? []) {
      const known = this.#dependents.get(uid);
      known?.delete(place);
      if (known?.size === 0) this.#dependents.delete(uid);
    }
    this.#owners.delete(place);
  }

  dependentsOf(uid: string): readonly string[] {
    return [...(this.#dependents.get(uid) ?? [])];
  }
}
