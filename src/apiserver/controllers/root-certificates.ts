// Keeps the ConfigMap `kube-root-ca.crt` in every namespace: by it programs in Pods know that they
// speak to this server.
import { draftOf, objectAt } from '../object.ts';
import type { Backend } from '../registry/scope.ts';
import type { Controller } from './controller.ts';
import { createIfMissing, scopeFor, updateIfThere } from './objects.ts';

const MANAGER = 'root-ca-certificate-publisher';
const NAMESPACES = 'namespaces';
const CONFIG_MAPS = 'configmaps';
const NAME = 'kube-root-ca.crt';
/** In Kubernetes' own words, so that whoever compares finds nothing. */
const DESCRIPTION =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal ' +
  'endpoints such as the internal service IP or kubernetes.default.svc. ' +
  'No other usage is guaranteed across distributions of Kubernetes clusters.';

/** @param authorityPem what the server's certificate is signed by */
export function rootCertificates(authorityPem: string): Controller {
  return {
    name: MANAGER,
    initial: ({ store }) =>
      store.list({ resource: NAMESPACES }).map(({ metadata }) => metadata.name),
    affected: ({ key, type }) => {
      if (key.resource === NAMESPACES && type === 'ADDED') return [key.name];
      return key.resource === CONFIG_MAPS && key.name === NAME ? [key.namespace] : [];
    },
    reconcile: (backend) => (namespace) => publish(backend, namespace, authorityPem),
  };
}

async function publish(backend: Backend, namespace: string, authorityPem: string): Promise<void> {
  const found = backend.store.get({ resource: NAMESPACES, namespace: '', name: namespace });
  if (!found || found.metadata.deletionTimestamp !== undefined) return;
  const data = { 'ca.crt': authorityPem };
  const present = backend.store.get({ resource: CONFIG_MAPS, namespace, name: NAME });
  if (present && objectAt(present, 'data')['ca.crt'] === authorityPem) return;
  const scope = scopeFor(backend, { resource: CONFIG_MAPS, namespace }, MANAGER);
  const annotations = { 'kubernetes.io/description': DESCRIPTION };
  const metadata = { name: NAME, namespace, annotations };
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
  const created = await createIfMissing(scope, configMap);
  if (!created) await updateIfThere(scope, NAME, (current) => ({ ...draftOf(current), data }));
}
