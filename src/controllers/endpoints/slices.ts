// EndpointSlices of a Service: its Pods' addresses, as kube-proxy, meshes and DNS read them.
// https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
//
// An endpoint stays in the slice it is in, so that a change of one Pod changes one slice.
import { isDeepStrictEqual } from 'node:util';
import { fieldsOf, objectsAt, textAt } from '#kube/fields.ts';
import type { KubeObject } from '#kube/objects.ts';
import { ENDPOINT_SLICE, SERVICE } from '#kube/resources.ts';
import type { PlanContext } from '../controller.ts';
import { controllerReference, isDeleting } from '../owners.ts';
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
  type Backend,
  type EndpointPort,
} from './service.ts';

export const SERVICE_NAME = 'kubernetes.io/service-name';
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const MANAGER = 'endpointslice-controller.k8s.io';
const HEADLESS = 'service.kubernetes.io/headless';
const ZONE = 'topology.kubernetes.io/zone';

/** Kubernetes' default of --max-endpoints-per-slice. */
const ENDPOINTS_PER_SLICE_MAX = 100;

export type SliceFacts = {
  readonly service: KubeObject;
  /** All Pods of its namespace. */
  readonly pods: readonly KubeObject[];
  /** All EndpointSlices of its namespace. */
  readonly slices: readonly KubeObject[];
  readonly nodes: readonly KubeObject[];
};

/** Is this slice of the Service, and ours to change? */
export function isManaged({ metadata }: KubeObject, serviceName: string): boolean {
  const { [SERVICE_NAME]: name, [MANAGED_BY]: manager } = metadata.labels ?? {};
  return name === serviceName && manager === MANAGER;
}

/** Endpoints that may share a slice: of one family, with the same ports. */
type Group = {
  readonly addressType: 'IPv4' | 'IPv6';
  readonly ports: readonly EndpointPort[];
  /** By the Pod's uid. */
  readonly endpoints: Map<string, object>;
};

export function planSlices(facts: SliceFacts, { random }: PlanContext): readonly Write[] {
  const { service } = facts;
  const mine = facts.slices.filter(
    (slice) => isManaged(slice, service.metadata.name) && !isDeleting(slice),
  );
  const groups = groupsOf(facts);
  const left = new Set(mine);
  const writes = groups.flatMap((group) => {
    const own = mine.filter((slice) => left.has(slice) && isOfGroup(slice, group));
    const { kept, planned } = planGroup(service, group, own, random);
    for (const slice of kept) left.delete(slice);
    return planned;
  });
  const removals = [...left].map((object): Write => ({
    verb: 'remove',
    type: ENDPOINT_SLICE,
    object,
  }));
  // First what is new, so that no address is missing in between.
  return [...writes, ...removals];
}

/** At least one for each family: a Service without Pods has an empty slice, which says so. */
function groupsOf({ service, pods, nodes }: SliceFacts): readonly Group[] {
  const zones = new Map(nodes.map(({ metadata }) => [metadata.name, metadata.labels?.[ZONE]]));
  const backends = backendsOf(service, pods);
  const ports = portsOf(service);
  return familiesOf(service).flatMap((addressType) => {
    const groups = new Map<string, Group>();
    const groupWith = (its: readonly EndpointPort[]): Group => {
      const key = JSON.stringify(its);
      const group = groups.get(key) ?? { addressType, ports: its, endpoints: new Map() };
      groups.set(key, group);
      return group;
    };
    for (const backend of backends) {
      const [address] = addressesOf(backend.pod, addressType);
      if (address === undefined) continue;
      const its = endpointPorts(ports, backend.pod);
      if (its.length === 0 && ports.length > 0) continue; // no container has such a port
      const zone = zones.get(nodeNameOf(backend.pod));
      const endpoint = endpointOf(backend, { address, zone, service });
      groupWith(its).endpoints.set(backend.pod.metadata.uid ?? '', endpoint);
    }
    if (groups.size === 0) groupWith([]);
    return [...groups.values()];
  });
}

