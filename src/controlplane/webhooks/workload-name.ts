// What a Pod is an instance of: the name of its workload, as graphs and metrics show it.
// https://istio.io/latest/docs/ops/deployment/application-requirements/ (canonical service)
import { objectsAt, textAt, textMapOf, type Fields } from '#kube/fields.ts';

export type WorkloadName = {
  readonly name: string;
  /** `kubernetes://apis/apps/v1/namespaces/shop/deployments/web` */
  readonly owner: string;
  readonly canonicalName: string;
  readonly canonicalRevision: string;
};

const TEMPLATE_HASH = 'pod-template-hash';

export function workloadNameOf(metadata: Fields, namespace: string): WorkloadName {
  const labels = textMapOf(metadata['labels']);
  const controller = controllerOf(metadata, labels[TEMPLATE_HASH]);
  const { name } = controller;
  return {
    name,
    owner: `kubernetes://apis/${controller.apiVersion}/namespaces/${namespace}/${controller.plural}/${name}`,
    canonicalName:
      labels['service.istio.io/canonical-name'] ??
      labels['app.kubernetes.io/name'] ??
      labels['app'] ??
      name,
    canonicalRevision:
      labels['service.istio.io/canonical-revision'] ??
      labels['app.kubernetes.io/version'] ??
      labels['version'] ??
      'latest',
  };
}

/** A ReplicaSet that carries its Deployment's hash in its name stands for the Deployment. */
function controllerOf(metadata: Fields, hash: string | undefined) {
  const controller = objectsAt(metadata, 'ownerReferences').find(
    (owner) => owner['controller'] === true,
  );
  if (!controller) {
    const name = textAt(metadata, 'name') || textAt(metadata, 'generateName').replace(/-$/, '');
    return { apiVersion: 'v1', plural: 'pods', name };
  }
  const { apiVersion, kind, name } = {
    apiVersion: textAt(controller, 'apiVersion'),
    kind: textAt(controller, 'kind'),
    name: textAt(controller, 'name'),
  };
  if (kind === 'ReplicaSet' && hash !== undefined && name.endsWith(`-${hash}`)) {
    return { apiVersion, plural: 'deployments', name: name.slice(0, -hash.length - 1) };
  }
  return { apiVersion, plural: `${kind.toLowerCase()}s`, name };
}
