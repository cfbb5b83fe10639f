// What a new data folder begins with, and what every start mends.
import { SERVER_USER } from './auth/user.ts';
import { createIfMissing, scopeFor, updateIfThere } from './controllers/objects.ts';
import { draftOf, isSameJson, objectsAt } from './object.ts';
import type { JsonObject } from './object.ts';
import type { BootstrapRole } from './rbac/bootstrap-roles.ts';
import type { Backend } from './registry/scope.ts';

const MANAGER = SERVER_USER.username;
const RBAC = 'rbac.authorization.k8s.io';
const API_VERSION = `${RBAC}/v1`;
/** Set to `false` by an administrator who wants to keep a role as it is. */
const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate';
const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };

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

/**
 * Says whose client certificates are good, as every API server does for those that extend it.
 * https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/
 */
export async function publishClientAuthority(
  backend: Backend,
  authorityPem: string,
): Promise<void> {
  const namespace = 'kube-system';
  const name = 'extension-apiserver-authentication';
  if (!backend.store.get({ resource: 'namespaces', namespace: '', name: namespace })) return;
  const scope = scopeFor(backend, { resource: 'configmaps', namespace }, MANAGER);
  const data = { 'client-ca-file': authorityPem };
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
  const created = await createIfMissing(scope, configMap);
  if (!created) await updateIfThere(scope, name, (now) => ({ ...draftOf(now), data }));
}

/**
 * Creates the roles and bindings that are not there, brings the roles' rules up to date, and adds
 * to the bindings whoever is missing.
 */
export async function createRoles(
  backend: Backend,
  roles: readonly BootstrapRole[],
): Promise<void> {
  for (const role of roles) {
    await putRole(backend, role);
    await bindRole(backend, role);
  }
}

async function putRole(backend: Backend, { name, rules }: BootstrapRole): Promise<void> {
  const resource = `clusterroles.${RBAC}`;
  const scope = scopeFor(backend, { resource, namespace: '' }, MANAGER);
  const wanted: readonly JsonObject[] = rules.map((rule) => ({ ...rule }));
  const found = backend.store.get({ resource, namespace: '', name });
  if (!found) {
    const metadata = { name, labels: LABELS, annotations: { [AUTO_UPDATE]: 'true' } };
    const role = { apiVersion: API_VERSION, kind: 'ClusterRole', metadata, rules: wanted };
    await createIfMissing(scope, role);
    return;
  }
  const isKept = found.metadata.annotations?.[AUTO_UPDATE] === 'false';
  if (isKept || isSameJson(found['rules'], wanted)) return;
  await updateIfThere(scope, name, (current) => ({ ...draftOf(current), rules: wanted }));
}

async function bindRole(backend: Backend, role: BootstrapRole): Promise<void> {
  const { name, users = [], groups = [] } = role;
  if (users.length + groups.length === 0) return;
  const resource = `clusterrolebindings.${RBAC}`;
  const scope = scopeFor(backend, { resource, namespace: '' }, MANAGER);
  const subject = (kind: string) => (subjectName: string) => ({
    apiGroup: RBAC,
    kind,
    name: subjectName,
  });
  const subjects = [...users.map(subject('User')), ...groups.map(subject('Group'))];
  const found = backend.store.get({ resource, namespace: '', name });
  if (found) {
    const present = objectsAt(found, 'subjects');
    const isThere = (one: JsonObject): boolean => present.some((it) => isSameJson(it, one));
    const missing = subjects.filter((one) => !isThere(one));
    const isKept = found.metadata.annotations?.[AUTO_UPDATE] === 'false';
    if (isKept || missing.length === 0) return;
    await updateIfThere(scope, name, (current) => ({
      ...draftOf(current),
      subjects: [...objectsAt(current, 'subjects'), ...missing],
    }));
    return;
  }
  await createIfMissing(scope, {
    apiVersion: API_VERSION,
    kind: 'ClusterRoleBinding',
    metadata: { name, labels: LABELS, annotations: { [AUTO_UPDATE]: 'true' } },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name },
    subjects,
  });
}
