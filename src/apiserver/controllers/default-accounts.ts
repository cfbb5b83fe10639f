// Keeps a ServiceAccount named `default` in every namespace.
import type { Backend } from '../registry/scope.ts';
import type { Controller } from './controller.ts';
import { createIfMissing, scopeFor } from './objects.ts';

const NAME = 'service-account-controller';
const NAMESPACES = 'namespaces';
const ACCOUNTS = 'serviceaccounts';
const DEFAULT = 'default';

export const defaultAccounts: Controller = {
  name: NAME,
  initial: ({ store }) => store.list({ resource: NAMESPACES }).map(({ metadata }) => metadata.name),
  affected: ({ key, type }) => {
    if (key.resource === NAMESPACES && type === 'ADDED') return [key.name];
    const isDefault = key.resource === ACCOUNTS && key.name === DEFAULT;
    return isDefault && type === 'DELETED' ? [key.namespace] : [];
  },
  reconcile: (backend) => (namespace) => ensureDefaultAccount(backend, namespace),
};

/** Creates the namespace's account unless it is there, or the namespace is about to go. */
export async function ensureDefaultAccount(backend: Backend, namespace: string): Promise<void> {
  const found = backend.store.get({ resource: NAMESPACES, namespace: '', name: namespace });
  if (!found || found.metadata.deletionTimestamp !== undefined) return;
  const key = { resource: ACCOUNTS, namespace, name: DEFAULT };
  if (backend.store.get(key)) return;
  const scope = scopeFor(backend, { resource: ACCOUNTS, namespace }, NAME);
  await createIfMissing(scope, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: DEFAULT, namespace },
  });
}
