// Deletes what has lost its owners, and lets owners go that wait for their dependents.
// https://kubernetes.io/docs/concepts/architecture/garbage-collection/
import { resourceOf } from '../kinds/kind.ts';
import { draftOf } from '../object.ts';
import type { KubeObject, OwnerReference } from '../object.ts';
import type { Backend } from '../registry/scope.ts';
import type { ObjectKey, StoreEvent } from '../store/store.ts';
import type { Controller } from './controller.ts';
import { deleteIfThere, scopeFor, updateIfThere } from './objects.ts';
import { keyOfPlace, OwnerIndex, placeOf } from './owner-index.ts';

const NAME = 'garbage-collector';
const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

export function garbageCollector(): Controller {
  const index = new OwnerIndex();
  return {
    name: NAME,
    initial: (backend) => allObjects(backend, index),
    affected: (event) => affected(event, index),
    reconcile: (backend) => (place) => reconcile({ backend, index }, keyOfPlace(place)),
  };
}

type Parts = { readonly backend: Backend; readonly index: OwnerIndex };

function* allObjects({ store, kinds }: Backend, index: OwnerIndex): Generator<string> {
  for (const kind of kinds.all()) {
    const resource = resourceOf(kind);
    for (const object of store.list({ resource })) {
      const { namespace = '', name } = object.metadata;
      const key = { resource, namespace, name };
      index.put(key, object);
      if (isOfInterest(object)) yield placeOf(key);
    }
  }
}

function isOfInterest({ metadata }: KubeObject): boolean {
  const { ownerReferences = [], deletionTimestamp, finalizers = [] } = metadata;
  const waits = finalizers.includes(ORPHAN) || finalizers.includes(FOREGROUND);
  return ownerReferences.length > 0 || (deletionTimestamp !== undefined && waits);
}

function affected({ key, type, object }: StoreEvent, index: OwnerIndex): readonly string[] {
  if (type !== 'DELETED') {
    index.put(key, object);
    return isOfInterest(object) ? [placeOf(key), ...waitingDependents(object, index)] : [];
  }
  index.remove(key);
  const { uid = '', ownerReferences = [] } = object.metadata;
  // Its dependents have lost an owner; its owners may have waited for it.
  const owners = ownerReferences.map((owner) => ownerPlace(owner, key));
  return [...index.dependentsOf(uid), ...owners];
}

/** An owner that waits for its dependents tells them to go. */
function waitingDependents({ metadata }: KubeObject, index: OwnerIndex): readonly string[] {
  const isWaiting = metadata.deletionTimestamp !== undefined;
  return isWaiting ? index.dependentsOf(metadata.uid ?? '') : [];
}

/** A reference names a kind, not a resource: `?apps|v1?ReplicaSet` stands for that until later. */
function ownerPlace({ apiVersion, kind, name }: OwnerReference, { namespace }: ObjectKey): string {
  return placeOf({ resource: `?${apiVersion.replace('/', '|')}?${kind}`, namespace, name });
}

function resolved({ kinds }: Backend, key: ObjectKey): ObjectKey | undefined {
  if (!key.resource.startsWith('?')) return key;
  const [, version = '', kind = ''] = key.resource.split('?');
  const owner = { apiVersion: version.replace('|', '/'), kind, name: key.name };
  return findOwnerKey(kinds, owner, key.namespace);
}

function findOwnerKey(
  kinds: Backend['kinds'],
  owner: Pick<OwnerReference, 'apiVersion' | 'kind' | 'name'>,
  namespace: string,
): ObjectKey | undefined {
  const [group = '', version = ''] = owner.apiVersion.includes('/')
    ? owner.apiVersion.split('/')
    : ['', owner.apiVersion];
  const served = kinds.findByKind(group, version, owner.kind);
  if (!served) return undefined;
  const { kind } = served;
  return {
    resource: resourceOf(kind),
    namespace: kind.isNamespaced ? namespace : '',
    name: owner.name,
  };
}

