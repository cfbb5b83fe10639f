// Empties namespaces that are being deleted, and then lets them go.
import { resourceOf } from '../kinds/kind.ts';
import { namespaceFinalizers } from '../kinds/namespace.ts';
import { draftOf, objectAt } from '../object.ts';
import type { KubeObject } from '../object.ts';
import type { Backend } from '../registry/scope.ts';
import { deleteIfThere, scopeFor, updateIfThere } from './objects.ts';
import type { Controller } from './controller.ts';

const NAME = 'namespace-controller';
const NAMESPACES = 'namespaces';
const FINALIZER = 'kubernetes';

export const namespaceDeletion: Controller = {
  name: NAME,
  initial: ({ store }) =>
    store
      .list({ resource: NAMESPACES })
      .filter(isTerminating)
      .map(({ metadata }) => metadata.name),
  affected: ({ key, type, object }, { store }) => {
    if (key.resource === NAMESPACES) return isTerminating(object) ? [key.name] : [];
    if (type !== 'DELETED' || key.namespace === '') return [];
    // The last object may just have gone.
    const namespace = store.get({ resource: NAMESPACES, namespace: '', name: key.namespace });
    return namespace && isTerminating(namespace) ? [key.namespace] : [];
  },
  reconcile: (backend) => (name) => emptyNamespace(backend, name),
};

function isTerminating({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

async function emptyNamespace(backend: Backend, name: string): Promise<void> {
  const found = backend.store.get({ resource: NAMESPACES, namespace: '', name });
  if (!found || !isTerminating(found) || namespaceFinalizers(found).length === 0) return;
  let left = 0;
  for (const kind of backend.kinds.all()) {
    if (!kind.isNamespaced || kind.versions.length === 0) continue;
    const resource = resourceOf(kind);
    const scope = scopeFor(backend, { resource, namespace: name }, NAME);
    for (const { metadata } of backend.store.list({ resource, namespace: name })) {
      if (metadata.deletionTimestamp === undefined) await deleteIfThere(scope, metadata.name);
    }
    left += backend.store.count({ resource, namespace: name });
  }
  // What is left is held by finalizers; when the last of it goes, this runs again.
  if (left === 0) await letGo(backend, name);
}

async function letGo(backend: Backend, name: string): Promise<void> {
  const place = { resource: NAMESPACES, namespace: '', subresource: 'finalize' };
  await updateIfThere(scopeFor(backend, place, NAME), name, (current) => {
    const draft = draftOf(current);
    const finalizers = namespaceFinalizers(current).filter((one) => one !== FINALIZER);
    draft['spec'] = { ...objectAt(current, 'spec'), finalizers };
    return draft;
  });
}
