// What a new data folder begins with.
import { SERVER_USER } from './auth/user.ts';
import { createIfMissing, scopeFor } from './controllers/objects.ts';
import type { Backend } from './registry/scope.ts';

const MANAGER = SERVER_USER.username;

/** Creates the namespaces that are not there. */
export async function createNamespaces(
  backend: Backend,
  namespaces: readonly string[],
): Promise<void> {
  const scope = scopeFor(backend, { resource: 'namespaces', namespace: '' }, MANAGER);
  for (const name of namespaces) {
    const key = { resource: 'namespaces', namespace: '', name };
    if (backend.store.get(key)) continue;
    await createIfMissing(scope, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
}
