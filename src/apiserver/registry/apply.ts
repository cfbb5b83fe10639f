// Server-side apply: a client says what it wants of an object, and owns just that.
import type { FieldSet } from '../managed/field-set.ts';
import { difference, EMPTY_SET, renderPaths, union } from '../managed/field-set.ts';
import { compareFields } from '../managed/compare.ts';
import type { Manager } from '../managed/managers.ts';
import { isSameManager, parseManagers, renderManagers } from '../managed/managers.ts';
import { mergeConfiguration, removeFields } from '../managed/merge.ts';
import { beforeFirstApply, findConflicts, managedFieldsOf, trackApply } from '../managed/track.ts';
import type { Conflict, Writer } from '../managed/track.ts';
import type { Draft, Json, JsonObject, KubeObject } from '../object.ts';
import { isJsonObject, listAt, objectAt, stringAt, withFallbacks } from '../object.ts';
import { badRequest, invalidObject, notFoundError, StatusError } from '../status.ts';
import { required } from '../violation.ts';
import { createObject } from './create.ts';
import { decodeObject } from './decode.ts';
import type { Scope } from './scope.ts';
import { timestamp } from './names.ts';
import type { Updated } from './update.ts';
import { updateObject } from './update.ts';
import { keyIn } from './write.ts';

export type ApplyOptions = {
  /** The name that the client gave itself; empty when it gave none. */
  readonly fieldManager: string;
  /** Take over fields of others that would change. */
  readonly isForced: boolean;
};

export type Applied = Updated & { readonly isCreated: boolean };

/** @throws StatusError, Conflict among them */
export async function applyObject(
  scope: Scope,
  name: string,
  { body, ...options }: ApplyOptions & { readonly body: Json },
): Promise<Applied> {
  const wanted = decodeConfiguration(scope, name, { body, ...options });
  const writer = writerOf(scope, options.fieldManager);
  const { store } = scope.backend;
  if (!store.get(keyIn(scope, name))) {
    if (scope.subresource !== '') throw notFoundError(scope.served.kind, name);
    return {
      object: await createApplied(scope, wanted, writer),
      isCreated: true,
      isRemoved: false,
    };
  }
  const change = (current: KubeObject) =>
    merge(scope, { current, wanted, writer, isForced: options.isForced });
  const updated = await updateObject(scope, name, change, { isApply: true });
  return { ...updated, isCreated: false };
}

