// Which endpoint goes into which EndpointSlice. One stays in the slice it is in, so that the change
// of one endpoint is the change of one slice.
import { isDeepStrictEqual } from 'node:util';
import { fieldsOf, objectsAt, textAt, textsAt, type Fields } from '#kube/fields.ts';
import type { KubeObject, ObjectMeta } from '#kube/objects.ts';
import { ENDPOINT_SLICE } from '#kube/resources.ts';
import type { Write } from '../write.ts';
import type { EndpointPort } from './service.ts';

/** Kubernetes' default of --max-endpoints-per-slice. */
const ENDPOINTS_PER_SLICE_MAX = 100;

/** Endpoints that may share a slice: of one family, with the same ports. */
export type Group = {
  readonly addressType: 'IPv4' | 'IPv6';
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Fields[];
};

export type Placement = {
  /** The slices that are there and ours to change. */
  readonly present: readonly KubeObject[];
  /** What they are to hold, all together. */
  readonly groups: readonly Group[];
  /** Of every slice; `generateName` begins their names. */
  readonly metadata: Omit<ObjectMeta, 'name'> & { readonly generateName: string };
  /** 0 (inclusive) to 1 (exclusive): makes names. */
  readonly random: () => number;
};

export function planPlacement(placement: Placement): readonly Write[] {
  const left = new Set(placement.present);
  const writes = placement.groups.flatMap((group) => {
    const own = [...left].filter((slice) => isOfGroup(slice, group));
    const { kept, planned } = planGroup(group, own, placement);
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

function isOfGroup(slice: KubeObject, { addressType, ports }: Group): boolean {
  const its = objectsAt(slice, 'ports').map((port) => ({ appProtocol: '', ...port }));
  const wanted = ports.map((port) => ({ appProtocol: '', ...port }));
  return slice['addressType'] === addressType && isDeepStrictEqual(its, wanted);
}

/** What an endpoint is known by: the object behind it, else its address. */
function keyOf(endpoint: Fields): string {
  return textAt(fieldsOf(endpoint, 'targetRef'), 'uid') || textsAt(endpoint, 'addresses').join();
}

/** `kept`: slices that stay, as they are or changed. */
function planGroup(
  { addressType, ports, endpoints }: Group,
  slices: readonly KubeObject[],
  { metadata, random }: Placement,
): { readonly kept: readonly KubeObject[]; readonly planned: readonly Write[] } {
  const toPlace = new Map(endpoints.map((endpoint) => [keyOf(endpoint), endpoint]));
  const take = (key: string): readonly Fields[] => {
    const endpoint = toPlace.get(key);
    toPlace.delete(key);
    return endpoint ? [endpoint] : [];
  };
  const contents = slices.map((slice) => ({
    slice,
    endpoints: objectsAt(slice, 'endpoints').flatMap((endpoint) => take(keyOf(endpoint))),
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
  return {
    kept: kept.map(({ slice }) => slice),
    planned: [
      ...kept.flatMap((content) => planUpdate(content.slice, { metadata, ...content })),
      ...created.map((some): Write => {
        const name = metadata.generateName + suffix(random);
        const object = { metadata: { ...metadata, name }, addressType, endpoints: some, ports };
        return { verb: 'create', type: ENDPOINT_SLICE, object };
      }),
    ],
  };
}

function planUpdate(
  slice: KubeObject,
  next: { readonly endpoints: readonly Fields[]; readonly metadata: Placement['metadata'] },
): readonly Write[] {
  const { endpoints } = next;
  const { labels = {} } = next.metadata;
  const isSame =
    isDeepStrictEqual(slice['endpoints'] ?? [], endpoints) &&
    isDeepStrictEqual(slice.metadata.labels, labels);
  if (isSame) return [];
  const object = { ...slice, metadata: { ...slice.metadata, labels }, endpoints };
  return [{ verb: 'update', type: ENDPOINT_SLICE, object }];
}

function chunked<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, at) => items.slice(at * size, (at + 1) * size));
}

const suffix = (random: () => number): string =>
  Math.floor(random() * 36 ** 5)
    .toString(36)
    .padStart(5, '0');
