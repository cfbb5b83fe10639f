// How the server's own controllers work on objects: by the same operations as any client, as a user
// of their own, without HTTP in between.
import { SERVER_USER } from '../auth/user.ts';
import type { KubeObject } from '../object.ts';
import { createObject } from '../registry/create.ts';
import { decodeObject } from '../registry/decode.ts';
import type { Json } from '../object.ts';
import { deleteObject } from '../registry/remove.ts';
import type { DeleteOptions } from '../registry/remove.ts';
import type { Backend, Scope } from '../registry/scope.ts';
import type { Change } from '../registry/update.ts';
import { updateObject } from '../registry/update.ts';
import { StatusError } from '../status.ts';

export type Place = {
  /** `pods`, `deployments.apps` */
  readonly resource: string;
  readonly namespace: string;
  readonly subresource?: string;
};

/** @throws when the resource is not served: a mistake in the program */
export function scopeFor(backend: Backend, place: Place, manager: string): Scope {
  const kind = backend.kinds.get(place.resource);
  const version = kind?.versions.find(({ name }) => name === kind.storageVersion);
  const served = version ?? kind?.versions[0];
  if (!kind || !served) throw new Error(`${place.resource} is not served`);
  return {
    backend,
    served: { kind, version: served },
    namespace: kind.isNamespaced ? place.namespace : '',
    subresource: place.subresource ?? '',
    user: SERVER_USER,
    options: { isDryRun: false, fieldValidation: 'Strict', fieldManager: manager },
    warn: () => undefined,
  };
}

/** @returns undefined when an object of that name is there already */
export async function createIfMissing(scope: Scope, value: Json): Promise<KubeObject | undefined> {
  const draft = decodeObject(scope.served, value, { ...scope.options, warn: scope.warn });
  return unlessRefused('AlreadyExists', () => createObject(scope, draft));
}

/** @returns undefined when there is no such object any more */
export function updateIfThere(
  scope: Scope,
  name: string,
  change: Change,
): Promise<KubeObject | undefined> {
  return unlessRefused('NotFound', async () => (await updateObject(scope, name, change)).object);
}

const DELETE_NOW: DeleteOptions = {
  gracePeriodSeconds: undefined,
  uid: undefined,
  resourceVersion: undefined,
  propagation: 'Background',
};

/** @returns undefined when there is no such object any more */
export function deleteIfThere(
  scope: Scope,
  name: string,
  options: Partial<DeleteOptions> = {},
): Promise<KubeObject | undefined> {
  return unlessRefused('NotFound', async () => {
    const removed = await deleteObject(scope, name, { ...DELETE_NOW, ...options });
    return removed.object;
  });
}

async function unlessRefused<T>(reason: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StatusError && error.status.reason === reason) return undefined;
    throw error;
  }
}
