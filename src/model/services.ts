// Services of the mesh: one for each host and namespace, of a Service, ServiceEntries, or both.
import type { KubeService } from '#istio/core/service.ts';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import { addressesOfHost } from '#istio/serviceentry/service-entry.ts';
import type { ServiceEntry, ServiceEntryResolution } from '#istio/serviceentry/service-entry.ts';
import { objectKey } from '#kube/objects.ts';
import { membersOf } from './collection.ts';
import type { Collection, Index } from './collection.ts';
import { deriveDefaultExport } from './default-export.ts';
import { equalData } from './equal.ts';
import type { Graph } from './graph.ts';
import type { Inputs } from './inputs.ts';
import { visibilityOf } from './service.ts';
import type { MeshService, Resolution, ServicePort, Visibility } from './service.ts';

export type Services = {
  readonly services: Collection<MeshService>;
  /** The Kubernetes Service in a service of the mesh, if there is one. */
  readonly kubeServiceOf: (service: MeshService) => KubeService | undefined;
  /** The ServiceEntries in a service of the mesh, the oldest first. */
  readonly entriesOf: (service: MeshService) => readonly ServiceEntry[];
};

/** @param options.clusterDomain what Kubernetes puts after `svc`, such as `cluster.local` */
export function deriveServices(
  graph: Graph,
  inputs: Inputs,
  options: { readonly clusterDomain: string; readonly defaults: MeshConfig },
): Services {
  const { clusterDomain, defaults } = options;
  const { serviceEntries } = inputs;
  const kubeByHost = graph.index('Services by host', inputs.services, ({ namespace, name }) => [
    `${namespace}/${name}.${namespace}.svc.${clusterDomain}`,
  ]);
  const entriesByHost = graph.index('ServiceEntries by host', serviceEntries, (entry) =>
    entry.hosts.map((host) => `${entry.namespace}/${host}`),
  );
  const field = 'defaultServiceExportTo';
  const defaultExportTo = deriveDefaultExport(graph, inputs, { field, defaults });
  const exportToOf = ({ exportTo, namespace }: KubeService | ServiceEntry): Visibility => {
    if (exportTo.length > 0) return visibilityOf(exportTo, namespace);
    return visibilityOf(defaultExportTo(), namespace);
  };
  const hosts = graph.union('hosts', [kubeByHost, entriesByHost]);
  const services = graph.derive(
    'services',
    hosts,
    (_, key) => {
      const kube = only(kubeByHost, key, inputs.services);
      const entries = membersOf(entriesByHost, key)
        .flatMap((entry) => serviceEntries.get(entry) ?? [])
        .toSorted(compareAge);
      return mergeService({ key, kube, entries, exportToOf });
    },
    equalData,
  );
  return {
    services,
    kubeServiceOf: ({ kubeService }) =>
      kubeService === undefined ? undefined : inputs.services.get(kubeService),
    entriesOf: (service) => service.serviceEntries.flatMap((key) => serviceEntries.get(key) ?? []),
  };
}

/** The one member of a group that has one at most. */
function only<V>(index: Index, group: string, values: Collection<V>): V | undefined {
  const [member] = membersOf(index, group);
  return member === undefined ? undefined : values.get(member);
}

type Aged = { readonly createdAtMs: number; readonly namespace: string; readonly name: string };

/** Older before newer, then by name: a total order. */
export function compareAge(a: Aged, b: Aged): number {
  return a.createdAtMs - b.createdAtMs || compareText(objectKey(a), objectKey(b));
}

export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function mergeService(parts: {
  readonly key: string;
  readonly kube: KubeService | undefined;
  /** The oldest first. */
  readonly entries: readonly ServiceEntry[];
  readonly exportToOf: (object: KubeService | ServiceEntry) => Visibility;
}): MeshService | undefined {
  const { key, kube, entries, exportToOf } = parts;
  const [oldest] = entries;
  const first = kube ?? oldest;
  if (first === undefined) return undefined;
  const clusterIps = kube?.clusterIps ?? [];
  const host = key.slice(first.namespace.length + 1);
  const claimed = entries.flatMap((entry) => addressesOfHost(entry, host));
  const addresses = [...new Set([...clusterIps, ...claimed])];
  return {
    key,
    namespace: first.namespace,
    host,
    createdAtMs: Math.min(...[...(kube ? [kube] : []), ...entries].map((it) => it.createdAtMs)),
    addresses,
    isHeadless: addresses.length === 0 && (kube?.externalName ?? '') === '',
    aliasOf: kube?.externalName ?? '',
    ports: kube ? portsOf([kube]) : portsOf(entries),
    resolution: resolutionOf(kube, entries),
    isExternal: kube === undefined && oldest?.isExternal === true,
    exportTo: kube ? exportToOf(kube) : uniteVisibility(entries.map(exportToOf)),
    subjectAltNames: [...new Set(entries.flatMap((entry) => entry.subjectAltNames))].sort(),
    trafficDistribution: first.trafficDistribution,
    isNodeLocal: kube?.isNodeLocal === true,
    kubeService: kube && objectKey(kube),
    serviceEntries: entries.map(objectKey),
  };
}

/** Should several objects declare a port, the first counts. */
function portsOf(
  objects: readonly { readonly ports: readonly ServicePort[] }[],
): readonly ServicePort[] {
  const ports = new Map<number, ServicePort>();
  for (const { number, name, protocol } of objects.flatMap((object) => object.ports)) {
    if (protocol !== 'udp' && !ports.has(number)) ports.set(number, { number, name, protocol });
  }
  return [...ports.values()].toSorted((a, b) => a.number - b.number);
}

const RESOLUTIONS: Readonly<Record<ServiceEntryResolution, Resolution>> = {
  NONE: 'none',
  STATIC: 'static',
  DNS: 'dns',
  DNS_ROUND_ROBIN: 'dns-round-robin',
  DYNAMIC_DNS: 'dynamic-dns',
};

/** Looking names up also takes addresses, so it is what a Service with such an entry does. */
function resolutionOf(kube: KubeService | undefined, entries: readonly ServiceEntry[]): Resolution {
  if (kube === undefined) return RESOLUTIONS[entries[0]?.resolution ?? 'NONE'];
  const looksUp = entries.some(({ resolution }) => resolution.startsWith('DNS'));
  return kube.externalName !== '' || looksUp ? 'dns' : 'static';
}

/** Several ServiceEntries of one host and namespace: whoever may see one may see the service. */
function uniteVisibility(all: readonly Visibility[]): Visibility {
  const named: string[] = [];
  for (const visibility of all) {
    if (visibility === 'all') return 'all';
    named.push(...visibility);
  }
  return [...new Set(named)].sort();
}