function endpointOf(
  { pod, isReady, isServing, isTerminating }: Backend,
  its: {
    readonly address: string;
    readonly zone: string | undefined;
    readonly service: KubeObject;
  },
): object {
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

function isOfGroup(slice: KubeObject, { addressType, ports }: Group): boolean {
  const its = objectsAt(slice, 'ports').map((port) => ({ appProtocol: '', ...port }));
  const wanted = ports.map((port) => ({ appProtocol: '', ...port }));
  return slice['addressType'] === addressType && isDeepStrictEqual(its, wanted);
}

/** `kept`: slices that stay, as they are or changed. */
function planGroup(
  service: KubeObject,
  { addressType, ports, endpoints }: Group,
  slices: readonly KubeObject[],
  random: () => number,
): { readonly kept: readonly KubeObject[]; readonly planned: readonly Write[] } {
  const toPlace = new Map(endpoints);
  const take = (uid: string): readonly object[] => {
    const endpoint = toPlace.get(uid);
    toPlace.delete(uid);
    return endpoint ? [endpoint] : [];
  };
  const contents = slices.map((slice) => ({
    slice,
    endpoints: objectsAt(slice, 'endpoints').flatMap((endpoint) =>
      take(textAt(fieldsOf(endpoint, 'targetRef'), 'uid')),
    ),
  }));
  for (const content of contents) {
    const room = ENDPOINTS_PER_SLICE_MAX - content.endpoints.length;
    const more = [...toPlace.keys()].slice(0, Math.max(0, room));
    content.endpoints.push(...more.flatMap(take));
  }
  const used = contents.filter((content) => content.endpoints.length > 0);
  const rest = chunked([...toPlace.values()], ENDPOINTS_PER_SLICE_MAX);
  // Nobody is there: one slice stays to say so, or is made to.
  const isEmpty = used.length + rest.length === 0;
  const kept = isEmpty ? contents.slice(0, 1) : used;
  const created = isEmpty && kept.length === 0 ? [[]] : rest;
  const metadata = metadataFor(service);
  return {
    kept: kept.map(({ slice }) => slice),
    planned: [
      ...kept.flatMap((content) => planUpdate(content.slice, { metadata, ...content })),
      ...created.map((some): Write => {
        const name = `${service.metadata.name}-${suffix(random)}`;
        const object = { metadata: { ...metadata, name }, addressType, endpoints: some, ports };
        return { verb: 'create', type: ENDPOINT_SLICE, object };
      }),
    ],
  };
}

function planUpdate(
  slice: KubeObject,
  next: { readonly endpoints: readonly object[]; readonly metadata: Metadata },
): readonly Write[] {
  const { endpoints, metadata } = next;
  const isSame =
    isDeepStrictEqual(slice['endpoints'] ?? [], endpoints) &&
    isDeepStrictEqual(slice.metadata.labels, metadata.labels);
  if (isSame) return [];
  const merged = { ...slice.metadata, labels: metadata.labels };
  return [
    { verb: 'update', type: ENDPOINT_SLICE, object: { ...slice, metadata: merged, endpoints } },
  ];
}

type Metadata = ReturnType<typeof metadataFor>;

/** The Service's own labels go along, but for those that say what a slice is. */
function metadataFor(service: KubeObject) {
  const { namespace, name } = service.metadata;
  const labels: Record<string, string> = {
    ...service.metadata.labels,
    [SERVICE_NAME]: name,
    [MANAGED_BY]: MANAGER,
    ...(isHeadless(service) && { [HEADLESS]: '' }),
  };
  return {
    ...(namespace !== undefined && { namespace }),
    generateName: `${name}-`,
    labels,
    ownerReferences: [controllerReference(SERVICE, service)],
  };
}

function chunked<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, at) => items.slice(at * size, (at + 1) * size));
}

const suffix = (random: () => number): string =>
  Math.floor(random() * 36 ** 5)
    .toString(36)
    .padStart(5, '0');