function decodeConfiguration(
  scope: Scope,
  name: string,
  { body, fieldManager }: { readonly body: Json; readonly fieldManager: string },
): Draft {
  if (fieldManager === '') {
    throw invalidObject({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [
      required('fieldManager', 'is required for apply patch'),
    ]);
  }
  if (!isJsonObject(body)) throw badRequest('an apply patch must be an object');
  if (listAt(objectAt(body, 'metadata'), 'managedFields').length > 0) {
    throw badRequest('metadata.managedFields must be nil');
  }
  const metadata = withFallbacks(objectAt(body, 'metadata'), { name });
  const draft = decodeObject(
    scope.served,
    { ...body, metadata },
    { ...scope.options, warn: scope.warn, isConfiguration: true },
  );
  if (draft.metadata.name === name) return draft;
  throw badRequest(
    `the name of the object (${stringAt(metadata, 'name')}) does not match the name on the URL (${name})`,
  );
}

function writerOf({ served, subresource, backend }: Scope, name: string): Writer {
  const { kind, version } = served;
  return {
    name,
    operation: 'Apply',
    apiVersion: kind.group === '' ? version.name : `${kind.group}/${version.name}`,
    subresource,
    time: timestamp(backend.clock.nowMs()),
  };
}

function createApplied(scope: Scope, wanted: Draft, writer: Writer): Promise<KubeObject> {
  const fields = managedFieldsOf(scope.served.version.schema, wanted, writer.subresource);
  const managedFields = renderManagers([{ ...writer, fields }]);
  return createObject(scope, wanted, managedFields);
}

type Merge = {
  readonly current: KubeObject;
  readonly wanted: Draft;
  readonly writer: Writer;
  readonly isForced: boolean;
};

/** The object with the configuration in it, and without what the client no longer wants. */
function merge(scope: Scope, { current, wanted, writer, isForced }: Merge): Draft {
  const { schema } = scope.served.version;
  const fields = managedFieldsOf(schema, wanted, writer.subresource);
  const managers = knownManagers(scope, current, writer);
  const before = managers.find((one) => isSameManager(one, writer));
  const others = managers.filter((one) => one !== before);
  const merged = mergeConfiguration(schema, current, wanted);
  const owned = others.reduce((sum, one) => union(sum, one.fields), fields);
  const gone = difference(before?.fields ?? EMPTY_SET, owned);
  const result = removeFields(schema, merged, { gone, owned });
  const next = isJsonObject(result) ? result : {};
  const comparison = compareFields(schema, current, next);
  const conflicts = findConflicts(managers, comparison, writer);
  if (conflicts.length > 0 && !isForced && !isOwnHistory(schema, { current, conflicts, writer })) {
    throw conflictError(conflicts);
  }
  const tracked = trackApply(managers, comparison, { writer, fields });
  const metadata = withLastApplied(objectAt(next, 'metadata'), { current, wanted, writer });
  return {
    ...next,
    apiVersion: current.apiVersion,
    kind: current.kind,
    metadata: {
      ...metadata,
      name: current.metadata.name,
      managedFields: renderManagers(tracked),
      ...(wanted.metadata.resourceVersion === undefined
        ? { resourceVersion: '' }
        : { resourceVersion: wanted.metadata.resourceVersion }),
    },
  };
}

/** An annotation that kubectl left when it applied on the client's side is kept true. */
function withLastApplied(
  metadata: JsonObject,
  { current, wanted, writer }: Pick<Merge, 'current' | 'wanted' | 'writer'>,
): JsonObject {
  const present = current.metadata.annotations?.[LAST_APPLIED];
  if (writer.name !== KUBECTL || present === undefined) return metadata;
  const text = `${JSON.stringify(wanted)}\n`;
  return {
    ...metadata,
    annotations: { ...objectAt(metadata, 'annotations'), [LAST_APPLIED]: text },
  };
}

function knownManagers(scope: Scope, current: KubeObject, writer: Writer): readonly Manager[] {
  const entries = current.metadata.managedFields ?? [];
  const managers = entries.length === 0 ? undefined : parseManagers(entries);
  return managers ?? beforeFirstApply(scope.served.version.schema, current, writer);
}

/** The name under which kubectl applies unless it is told another. */
const KUBECTL = 'kubectl';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * kubectl that applied on the client's side before owns what it applied then: it may change that
 * without being asked to force it.
 */
function isOwnHistory(
  schema: Parameters<typeof managedFieldsOf>[0],
  parts: {
    readonly current: KubeObject;
    readonly conflicts: readonly Conflict[];
    readonly writer: Writer;
  },
): boolean {
  const { current, conflicts, writer } = parts;
  const text = current.metadata.annotations?.[LAST_APPLIED];
  if (writer.name !== KUBECTL || text === undefined) return false;
  const applied = lastAppliedFields(schema, text);
  return conflicts.every(({ fields }) => renderPaths(difference(fields, applied)).length === 0);
}

function lastAppliedFields(schema: Parameters<typeof managedFieldsOf>[0], text: string): FieldSet {
  try {
    const applied: KubeObject = JSON.parse(text);
    return managedFieldsOf(schema, applied, '');
  } catch {
    return EMPTY_SET; // whoever wrote the annotation, it was not kubectl
  }
}

function conflictError(conflicts: readonly Conflict[]): StatusError {
  const causes = conflicts.flatMap(({ manager, fields }) =>
    renderPaths(fields).map((field) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${renderManager(manager)}`,
      field,
    })),
  );
  const message = `Apply failed with ${causes.length} conflict${causes.length === 1 ? '' : 's'}: ${renderConflicts(conflicts)}`;
  return new StatusError(409, 'Conflict', message, { details: { causes } });
}

function renderConflicts(conflicts: readonly Conflict[]): string {
  const lines = conflicts.map(({ manager, fields }) => {
    const paths = renderPaths(fields);
    const [only] = paths;
    if (paths.length === 1) return `conflict with ${renderManager(manager)}: ${only}`;
    return `conflicts with ${renderManager(manager)}:\n${paths.map((path) => `- ${path}`).join('\n')}`;
  });
  return lines.join('\n');
}

function renderManager({ name, operation, subresource, apiVersion }: Manager): string {
  const where = subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  const how = operation === 'Update' ? ` using ${apiVersion}` : '';
  return `${JSON.stringify(name)}${where}${how}`;
}
