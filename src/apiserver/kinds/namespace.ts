// Namespaces: held by `spec.finalizers` until everything in them is gone.
import { listAt, objectAt } from '../object.ts';
import type { KubeObject } from '../object.ts';
import type { Behaviour } from './kind.ts';

const NAME_LABEL = 'kubernetes.io/metadata.name';

export const NAMESPACE: Behaviour = {
  defaults(draft) {
    const { labels = {}, name } = draft.metadata;
    if (name !== '') draft.metadata.labels = { ...labels, [NAME_LABEL]: name };
  },
  prepareCreate(draft) {
    draft['spec'] = { finalizers: ['kubernetes'] };
    draft['status'] = { phase: 'Active' };
  },
  prepareUpdate(draft, previous) {
    draft['spec'] = previous['spec']; // only the `finalize` subresource changes it
  },
  markDeleted(draft) {
    draft['status'] = { ...objectAt(draft, 'status'), phase: 'Terminating' };
  },
  isHeld: (object) => namespaceFinalizers(object).length > 0,
  returnsDeleted: true,
};

export function namespaceFinalizers(object: KubeObject): readonly string[] {
  return listAt(objectAt(object, 'spec'), 'finalizers').filter((name) => typeof name === 'string');
}
