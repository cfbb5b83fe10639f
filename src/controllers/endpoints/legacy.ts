// Endpoints, the older form of EndpointSlices: one object for each Service, with its name.
// https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoints-v1/
import { isDeepStrictEqual } from 'node:util';
import { objectsAt } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { ENDPOINTS } from '#kube/resources.ts';
import { nodeNameOf } from '../pods.ts';
import type { Write } from '../write.ts';
import {
  addressesOf,
  backendsOf,
  endpointPorts,
  familiesOf,
  hostnameOf,
  isHeadless,
  portsOf,
  referenceTo,
} from './service.ts';

const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
const MANAGER = 'endpoint-controller';
const HEADLESS = 'service.kubernetes.io/headless';
/** One object holds so many addresses; who has more must read EndpointSlices. */
const ADDRESSES_MAX = 1000;
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';

export type EndpointsFacts = {
  readonly service: KubeObject;
  /** All Pods of its namespace. */
  readonly pods: readonly KubeObject[];
  /** The Endpoints of the Service's name. */
  readonly present: KubeObject | undefined;
};

export const isManagedEndpoints = ({ metadata }: KubeObject): boolean =>
  metadata.labels?.[MANAGED_BY] === MANAGER;

export function planEndpoints(facts: EndpointsFacts): readonly Write[] {
  const { service, present } = facts;
  const { subsets, isTruncated } = subsetsOf(facts);
  const { name, namespace } = service.metadata;
  const labels = {
    ...service.metadata.labels,
    [MANAGED_BY]: MANAGER,
    ...(isHeadless(service) && { [HEADLESS]: '' }),
  };
  const { [OVER_CAPACITY]: _mark, ...others } = present?.metadata.annotations ?? {};
  const annotations = { ...others, ...(isTruncated && { [OVER_CAPACITY]: 'truncated' }) };
  if (!present) {
    const metadata = { name, ...(namespace !== undefined && { namespace }), labels, annotations };
    return [{ verb: 'create', type: ENDPOINTS, object: { metadata, subsets } }];
  }
  const isSame =
    isDeepStrictEqual(objectsAt(present, 'subsets'), subsets) &&
    isDeepStrictEqual(present.metadata.labels, labels) &&
    isDeepStrictEqual(present.metadata.annotations ?? {}, annotations);
  if (isSame) return [];
  const metadata = { ...present.metadata, labels, annotations };
  return [{ verb: 'update', type: ENDPOINTS, object: { ...present, metadata, subsets } }];
}

type Subset = {
  readonly ports: readonly object[];
  readonly addresses: object[];
  readonly notReadyAddresses: object[];
};

function subsetsOf({ service, pods }: EndpointsFacts) {
  const [family = 'IPv4'] = familiesOf(service);
  const ports = portsOf(service);
  const subsets = new Map<string, Subset>();
  // What is on its way out is told by EndpointSlices only.
  const backends = backendsOf(service, pods).filter(
    ({ isReady, isTerminating }) => isReady || !isTerminating,
  );
  for (const { pod, isReady } of backends.slice(0, ADDRESSES_MAX)) {
    const [ip] = addressesOf(pod, family);
    const its = endpointPorts(ports, pod);
    if (ip === undefined || (its.length === 0 && ports.length > 0)) continue;
    const key = JSON.stringify(its);
    const subset = subsets.get(key) ?? { ports: its, addresses: [], notReadyAddresses: [] };
    subsets.set(key, subset);
    const [hostname, nodeName] = [hostnameOf(pod, service), nodeNameOf(pod)];
    (isReady ? subset.addresses : subset.notReadyAddresses).push({
      ip,
      ...(hostname !== '' && { hostname }),
      ...(nodeName !== '' && { nodeName }),
      targetRef: referenceTo(pod),
    });
  }
  return {
    subsets: [...subsets.values()].map(withoutEmptyLists),
    isTruncated: backends.length > ADDRESSES_MAX,
  };
}

const withoutEmptyLists = (subset: Subset): object =>
  Object.fromEntries(Object.entries(subset).filter(([, list]) => list.length > 0));
