// Pods for tests: as the API has them, filled in where a test says nothing.
import type { KubeObject } from '#kube/objects.ts';
import type { ObjectLookup } from './objects.ts';
import { readPod } from './read.ts';
import type { PodPlace } from './self.ts';
import type { ContainerSpec, PodView } from './spec.ts';

export const UID = '0aa3b2c1-1111-2222-3333-444455556666';

export function fakePodObject(
  spec: Readonly<Record<string, unknown>> = {},
  rest: { readonly metadata?: object; readonly status?: unknown } = {},
): KubeObject {
  const metadata = { name: 'shelf-1', namespace: 'library', uid: UID, labels: { app: 'shelf' } };
  return {
    metadata: { ...metadata, ...rest.metadata },
    spec: { containers: [{ name: 'main', image: 'busybox' }], ...spec },
    status: rest.status,
  };
}

export const fakePod = (...args: Parameters<typeof fakePodObject>): PodView =>
  readPod(fakePodObject(...args));

/** The only container of a Pod, as the API has it. */
export function fakeContainer(container: Readonly<Record<string, unknown>>): {
  readonly pod: PodView;
  readonly container: ContainerSpec;
} {
  const pod = fakePod({ containers: [{ name: 'main', image: 'busybox', ...container }] });
  const [only] = pod.spec.containers;
  if (!only) throw new Error('a Pod without containers');
  return { pod, container: only };
}

export const PLACE: PodPlace = {
  podIp: '10.24.2.7',
  hostIp: '10.24.0.2',
  nodeName: 'lab-node',
  allocatable: { cpu: '4', memory: '8Gi' },
};

/** Objects by `secret/name` or `configmap/name`. */
export function fakeLookup(
  objects: Readonly<Record<string, Readonly<Record<string, string>>>>,
): ObjectLookup {
  return (kind, name) => {
    const data = objects[`${kind}/${name}`];
    return data && new Map(Object.entries(data).map(([key, text]) => [key, Buffer.from(text)]));
  };
}
