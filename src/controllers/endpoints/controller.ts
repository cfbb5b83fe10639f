// When to look at the endpoints of which Service.
import { isDeepStrictEqual } from 'node:util';
import { fieldsOf } from '#kube/fields.ts';
import { labelsMatch } from '#kube/label-selector.ts';
import { objectKey, type KubeObject } from '#kube/objects.ts';
import { ENDPOINT_SLICE, ENDPOINTS, NODE, POD, SERVICE } from '#kube/resources.ts';
import { NOTHING_TO_DO, ownKey, type Controller, type Trigger } from '../controller.ts';
import { isDeleting } from '../owners.ts';
import type { ObjectChange } from '../object-cache.ts';
import { refOfKey, type Caches } from '../reader.ts';
import type { Write } from '../write.ts';
import { isManagedEndpoints, planEndpoints } from './legacy.ts';
import { isSelecting } from './service.ts';
import { isMirrored, mirroredSlices, planMirror } from './mirror.ts';
import { managedSlices, planSlices, SERVICE_NAME, ZONE } from './slices.ts';

const byPod: Trigger = {
  type: POD,
  keysOf: ({ before, after }, caches) =>
    new Set([before, after].flatMap((pod) => (pod ? servicesOf(pod, caches) : []))),
};

function servicesOf({ metadata }: KubeObject, caches: Caches): string[] {
  return caches
    .of(SERVICE)
    .list(metadata.namespace)
    .filter(({ spec }) => labelsMatch(fieldsOf(spec)['selector'])(metadata.labels))
    .map((service) => objectKey(service.metadata));
}

const byNode: Trigger = {
  type: NODE,
  keysOf: ({ before, after }, caches) => {
    const zoneOf = (node: KubeObject | undefined) => node?.metadata.labels?.[ZONE];
    if (isDeepStrictEqual(zoneOf(before), zoneOf(after))) return [];
    return caches
      .of(SERVICE)
      .list()
      .map(({ metadata }) => objectKey(metadata));
  },
};

export const ENDPOINT_SLICE_CONTROLLER: Controller = {
  name: 'endpoint-slice-controller',
  triggers: [
    { type: SERVICE, keysOf: ownKey },
    { type: ENDPOINT_SLICE, keysOf: serviceOfSlice },
    byPod,
    byNode,
  ],
  async plan(key, reader, context) {
    const { namespace, name } = refOfKey(key);
    const service = await reader.get(SERVICE, { namespace, name });
    const slices = await reader.list(ENDPOINT_SLICE, namespace);
    if (!service || isDeleting(service)) {
      return { writes: managedSlices(slices, name).map(removal) };
    }
    if (!isSelecting(service)) return NOTHING_TO_DO;
    const [pods, nodes] = await Promise.all([reader.list(POD, namespace), reader.list(NODE)]);
    return { writes: planSlices({ service, slices, pods, nodes }, context) };
  },
};

function serviceOfSlice({ before, after }: ObjectChange): readonly string[] {
  const { namespace, labels } = (after ?? before)?.metadata ?? {};
  const name = labels?.[SERVICE_NAME];
  return name === undefined ? [] : [objectKey({ namespace, name })];
}

export const ENDPOINTS_CONTROLLER: Controller = {
  name: 'endpoint-controller',
  triggers: [{ type: SERVICE, keysOf: ownKey }, { type: ENDPOINTS, keysOf: ownKey }, byPod],
  async plan(key, reader) {
    const ref = refOfKey(key);
    const service = await reader.get(SERVICE, ref);
    const present = await reader.get(ENDPOINTS, ref);
    if (!service || isDeleting(service)) {
      const isOurs = present && isManagedEndpoints(present);
      return { writes: isOurs ? [{ verb: 'remove', type: ENDPOINTS, object: present }] : [] };
    }
    if (!isSelecting(service)) return NOTHING_TO_DO;
    const pods = await reader.list(POD, ref.namespace);
    return { writes: planEndpoints({ service, pods, present }) };
  },
};

export const ENDPOINTS_MIRROR: Controller = {
  name: 'endpointslice-mirroring-controller',
  triggers: [
    { type: SERVICE, keysOf: ownKey },
    { type: ENDPOINTS, keysOf: ownKey },
    { type: ENDPOINT_SLICE, keysOf: serviceOfSlice },
  ],
  async plan(key, reader, context) {
    const ref = refOfKey(key);
    const [service, endpoints] = await Promise.all([
      reader.get(SERVICE, ref),
      reader.get(ENDPOINTS, ref),
    ]);
    const slices = await reader.list(ENDPOINT_SLICE, ref.namespace);
    const isWanted = service && !isSelecting(service) && endpoints && isMirrored(endpoints);
    if (!isWanted) return { writes: mirroredSlices(slices, ref.name).map(removal) };
    return { writes: planMirror(endpoints, slices, context) };
  },
};

const removal = (object: KubeObject): Write => ({ verb: 'remove', type: ENDPOINT_SLICE, object });
