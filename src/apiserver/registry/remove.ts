// Deleting an object: at once, or, when something holds it, by marking it.
import type { DraftMeta, KubeObject } from '../object.ts';
import { draftOf } from '../object.ts';
import { conflict, notFoundError } from '../status.ts';
import { timestamp } from './names.ts';
import type { Scope } from './scope.ts';
import { isReadyToGo } from './update.ts';
import { asServed, asStored } from './version.ts';
import { keyIn } from './write.ts';

export type PropagationPolicy = 'Background' | 'Foreground' | 'Orphan';

export type DeleteOptions = {
  /** How long the object may take to end; undefined: as its kind says. */
  readonly gracePeriodSeconds: number | undefined;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly propagation: PropagationPolicy;
};

export type Removed = {
  readonly object: KubeObject;
  /** false: marked, and gone only when its finalizers and its grace period are. */
  readonly isGone: boolean;
};

const ATTEMPTS_MAX = 10;

/** @throws StatusError, and OperatorError when the store fails */
export async function deleteObject(
  scope: Scope,
  name: string,
  options: DeleteOptions,
): Promise<Removed> {
  for (let attempt = 1; ; attempt += 1) {
    const removed = await tryDelete(scope, name, options);
    if (removed !== 'conflict') return removed;
    if (attempt === ATTEMPTS_MAX) throw conflict(scope.served.kind, name);
  }
}

async function tryDelete(
  scope: Scope,
  name: string,
  options: DeleteOptions,
): Promise<Removed | 'conflict'> {
  const { backend, served } = scope;
  const { kind } = served;
  const key = keyIn(scope, name);
  const stored = backend.store.get(key);
  if (!stored) throw notFoundError(kind, name);
  requirePreconditions(scope, stored, options);
  const previous = asServed(stored, served);
  await backend.admission.validate({
    scope,
    operation: 'DELETE',
    name,
    object: undefined,
    previous,
  });
  const marked = mark(scope, stored, options);
  const isGone = isReadyToGo(scope, marked);
  if (scope.options.isDryRun) return { object: asServed(marked, served), isGone };
  const version = stored.metadata.resourceVersion ?? '';
  if (!isGone && marked === stored) return { object: previous, isGone };
  const result = isGone
    ? backend.store.remove(key, stored, version)
    : backend.store.update(key, asStored(marked, kind), version);
  if (result.ok) return { object: asServed(result.object, served), isGone };
  if (result.reason === 'missing') throw notFoundError(kind, name);
  return 'conflict';
}

function requirePreconditions(scope: Scope, stored: KubeObject, options: DeleteOptions): void {
  const { name, uid, resourceVersion: version } = stored.metadata;
  const { kind } = scope.served;
  if (options.uid !== undefined && options.uid !== uid) {
    const why = `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${uid}`;
    throw conflict(kind, name, why);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== version) {
    const why = `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${version}`;
    throw conflict(kind, name, why);
  }
}

/** Finalizers that leave the rest to the garbage collector. */
const PROPAGATION_FINALIZERS: Readonly<Record<PropagationPolicy, string | undefined>> = {
  Background: undefined,
  Foreground: 'foregroundDeletion',
  Orphan: 'orphan',
};

/** The object as it is while it waits to go; the stored one itself when nothing changes. */
function mark(scope: Scope, stored: KubeObject, options: DeleteOptions): KubeObject {
  const { backend, served } = scope;
  const { behaviour, hasGeneration } = served.kind;
  const defaultGrace = behaviour.gracePeriodSeconds?.(stored) ?? 0;
  // Only kinds with a grace period of their own wait for one.
  const grace = defaultGrace === 0 ? 0 : (options.gracePeriodSeconds ?? defaultGrace);
  const present = stored.metadata;
  const isMarked = present.deletionTimestamp !== undefined;
  const isShorter = grace < (present.deletionGracePeriodSeconds ?? 0);
  if (isMarked && !isShorter) return stored;
  const draft = draftOf(stored);
  const metadata: DraftMeta = draft.metadata;
  metadata.deletionTimestamp = timestamp(backend.clock.nowMs() + grace * 1000);
  metadata.deletionGracePeriodSeconds = grace;
  if (!isMarked) {
    if (hasGeneration) metadata.generation = (present.generation ?? 1) + 1;
    addFinalizer(metadata, PROPAGATION_FINALIZERS[options.propagation]);
    behaviour.markDeleted?.(draft);
  }
  return draft;
}

function addFinalizer(metadata: DraftMeta, finalizer: string | undefined): void {
  if (finalizer === undefined) return;
  metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
}
