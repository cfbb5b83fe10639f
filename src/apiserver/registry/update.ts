// Changing an object: read, change, check, and store if nobody else was quicker.
import type { Draft, DraftMeta, KubeObject } from '../object.ts';
import { draftOf, isSameJson } from '../object.ts';
import { isSameOwnership, parseManagers, renderManagers } from '../managed/managers.ts';
import { trackUpdate } from '../managed/track.ts';
import { validateMetadataUpdate } from '../metadata-validation.ts';
import { badRequest, conflict, notFoundError } from '../status.ts';
import { invalid } from '../violation.ts';
import type { Violation } from '../violation.ts';
import { placeInNamespace } from './create.ts';
import { timestamp } from './names.ts';
import type { Scope } from './scope.ts';
import { asServed, asStored } from './version.ts';
import {
  desiredState,
  invalidIn,
  isSameState,
  keyIn,
  requireValid,
  validateState,
} from './write.ts';

/** Tries against concurrent writers, when the request does not insist on one state. */
const ATTEMPTS_MAX = 10;

/**
 * Makes the wanted state from the present one, in the version of the request. Called again when
 * another writer came first.
 */
export type Change = (current: KubeObject) => Draft;

export type Updated = {
  readonly object: KubeObject;
  /** The last finalizer of a deleted object went: it is gone. */
  readonly isRemoved: boolean;
};

export type UpdateOptions = {
  /** The change says itself who manages what. */
  readonly isApply: boolean;
};

/** @throws StatusError, and OperatorError when the store fails */
export async function updateObject(
  scope: Scope,
  name: string,
  change: Change,
  options: UpdateOptions = { isApply: false },
): Promise<Updated> {
  for (let attempt = 1; ; attempt += 1) {
    const updated = await tryUpdate(scope, { name, change, ...options });
    if (updated !== 'conflict') return updated;
    if (attempt === ATTEMPTS_MAX) throw conflict(scope.served.kind, name);
  }
}

async function tryUpdate(
  scope: Scope,
  request: UpdateOptions & { readonly name: string; readonly change: Change },
): Promise<Updated | 'conflict'> {
  const { name, change, isApply } = request;
  const { backend, served, options } = scope;
  const { kind } = served;
  const key = keyIn(scope, name);
  const stored = backend.store.get(key);
  if (!stored) throw notFoundError(kind, name);
  const current = asServed(stored, served);
  const wanted = change(current);
  const insists = requireSameObject(scope, wanted, current);
  const draft = mergeStates(scope, wanted, current);
  kind.behaviour.defaults?.(draft);
  const admission = { scope, operation: 'UPDATE', name, object: draft, previous: current } as const;
  await backend.admission.mutate(admission);
  if (scope.subresource === '') kind.behaviour.prepareUpdate?.(draft, current);
  restoreMetadata(draft.metadata, current);
  if (!isApply) trackManagers(scope, draft, current);
  if (isSameState(draft, current) && isSameManagement(draft, current)) {
    return { object: current, isRemoved: false };
  }
  raiseGeneration(scope, draft, current);
  requireValid(scope, name, validateChange(scope, draft, current));
  await backend.admission.validate(admission);
  requireValid(scope, name, kind.behaviour.allocate?.(draft, current) ?? []);
  const isRemoved = isReadyToGo(scope, draft);
  if (options.isDryRun) return { object: draft, isRemoved };
  const version = stored.metadata.resourceVersion ?? '';
  const next = asStored(draft, kind);
  const result = isRemoved
    ? backend.store.remove(key, next, version)
    : backend.store.update(key, next, version);
  if (result.ok) return { object: asServed(result.object, served), isRemoved };
  if (result.reason === 'missing') throw notFoundError(kind, name);
  if (insists) throw conflict(kind, name);
  return 'conflict';
}

/**
 * Does the request mean this very object, in this very state?
 *
 * @returns whether it named a resourceVersion, and so does not want to be repeated on a newer state
 */