async function reconcile(parts: Parts, place: ObjectKey): Promise<void> {
  const { backend } = parts;
  const key = resolved(backend, place);
  const object = key && backend.store.get(key);
  if (!object || !backend.kinds.get(key.resource)) return;
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  if (deletionTimestamp !== undefined) {
    if (finalizers.includes(ORPHAN)) await orphanDependents(parts, key, object);
    else if (finalizers.includes(FOREGROUND)) await awaitDependents(parts, key, object);
    return;
  }
  await judgeOwners(parts, key, object);
}

type OwnerState = 'gone' | 'waiting' | 'there';

async function judgeOwners({ backend }: Parts, key: ObjectKey, object: KubeObject): Promise<void> {
  const { ownerReferences = [], uid } = object.metadata;
  if (ownerReferences.length === 0) return;
  const states = ownerReferences.map((owner) => ownerState(backend, owner, key));
  const scope = scopeFor(backend, key, NAME);
  if (states.every((state) => state === 'gone') || isOnlyAwaited(states)) {
    await deleteIfThere(scope, key.name, { uid });
    return;
  }
  const gone = new Set(
    ownerReferences.filter((_, index) => states[index] === 'gone').map((owner) => owner.uid),
  );
  if (gone.size > 0) await dropOwners(backend, key, gone);
}

/** No owner stays, and one of them waits for this very object to go. */
function isOnlyAwaited(states: readonly OwnerState[]): boolean {
  return states.includes('waiting') && !states.includes('there');
}

function ownerState({ kinds, store }: Backend, owner: OwnerReference, key: ObjectKey): OwnerState {
  const place = findOwnerKey(kinds, owner, key.namespace);
  if (!place) return 'there'; // of a kind that is not known here: nothing is deleted on a guess
  const found = store.get(place);
  if (!found || found.metadata.uid !== owner.uid) return 'gone';
  const { deletionTimestamp, finalizers = [] } = found.metadata;
  const isWaiting = deletionTimestamp !== undefined && finalizers.includes(FOREGROUND);
  return isWaiting ? 'waiting' : 'there';
}

async function dropOwners(
  backend: Backend,
  key: ObjectKey,
  uids: ReadonlySet<string>,
): Promise<void> {
  await updateIfThere(scopeFor(backend, key, NAME), key.name, (current) => {
    const draft = draftOf(current);
    draft.metadata.ownerReferences = (draft.metadata.ownerReferences ?? []).filter(
      (owner) => !uids.has(owner.uid),
    );
    return draft;
  });
}

async function orphanDependents(parts: Parts, key: ObjectKey, object: KubeObject): Promise<void> {
  const { backend, index } = parts;
  const uid = object.metadata.uid ?? '';
  for (const place of index.dependentsOf(uid)) {
    await dropOwners(backend, keyOfPlace(place), new Set([uid]));
  }
  await dropFinalizer(backend, key, ORPHAN);
}

/** Lets the owner go when no dependent that holds it back is left; the others are being deleted. */
async function awaitDependents(parts: Parts, key: ObjectKey, object: KubeObject): Promise<void> {
  const { backend, index } = parts;
  const uid = object.metadata.uid ?? '';
  const isHeld = index.dependentsOf(uid).some((place) => {
    const owners = backend.store.get(keyOfPlace(place))?.metadata.ownerReferences ?? [];
    return owners.some((owner) => owner.uid === uid && owner.blockOwnerDeletion === true);
  });
  if (!isHeld) await dropFinalizer(backend, key, FOREGROUND);
}

async function dropFinalizer(backend: Backend, key: ObjectKey, finalizer: string): Promise<void> {
  await updateIfThere(scopeFor(backend, key, NAME), key.name, (current) => {
    const draft = draftOf(current);
    draft.metadata.finalizers = (draft.metadata.finalizers ?? []).filter(
      (one) => one !== finalizer,
    );
    return draft;
  });
}
