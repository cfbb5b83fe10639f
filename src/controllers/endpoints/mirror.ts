// Endpoints that somebody writes by hand, for a Service without a selector, as EndpointSlices: who
// reads only these sees them, too.
// https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#endpointslice-mirroring
import { isIP } from 'node:net';
import { fieldsOf, numberAt, objectsAt, textAt, type Fields } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { ENDPOINTS } from '#kube/resources.ts';
import type { PlanContext } from '../controller.ts';
import { controllerReference } from '../owners.ts';
import type { Write } from '../write.ts';
import { planPlacement, type Group } from './place.ts';
import type { EndpointPort } from './service.ts';
import { managedSlices, SERVICE_NAME, SLICE_MANAGED_BY } from './slices.ts';

const MANAGER = 'endpointslicemirroring-controller.k8s.io';
const SKIP = 'endpointslice.kubernetes.io/skip-mirror';
/** Of one subset; more is not mirrored, as in Kubernetes. */
const ADDRESSES_MAX = 1000;

export const mirroredSlices = (slices: readonly KubeObject[], name: string) =>
  managedSlices(slices, name, MANAGER);

export const isMirrored = ({ metadata }: KubeObject): boolean => metadata.labels?.[SKIP] !== 'true';

/** @param slices all of the namespace */
export function planMirror(
  endpoints: KubeObject,
  slices: readonly KubeObject[],
  { random }: PlanContext,
): readonly Write[] {
  const { name, namespace } = endpoints.metadata;
  const metadata = {
    ...(namespace !== undefined && { namespace }),
    generateName: `${name}-`,
    labels: {
      ...endpoints.metadata.labels,
      [SERVICE_NAME]: name,
      [SLICE_MANAGED_BY]: MANAGER,
    },
    ownerReferences: [controllerReference(ENDPOINTS, endpoints)],
  };
  const groups = objectsAt(endpoints, 'subsets').flatMap(groupsOf);
  const present = mirroredSlices(slices, name);
  return planPlacement({ present, groups, metadata, random });
}

function groupsOf(subset: Fields): readonly Group[] {
  const ports = objectsAt(subset, 'ports').map(portOf);
  const all = [
    ...objectsAt(subset, 'addresses').map((address) => endpointOf(address, true)),
    ...objectsAt(subset, 'notReadyAddresses').map((address) => endpointOf(address, false)),
  ].slice(0, ADDRESSES_MAX);
  return (['IPv4', 'IPv6'] as const).flatMap((addressType) => {
    const version = addressType === 'IPv4' ? 4 : 6;
    const endpoints = all.filter(({ ip }) => isIP(ip) === version).map(({ endpoint }) => endpoint);
    return endpoints.length === 0 ? [] : [{ addressType, ports, endpoints }];
  });
}

function portOf(port: Fields): EndpointPort {
  const appProtocol = textAt(port, 'appProtocol');
  return {
    name: textAt(port, 'name'),
    protocol: textAt(port, 'protocol') || 'TCP',
    port: numberAt(port, 'port') ?? 0,
    ...(appProtocol !== '' && { appProtocol }),
  };
}

function endpointOf(address: Fields, isReady: boolean): { ip: string; endpoint: Fields } {
  const ip = textAt(address, 'ip');
  const [hostname, nodeName] = [textAt(address, 'hostname'), textAt(address, 'nodeName')];
  const targetRef = fieldsOf(address, 'targetRef');
  const endpoint = {
    addresses: [ip],
    conditions: { ready: isReady },
    ...(hostname !== '' && { hostname }),
    ...(nodeName !== '' && { nodeName }),
    ...(Object.keys(targetRef).length > 0 && { targetRef }),
  };
  return { ip, endpoint };
}
