// What a Pod may be told of itself: fields (`metadata.name`) and resources (`limits.memory`).
import { quantityIn } from './quantity.ts';
import type { ContainerSpec, FieldSource, PodView } from './spec.ts';

/** Where a Pod runs, known once it has its network. */
export type PodPlace = {
  readonly podIp: string;
  readonly hostIp: string;
  readonly nodeName: string;
  /** What the node has, which stands for a limit that is not set. */
  readonly allocatable: Readonly<Record<string, string>>;
};

export type SelfValue =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: string };

/** @param own the container whose resources a source without a container's name means */
export function selfValue(
  source: FieldSource,
  about: {
    readonly pod: PodView;
    readonly place: PodPlace;
    readonly own: ContainerSpec | undefined;
  },
): SelfValue {
  const text =
    source.kind === 'field' ? fieldText(source.path, about) : resourceText(source, about);
  if (text !== undefined) return { ok: true, text };
  const what = source.kind === 'field' ? source.path : source.resource;
  return { ok: false, problem: `unsupported fieldPath: ${what}` };
}

const KEYED = /^metadata\.(labels|annotations)\['([^']+)'\]$/;

function fieldText(
  path: string,
  { pod, place }: { readonly pod: PodView; readonly place: PodPlace },
): string | undefined {
  const [, map, key = ''] = KEYED.exec(path) ?? [];
  if (map !== undefined) return (map === 'labels' ? pod.labels : pod.annotations)[key] ?? '';
  switch (path) {
    case 'metadata.name':
      return pod.name;
    case 'metadata.namespace':
      return pod.namespace;
    case 'metadata.uid':
      return pod.uid;
    case 'metadata.labels':
      return renderMap(pod.labels);
    case 'metadata.annotations':
      return renderMap(pod.annotations);
    case 'spec.nodeName':
      return place.nodeName;
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccount;
    case 'status.podIP':
    case 'status.podIPs':
      return place.podIp;
    case 'status.hostIP':
    case 'status.hostIPs':
      return place.hostIp;
    default:
      return undefined;
  }
}

/** As kubelet writes maps into files: sorted, one `key="value"` to a line. */
function renderMap(map: Readonly<Record<string, string>>): string {
  return Object.keys(map)
    .toSorted()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n');
}

function resourceText(
  source: Extract<FieldSource, { kind: 'resource' }>,
  about: {
    readonly pod: PodView;
    readonly place: PodPlace;
    readonly own: ContainerSpec | undefined;
  },
): string | undefined {
  const { initContainers, containers } = about.pod.spec;
  const named = [...initContainers, ...containers].find(({ name }) => name === source.container);
  const container = source.container === '' ? about.own : named;
  const [, part, resource = ''] = /^(requests|limits)\.(.+)$/.exec(source.resource) ?? [];
  if (!container || part === undefined) return undefined;
  const { requests, limits } = container;
  const asked = part === 'requests' ? (requests[resource] ?? limits[resource]) : limits[resource];
  const fallback = part === 'requests' ? '0' : about.place.allocatable[resource];
  const quantity = asked ?? fallback;
  return quantity === undefined ? undefined : quantityIn(quantity, source.divisor);
}
