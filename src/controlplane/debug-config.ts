// What one proxy holds, and what it could: the page behind `isthmus proxy-config`.
import type { JsonValue } from '@bufbuild/protobuf';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import type { Mesh } from '#model/mesh.ts';
import type { Endpoint } from '#model/service.ts';
import { compareText } from '#model/services.ts';
import type { Workload } from '#model/workload.ts';
import { dialledAt } from '#reach/destination.ts';
import { identityOf } from '#reach/proxy-identity.ts';
import type { MeshCatalog } from '#resolve/catalog.ts';
import {
  destinationClusterName,
  outboundName,
  parseDestinationClusterName,
  parseOutboundName,
} from '#resolve/names.ts';
import type { EncodedResource } from '#xds/catalog.ts';
import type { ResourceStatus } from '#xds/protocol-status.ts';
import { CONFIG_TYPES, resourceJson, type ConfigType } from './debug-json.ts';
import { proxyName, streamId } from './debug-workloads.ts';

export type ConfigParts = {
  readonly mesh: Mesh;
  readonly catalog: MeshCatalog;
  readonly xds: { resourcesOf(id: string): readonly ResourceStatus[] };
};

export type ShownResource = {
  /** As the proxy asked for it, or would. */
  readonly name: string;
  readonly version: string;
  /** Has the proxy got it? Otherwise it was made for this page. */
  readonly isHeld: boolean;
  readonly isAcknowledged: boolean;
  /** Why the proxy refused it, if it did. */
  readonly rejection?: string;
  readonly resource: JsonValue;
};

export type ShownConfig = {
  /** `inventory-1.default`. */
  readonly proxy: string;
  readonly type: ConfigType;
  readonly resources: readonly ShownResource[];
  /** Of `reachable` destinations (ports of services) the proxy holds this many. */
  readonly held: number;
  /** Absent where a proxy asks for nothing by destination. */
  readonly reachable?: number;
  /** There are more: ask again from here. */
  readonly next?: number;
};

export type ConfigQuery = {
  readonly type: ConfigType;
  /** Also what the proxy could hold but does not. */
  readonly isAll: boolean;
  /** How many of those to pass over. */
  readonly offset: number;
};

/** Resolved for one answer: so that a page never keeps proxies waiting for long. */
const RESOLVED_MAX = 500;

export function showConfig(
  parts: ConfigParts,
  workload: Workload,
  { type, isAll, offset }: ConfigQuery,
): ShownConfig {
  const { mesh, catalog, xds } = parts;
  const view: View = { catalog, identity: identityOf(mesh, workload) };
  const held = xds
    .resourcesOf(streamId(workload))
    .filter(({ typeUrl }) => typeUrl === CONFIG_TYPES[type]);
  const resources = offset > 0 ? [] : heldResources(view, type, held);
  const proxy = proxyName(workload);
  if (workload.isGateway || (type !== 'clusters' && type !== 'endpoints')) {
    return { proxy, type, resources, held: held.length };
  }
  const { namespace } = workload;
  const destinations = reachableDestinations(mesh, namespace);
  const heldKeys = new Set(held.flatMap(({ name }) => destinationOf(mesh, namespace, name) ?? []));
  const missing = destinations.filter(({ key }) => !heldKeys.has(key));
  const counts = { held: destinations.length - missing.length, reachable: destinations.length };
  if (!isAll) return { proxy, type, resources, ...counts };
  const page = missing.slice(offset, offset + RESOLVED_MAX);
  const names = page.map((destination) => destination.names[type]);
  const next = offset + page.length;
  return {
    proxy,
    type,
    resources: [...resources, ...resolve(view, type, names)],
    ...counts,
    ...(next < missing.length && { next }),
  };
}

/** What the catalog is to one proxy. */
export type View = { readonly catalog: MeshCatalog; readonly identity: WorkloadIdentity };

/** Sorted by name. */
function heldResources(
  view: View,
  type: ConfigType,
  held: readonly ResourceStatus[],
): readonly ShownResource[] {
  const names = held.map(({ name }) => name);
  const present = peek(view, CONFIG_TYPES[type], names);
  return held
    .flatMap(({ name, version, isAcknowledged, rejection }): readonly ShownResource[] => {
      const resource = present.get(name);
      if (resource === undefined) return [];
      return [
        {
          name,
          version: version ?? resource.version,
          isHeld: true,
          isAcknowledged,
          ...(rejection !== undefined && { rejection }),
          resource: resourceJson(type, resource),
        },
      ];
    })
    .toSorted((a, b) => compareText(a.name, b.name));
}

function resolve(view: View, type: ConfigType, names: readonly string[]): readonly ShownResource[] {
  const present = peek(view, CONFIG_TYPES[type], names);
  return [...present].map(([name, resource]) => ({
    name,
    version: resource.version,
    isHeld: false,
    isAcknowledged: false,
    resource: resourceJson(type, resource),
  }));
}

/** What the proxy would be answered; nothing of it stays. */
export function peek(
  { catalog, identity }: View,
  typeUrl: string,
  names: readonly string[],
): ReadonlyMap<string, EncodedResource> {
  const keys = names.map((name) => [name, catalog.acquire(identity, typeUrl, name)] as const);
  try {
    catalog.settle();
    return new Map(
      keys.flatMap(([name, key]) => {
        const resource = catalog.lookup(key);
        return resource ? [[name, resource] as const] : [];
      }),
    );
  } finally {
    for (const [, key] of keys) catalog.release(key);
  }
}

/** A port of a service, as the clients of a namespace reach it. */
export type ReachableDestination = {
  /** Host and port. */
  readonly key: string;
  readonly host: string;
  readonly port: number;
  readonly names: Readonly<Record<'clusters' | 'endpoints', string>>;
};

/** Sorted by host and port. Services without an address that clients could dial are left out. */
export function reachableDestinations(
  mesh: Mesh,
  namespace: string,
): readonly ReachableDestination[] {
  const found = new Map<string, ReachableDestination>();
  for (const [, service] of mesh.services.entries()) {
    const { host } = service;
    for (const { number: port } of service.ports) {
      const destination = dialledAt(mesh, namespace, { service, port });
      if (destination === undefined) continue;
      const clusters = destinationClusterName(destination);
      const names = { clusters, endpoints: outboundName({ host, port }) };
      const key = keyOf(host, port);
      found.set(key, { key, host, port, names });
    }
  }
  return [...found.values()].toSorted((a, b) =>
    a.host === b.host ? a.port - b.port : compareText(a.host, b.host),
  );
}

const keyOf = (host: string, port: number): string => `${host} ${port}`;

/** The key of the destination that a held name stands for. */
function destinationOf(mesh: Mesh, namespace: string, name: string): string | undefined {
  const outbound = parseOutboundName(name);
  if (outbound) return keyOf(outbound.host, outbound.port);
  const destination = parseDestinationClusterName(name);
  if (destination === undefined) return undefined;
  const owner = mesh.ownerOf(namespace, destination.address);
  if (owner?.kind === 'service') return keyOf(owner.service.host, destination.port);
  if (owner?.kind !== 'endpoint') return undefined;
  const { service } = owner;
  const byPort = mesh.endpoints.get(service.key)?.byPort ?? new Map<number, readonly Endpoint[]>();
  const [port] = [...byPort].find(([, endpoints]) =>
    endpoints.some((it) => it.address === destination.address && it.port === destination.port),
  ) ?? [undefined];
  return port === undefined ? undefined : keyOf(service.host, port);
}
