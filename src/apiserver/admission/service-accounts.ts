// A Pod speaks for a service account, and that must be there: without it the node has no token to
// give, and the mesh no identity.
import { ensureDefaultAccount } from '../controllers/default-accounts.ts';
import { objectAt, stringAt } from '../object.ts';
import { forbiddenFor } from '../status.ts';
import type { Admission, AdmissionRequest } from './admission.ts';

const DEFAULT = 'default';

/**
 * Refuses new Pods whose service account is not there. The `default` one every namespace has, or is
 * given in time, so that a Pod may follow its namespace at once.
 */
export const serviceAccounts: Admission = {
  mutate: (request) => requireAccount(request),
  validate: () => Promise.resolve(),
};

async function requireAccount(request: AdmissionRequest): Promise<void> {
  const { scope, operation, object } = request;
  const { kind } = scope.served;
  const isPod = kind.group === '' && kind.plural === 'pods';
  if (!isPod || operation !== 'CREATE' || scope.subresource !== '' || !object) return;
  const { backend, namespace } = scope;
  const name = stringAt(objectAt(object, 'spec'), 'serviceAccountName') || DEFAULT;
  if (name === DEFAULT) await ensureDefaultAccount(backend, namespace);
  if (backend.store.get({ resource: 'serviceaccounts', namespace, name })) return;
  const missing = `serviceaccount ${JSON.stringify(name)} not found`;
  const why = `error looking up service account ${namespace}/${name}: ${missing}`;
  throw forbiddenFor(kind, request.name, why);
}
