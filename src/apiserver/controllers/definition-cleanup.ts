// Deletes the objects of a kind whose definition is being deleted, and then lets the definition go.
import { CLEANUP_FINALIZER } from '../kinds/definition.ts';
import { draftOf } from '../object.ts';
import type { KubeObject } from '../object.ts';
import { DEFINITIONS } from '../registry/follow.ts';
import type { Backend } from '../registry/scope.ts';
import type { Controller } from './controller.ts';
import { deleteIfThere, scopeFor, updateIfThere } from './objects.ts';

const NAME = 'definition-controller';

export const definitionCleanup: Controller = {
  name: NAME,
  initial: ({ store }) =>
    store
      .list({ resource: DEFINITIONS })
      .filter(isGoing)
      .map(({ metadata }) => metadata.name),
  affected: ({ key, type, object }, { store }) => {
    if (key.resource === DEFINITIONS) return isGoing(object) ? [key.name] : [];
    if (type !== 'DELETED') return [];
    // A definition's name is the resource it defines.
    const definition = store.get({ resource: DEFINITIONS, namespace: '', name: key.resource });
    return definition && isGoing(definition) ? [key.resource] : [];
  },
  reconcile: (backend) => (name) => cleanUp(backend, name),
};

function isGoing({ metadata }: KubeObject): boolean {
  const { deletionTimestamp, finalizers = [] } = metadata;
  return deletionTimestamp !== undefined && finalizers.includes(CLEANUP_FINALIZER);
}

async function cleanUp(backend: Backend, resource: string): Promise<void> {
  const found = backend.store.get({ resource: DEFINITIONS, namespace: '', name: resource });
  if (!found || !isGoing(found)) return;
  const isServed = (backend.kinds.get(resource)?.versions.length ?? 0) > 0;
  for (const { metadata } of isServed ? backend.store.list({ resource }) : []) {
    if (metadata.deletionTimestamp !== undefined) continue;
    const place = { resource, namespace: metadata.namespace ?? '' };
    await deleteIfThere(scopeFor(backend, place, NAME), metadata.name);
  }
  if (backend.store.count({ resource }) > 0) return; // finalizers hold the rest
  const place = { resource: DEFINITIONS, namespace: '' };
  await updateIfThere(scopeFor(backend, place, NAME), resource, (current) => {
    const draft = draftOf(current);
    draft.metadata.finalizers = (draft.metadata.finalizers ?? []).filter(
      (one) => one !== CLEANUP_FINALIZER,
    );
    return draft;
  });
}
