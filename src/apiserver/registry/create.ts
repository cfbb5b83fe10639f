// Creating an object.
import type { Draft, JsonObject, KubeObject } from '../object.ts';
import { alreadyExists, badRequest, forbiddenFor, notFoundError, StatusError } from '../status.ts';
import { renderManagers } from '../managed/managers.ts';
import { managedFieldsOf } from '../managed/track.ts';
import { generateName, generateUid, timestamp } from './names.ts';
import type { Scope } from './scope.ts';
import { asServed, asStored } from './version.ts';
import { keyIn, requireValid, validateState } from './write.ts';

/** A generated name that is taken is drawn anew, so often. */
const GENERATE_ATTEMPTS_MAX = 8;

/**
 * @param draft decoded by `decodeObject`; it becomes the new object
 * @param managedFields who manages what, when it is created by a server-side apply
 * @returns the object as stored, in the version of the request
 * @throws StatusError, and OperatorError when the store fails
 */
export async function createObject(
  scope: Scope,
  draft: Draft,
  managedFields: readonly JsonObject[] = [],
): Promise<KubeObject> {
  const base = draft.metadata.generateName ?? '';
  const isGenerated = draft.metadata.name === '' && base !== '';
  for (let attempt = 1; ; attempt += 1) {
    if (isGenerated) draft.metadata.name = generateName(base, scope.backend.randomBytes);
    try {
      return await createNamed(scope, draft, managedFields);
    } catch (error) {
      const isTaken = error instanceof StatusError && error.status.reason === 'AlreadyExists';
      if (!isGenerated || !isTaken || attempt === GENERATE_ATTEMPTS_MAX) throw error;
    }
  }
}

async function createNamed(
  scope: Scope,
  draft: Draft,
  managedFields: readonly JsonObject[],
): Promise<KubeObject> {
  const { backend, served, options } = scope;
  const { kind, version } = served;
  const { behaviour } = kind;
  prepareMetadata(scope, draft);
  if (managedFields.length > 0) draft.metadata.managedFields = managedFields;
  requireNamespace(scope);
  const { name } = draft.metadata;
  behaviour.defaults?.(draft);
  const admission = {
    scope,
    operation: 'CREATE',
    name,
    object: draft,
    previous: undefined,
  } as const;
  await backend.admission.mutate(admission);
  if (version.hasStatus) delete draft['status'];
  behaviour.prepareCreate?.(draft);
  draft.metadata.managedFields ??= ownedByCreator(scope, draft);
  requireValid(scope, name, validateState(scope, draft));
  await backend.admission.validate(admission);
  // From here to the write nothing else runs: what is allocated is still free when it is stored.
  requireNamespace(scope);
  requireValid(scope, name, behaviour.allocate?.(draft, undefined) ?? []);
  const key = keyIn(scope, name);
  if (options.isDryRun) {
    if (backend.store.get(key)) throw alreadyExists(kind, name);
    return draft;
  }
  const result = backend.store.create(key, asStored(draft, kind));
  if (!result.ok) throw alreadyExists(kind, name);
  return asServed(result.object, served);
}

/** All that there is belongs to whoever created it, until others change it. */
function ownedByCreator(scope: Scope, draft: Draft): readonly JsonObject[] {
  const { served, options, backend } = scope;
  const fields = managedFieldsOf(served.version.schema, draft, '');
  return renderManagers([
    {
      name: options.fieldManager,
      operation: 'Update',
      apiVersion: draft.apiVersion,
      subresource: '',
      time: timestamp(backend.clock.nowMs()),
      fields,
    },
  ]);
}

function prepareMetadata(scope: Scope, draft: Draft): void {
  const { backend, served, namespace } = scope;
  const { metadata } = draft;
  if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== '') {
    throw badRequest('resourceVersion should not be set on objects to be created');
  }
  placeInNamespace(draft, served.kind.isNamespaced ? namespace : undefined);
  metadata.uid = generateUid(backend.randomBytes);
  metadata.creationTimestamp = timestamp(backend.clock.nowMs());
  delete metadata.resourceVersion;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.generation;
  delete metadata.managedFields;
  if (served.kind.hasGeneration) metadata.generation = 1;
}

/** @param namespace of the request; undefined for cluster-scoped kinds */
export function placeInNamespace(draft: Draft, namespace: string | undefined): void {
  const { metadata } = draft;
  if (namespace === undefined) {
    delete metadata.namespace;
    return;
  }
  if (metadata.namespace === undefined || metadata.namespace === '') metadata.namespace = namespace;
  if (metadata.namespace === namespace) return;
  throw badRequest(
    `the namespace of the provided object does not match the namespace sent on the request`,
  );
}

const NAMESPACES = { group: '', plural: 'namespaces' };

/** The namespace must be there, and not about to go. */
function requireNamespace(scope: Scope): void {
  const { backend, namespace, served } = scope;
  if (!served.kind.isNamespaced) return;
  const found = backend.store.get({ resource: 'namespaces', namespace: '', name: namespace });
  if (!found) throw notFoundError(NAMESPACES, namespace);
  if (found.metadata.deletionTimestamp === undefined) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const cause = {
    reason: 'NamespaceTerminating',
    message: `namespace ${namespace} is being terminated`,
    field: 'metadata.namespace',
  };
  const { message, details } = forbiddenFor(served.kind, '', why).status;
  const extended = { details: { ...details, causes: [cause] } };
  throw new StatusError(403, 'Forbidden', message ?? why, extended);
}
