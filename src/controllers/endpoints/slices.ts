// EndpointSlices of a Service: its Pods' addresses, as kube-proxy, meshes and DNS read them.
// https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
import type { Fields } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { SERVICE } from '#kube/resources.ts';
import type { PlanContext } from '../controller.ts';
import { controllerReference, isDeleting } from '../owners.ts';
import { nodeNameOf } from '../pods.ts';
import type { Write } from '../write.ts';
import { planPlacement, type Group } from './place.ts';
import {
  addressesOf,
  backendsOf,
  endpointPorts,
  familiesOf,
  hostnameOf,
  isHeadless,
  portsOf,
  referenceTo,
  type Backend,
  type EndpointPort,
} from './service.ts';

export const SERVICE_NAME = 'kubernetes.io/service-name';
export const SLICE_MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
export const ZONE = 'topology.kubernetes.io/zone';
const MANAGER = 'endpointslice-controller.k8s.io';
const HEADLESS = 'service.kubernetes.io/headless';

export type SliceFacts = {
  readonly service: KubeObject;
  /** All Pods of its namespace. */
  readonly pods: readonly KubeObject[];
  /** All EndpointSlices of its namespace. */
  readonly slices: readonly KubeObject[];
  readonly nodes: readonly KubeObject[];
};

/** The Service's slices that are ours to change. */
export function managedSlices(
  slices: readonly KubeObject[],
  serviceName: string,
  manager = MANAGER,
): readonly KubeObject[] {
  return slices.filter((slice) => {
    const { [SERVICE_NAME]: name, [SLICE_MANAGED_BY]: by } = slice.metadata.labels ?? {};
    return name === serviceName && by === manager && !isDeleting(slice);
  });
}

export function planSlices(facts: SliceFacts, { random }: PlanContext): readonly Write[] {
  const { service, slices } = facts;
  const { namespace, name } = service.metadata;
  // The Service's own labels go along, but for those that say what a slice is.
  const labels = {
    ...service.metadata.labels,
    [SERVICE_NAME]: name,
    [SLICE_MANAGED_BY]: MANAGER,
    ...(isHeadless(service) && { [HEADLESS]: '' }),
  };
  const metadata = {
    ...(namespace !== undefined && { namespace }),
    generateName: `${name}-`,
    labels,
    ownerReferences: [controllerReference(SERVICE, service)],
  };
  const present = managedSlices(slices, name);
  return planPlacement({ present, groups: groupsOf(facts), metadata, random });
}

/** At least one for each family: a Service without Pods has an empty slice, which says so. */
function groupsOf({ service, pods, nodes }: SliceFacts): readonly Group[] {
  const zones = new Map(nodes.map(({ metadata }) => [metadata.name, metadata.labels?.[ZONE]]));
  const backends = backendsOf(service, pods);
  const ports = portsOf(service);
  return familiesOf(service).flatMap((addressType) => {
    const groups = new Map<string, { ports: readonly EndpointPort[]; endpoints: Fields[] }>();
    for (const backend of backends) {
      const [address] = addressesOf(backend.pod, addressType);
      const its = endpointPorts(ports, backend.pod);
      const lacksPorts = its.length === 0 && ports.length > 0; // no container has such a port
      if (address === undefined || lacksPorts) continue;
      const key = JSON.stringify(its);
      const group = groups.get(key) ?? { ports: its, endpoints: [] };
      groups.set(key, group);
      const zone = zones.get(nodeNameOf(backend.pod));
      group.endpoints.push(endpointOf(backend, { address, zone, service }));
    }
    const found = [...groups.values()];
    const filled = found.length > 0 ? found : [{ ports: [], endpoints: [] }];
    return filled.map((group) => ({ addressType, ...group }));
  });
}

function endpointOf(
  { pod, isReady, isServing, isTerminating }: Backend,
  its: {
    readonly address: string;
    readonly zone: string | undefined;
    readonly service: KubeObject;
  },
): Fields {
  const nodeName = nodeNameOf(pod);
  const hostname = hostnameOf(pod, its.service);
  return {
    addresses: [its.address],
    conditions: { ready: isReady, serving: isServing, terminating: isTerminating },
    ...(hostname !== '' && { hostname }),
    targetRef: referenceTo(pod),
    ...(nodeName !== '' && { nodeName }),
    ...(its.zone !== undefined && { zone: its.zone }),
  };
}
