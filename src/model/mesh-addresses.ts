// What proxies capture: the mesh's ranges, and what means something outside of them.
import { cidrsOf, normalizeRanges, parseRange } from '#base/ip.ts';
import type { IpRange } from '#base/ip.ts';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import { membersOf } from './collection.ts';
import type { Collection } from './collection.ts';
import { equalData } from './equal.ts';
import type { Graph } from './graph.ts';
import { THE_MESH } from './inputs.ts';
import type { MeshService, ServiceEndpoints, Visibility } from './service.ts';

/** What a proxy captures: everything in the ranges, and single addresses outside of them. */
export type MeshAddresses = {
  /** Canonical CIDRs, sorted, none within another. */
  readonly ranges: readonly string[];
  /** Canonical addresses and CIDRs outside of the ranges, sorted. */
  readonly addresses: readonly string[];
};

type Outside = { readonly addresses: readonly string[]; readonly exportTo: Visibility };

/** The group of those that every namespace sees; no namespace has such a name. */
const ALL = '*';

export function deriveMeshAddresses(
  graph: Graph,
  model: {
    readonly services: Collection<MeshService>;
    readonly endpoints: Collection<ServiceEndpoints>;
    readonly meshConfig: Collection<MeshConfig>;
    readonly defaults: MeshConfig;
  },
): (clientNamespace: string) => MeshAddresses {
  const { services, endpoints, meshConfig, defaults } = model;
  const configured = graph.derive(
    'mesh ranges',
    meshConfig,
    ({ meshRanges }) => meshRanges,
    equalData,
  );
  const rangesOf = (): readonly string[] => configured.get(THE_MESH) ?? defaults.meshRanges;
  const outside = graph.derive<MeshService, Outside>(
    'addresses outside of the ranges',
    services,
    ({ key, addresses, exportTo }) => {
      const dialled = endpoints.get(key)?.headlessAddresses ?? [];
      const all = [...addresses, ...dialled];
      if (all.length === 0) return undefined;
      const ranges = normalize(rangesOf());
      const found = all.filter((address) => !isWithin(ranges, address));
      return found.length === 0 ? undefined : { addresses: found, exportTo };
    },
    equalData,
  );
  const byNamespace = graph.index('addresses by namespace', outside, ({ exportTo }) =>
    exportTo === 'all' ? [ALL] : exportTo,
  );
  return (clientNamespace) => {
    const keys = [ALL, clientNamespace].flatMap((group) => membersOf(byNamespace, group));
    const addresses = keys.flatMap((key) => outside.get(key)?.addresses ?? []);
    return {
      ranges: normalize(rangesOf()).flatMap(cidrsOf),
      addresses: [...new Set(addresses)].sort(),
    };
  };
}

const normalize = (cidrs: readonly string[]): readonly IpRange[] =>
  normalizeRanges(cidrs.flatMap((cidr) => parseRange(cidr) ?? []));

function isWithin(ranges: readonly IpRange[], address: string): boolean {
  const inner = parseRange(address);
  if (inner === undefined) return false;
  return ranges.some(
    ({ version, first, last }) =>
      version === inner.version && first <= inner.first && inner.last <= last,
  );
}
