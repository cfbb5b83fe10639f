// Which workloads have a proxy, or will get one.
import { fieldsOf, objectsAt, textAt, textMapOf } from '#kube/fields.ts';
import type { Fields } from '#kube/fields.ts';
import type { Resource } from './resource.ts';
import { NAMESPACE } from './resource.ts';
import { annotationsOf, labelsOf, specOf } from './selectors.ts';
import type { Labels } from './selectors.ts';
import type { Snapshot } from './snapshot.ts';

export const PROXY_CONTAINER = 'istio-proxy';
export const INJECTION = 'istio-injection';
export const REVISION = 'istio.io/rev';
export const DATAPLANE_MODE = 'istio.io/dataplane-mode';
export const INJECT = 'sidecar.istio.io/inject';
const REDIRECTION = 'ambient.istio.io/redirection';

type Workload = {
  readonly namespace: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly containers: readonly Fields[];
};

export function isPodInMesh(pod: Resource, snapshot: Snapshot): boolean {
  return isInMesh(
    {
      namespace: pod.namespace,
      labels: labelsOf(pod),
      annotations: annotationsOf(pod),
      containers: allContainers(specOf(pod)),
    },
    snapshot,
  );
}

export function isDeploymentInMesh(deployment: Resource, snapshot: Snapshot): boolean {
  const template = fieldsOf(specOf(deployment)['template']);
  const { labels, annotations } = fieldsOf(template, 'metadata');
  return isInMesh(
    {
      namespace: deployment.namespace,
      labels: textMapOf(labels),
      annotations: textMapOf(annotations),
      containers: objectsAt(fieldsOf(template, 'spec'), 'containers'),
    },
    snapshot,
  );
}

/** A proxy that is there, then the Pod's own word, then its namespace's. */
function isInMesh(workload: Workload, snapshot: Snapshot): boolean {
  if (proxyImage(workload.containers) !== '') return true;
  const own = workload.labels[INJECT] ?? workload.annotations[INJECT];
  if (own !== undefined) return own === 'true';
  const namespace = snapshot.find(NAMESPACE, '', workload.namespace);
  return namespace !== undefined && labelsOf(namespace)[INJECTION] === 'enabled';
}

/** Of the Pod's spec: init containers may be proxies, too. */
export function allContainers(spec: Fields): readonly Fields[] {
  return [...objectsAt(spec, 'containers'), ...objectsAt(spec, 'initContainers')];
}

/** Empty without a proxy. */
export function proxyImage(containers: readonly Fields[]): string {
  const proxy = containers.find((container) => textAt(container, 'name') === PROXY_CONTAINER);
  return proxy === undefined ? '' : textAt(proxy, 'image');
}

export const isInAmbientMode = (pod: Resource): boolean =>
  annotationsOf(pod)[REDIRECTION] === 'enabled';

export function isAmbientNamespace(namespace: Resource | undefined): boolean {
  if (namespace === undefined) return false;
  const labels = labelsOf(namespace);
  if (labels[INJECTION] === 'enabled' || (labels[REVISION] ?? '') !== '') return false;
  return labels[DATAPLANE_MODE] === 'ambient';
}

/** Istio's own parts are not measured by the rules for applications. */
export function isControlPlane(resource: Resource): boolean {
  const labels = labelsOf(resource);
  return labels['istio'] !== undefined || labels['release'] === 'istio';
}