function requireSameObject(scope: Scope, wanted: Draft, current: KubeObject): boolean {
  const { kind } = scope.served;
  const { name, uid, resourceVersion: version } = wanted.metadata;
  if (name !== current.metadata.name) {
    throw badRequest(
      `the name of the object (${name}) does not match the name on the URL (${current.metadata.name})`,
    );
  }
  placeInNamespace(wanted, current.metadata.namespace);
  if (uid !== undefined && uid !== '' && uid !== current.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`;
    throw conflict(kind, name, why);
  }
  if (version === undefined || version === '') return false;
  if (version !== current.metadata.resourceVersion) throw conflict(kind, name);
  return true;
}

/**
 * The main resource changes all but the status, `status` changes that and nothing else; a binding
 * is of both: where a Pod runs, and that this is decided.
 */
function mergeStates(scope: Scope, wanted: Draft, current: KubeObject): Draft {
  if (scope.subresource === 'status') {
    const draft = withField(draftOf(current), 'status', wanted['status']);
    const { managedFields } = wanted.metadata;
    return managedFields ? { ...draft, metadata: { ...draft.metadata, managedFields } } : draft;
  }
  if (scope.subresource === 'binding') return wanted;
  return scope.served.version.hasStatus ? withField(wanted, 'status', current['status']) : wanted;
}

function withField(draft: Draft, field: string, value: Draft[string]): Draft {
  if (value === undefined) delete draft[field];
  else draft[field] = value;
  return draft;
}

/** Fields of the metadata that only the server writes. */
const SERVER_FIELDS = [
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'generateName',
  'resourceVersion',
] as const;

function restoreMetadata(metadata: DraftMeta, { metadata: before }: KubeObject): void {
  for (const field of SERVER_FIELDS) delete metadata[field];
  Object.assign(
    metadata,
    Object.fromEntries(
      SERVER_FIELDS.flatMap((field) =>
        before[field] === undefined ? [] : [[field, before[field]]],
      ),
    ),
  );
}

/** Every write says who manages what it changes, unless a client has had that forgotten. */
function trackManagers(scope: Scope, draft: Draft, current: KubeObject): void {
  const { served, options, backend, subresource } = scope;
  const given = draft.metadata.managedFields ?? [];
  delete draft.metadata.managedFields;
  if (given.some((entry) => Object.keys(entry).length === 0)) return; // [{}]: forget them all
  const known = current.metadata.managedFields ?? [];
  const isLeftAlone = given.length === 0 || isSameJson(given, known);
  if (isLeftAlone && isSameState(draft, current)) {
    if (known.length > 0) draft.metadata.managedFields = known;
    return;
  }
  const entries = given.length > 0 ? given : known;
  const managers = parseManagers(entries) ?? parseManagers(known) ?? [];
  if (managers.length === 0) return;
  const tracked = trackUpdate(
    managers,
    { schema: served.version.schema, before: current, after: draft },
    {
      name: options.fieldManager,
      operation: 'Update',
      apiVersion: draft.apiVersion,
      subresource,
      time: timestamp(backend.clock.nowMs()),
    },
  );
  draft.metadata.managedFields = renderManagers(tracked);
}

function isSameManagement(draft: Draft, { metadata }: KubeObject): boolean {
  const [next, before] = [draft.metadata.managedFields, metadata.managedFields];
  return isSameOwnership(parseManagers(next) ?? [], parseManagers(before) ?? []);
}

function raiseGeneration({ served }: Scope, draft: Draft, current: KubeObject): void {
  if (!served.kind.hasGeneration) return;
  if (isSameJson(desiredState(draft), desiredState(current))) return;
  draft.metadata.generation = (current.metadata.generation ?? 1) + 1;
}

function validateChange(scope: Scope, next: KubeObject, current: KubeObject): Violation[] {
  return [
    ...validateState(scope, next, current),
    ...validateMetadataUpdate(next.metadata, current.metadata),
    ...(scope.served.kind.behaviour.validateUpdate?.(next, current) ?? []),
  ];
}

/** Deleted before, and nothing holds it any longer. */
export function isReadyToGo({ served }: Scope, { metadata, ...rest }: KubeObject): boolean {
  if (metadata.deletionTimestamp === undefined) return false;
  if ((metadata.finalizers ?? []).length > 0) return false;
  if ((metadata.deletionGracePeriodSeconds ?? 0) > 0) return false;
  return !served.kind.behaviour.isHeld?.({ ...rest, metadata });
}

/** PUT: the body is the whole new state. */
export function replaceObject(scope: Scope, name: string, draft: Draft): Promise<Updated> {
  const { kind } = scope.served;
  const { resourceVersion = '' } = draft.metadata;
  if (kind.isCustom && resourceVersion === '') {
    const why = 'must be specified for an update';
    throw invalidIn(scope, name, [invalid('metadata.resourceVersion', 0, why)]);
  }
  return updateObject(scope, name, () => draftOf(draft));
}
