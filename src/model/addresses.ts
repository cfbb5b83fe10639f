// What an address means: all claims to it, of which the first in the written order counts.
import { cidrsOf, parseIp } from '#base/ip.ts';
import type { Node } from '#istio/core/place.ts';
import type { KubeService } from '#istio/core/service.ts';
import { compareClaims, RANK } from './address-order.ts';
import type { Claim } from './address-order.ts';
import { membersOf } from './collection.ts';
import type { Collection, Index } from './collection.ts';
import { equalData } from './equal.ts';
import type { Graph } from './graph.ts';
import { isVisibleIn } from './service.ts';
import type { MeshService, ServiceEndpoints } from './service.ts';
import { compareText } from './services.ts';
import type { Workload } from './workload.ts';

/** The one meaning of an address for the clients of a namespace. */
export type AddressOwner =
  /** An address of the service: any of its endpoints. */
  | { readonly kind: 'service'; readonly service: MeshService }
  /** The address of one endpoint of a service without an address of its own. */
  | { readonly kind: 'endpoint'; readonly service: MeshService; readonly address: string }
  /** The address of a Pod or a WorkloadEntry for which no such service speaks. */
  | { readonly kind: 'workload'; readonly workload: Workload }
  | { readonly kind: 'node'; readonly name: string };

type OwnerClaim = Claim<AddressOwner>;

type Model = {
  readonly services: Collection<MeshService>;
  readonly endpoints: Collection<ServiceEndpoints>;
  readonly workloads: Collection<Workload>;
  readonly nodes: Collection<Node>;
  readonly kubeServiceOf: (service: MeshService) => KubeService | undefined;
};

/** The group of the services that have a range for an address. */
const RANGES = 'ranges';

export class Addresses {
  readonly #model: Model;
  readonly #services: Index;
  readonly #headless: Index;
  readonly #workloads: Index;
  readonly #nodes: Index;
  /** The prefix lengths of the ranges in use, as `4/24`. */
  readonly #prefixes: Collection<readonly string[]>;

  constructor(graph: Graph, model: Model) {
    this.#model = model;
    const { services, endpoints, workloads, nodes } = model;
    this.#services = graph.index('services by address', services, ({ addresses }) => addresses);
    this.#headless = graph.index(
      'headless services by address',
      endpoints,
      ({ headlessAddresses }) => headlessAddresses,
    );
    this.#workloads = graph.index('workloads by address', workloads, ({ addresses }) => addresses);
    this.#nodes = graph.index('nodes by address', nodes, ({ addresses }) => addresses);
    const withRanges = graph.index('services with ranges', services, ({ addresses }) =>
      addresses.some((address) => address.includes('/')) ? [RANGES] : [],
    );
    this.#prefixes = graph.derive(
      'prefix lengths',
      withRanges,
      (_, group) => {
        const all = membersOf(withRanges, group).flatMap((key) => services.get(key) ?? []);
        return [...new Set(all.flatMap(({ addresses }) => addresses.flatMap(prefixOf)))].sort();
      },
      equalData,
    );
  }

  /** @param address canonical; undefined when it means nothing to clients in this namespace */
  ownerOf(clientNamespace: string, address: string): AddressOwner | undefined {
    const claims = [
      ...this.#serviceClaims(address, clientNamespace),
      ...this.#nodeClaims(address),
      ...this.#workloadClaims(address, clientNamespace),
      ...this.#headlessClaims(address, clientNamespace),
      ...this.#rangeClaims(address, clientNamespace),
    ];
    return claims.toSorted(compareClaims)[0]?.owner;
  }

  /** Who has a canonical address: Pods before WorkloadEntries, older before newer. */
  workloadsAt(address: string): readonly Workload[] {
    const { workloads } = this.#model;
    const found = membersOf(this.#workloads, address).flatMap((key) => workloads.get(key) ?? []);
    return found.toSorted(
      (a, b) =>
        compareText(a.kind, b.kind) || a.createdAtMs - b.createdAtMs || compareText(a.key, b.key),
    );
  }

  *#serviceClaims(address: string, clientNamespace: string): Iterable<OwnerClaim> {
    for (const service of this.#servicesIn(this.#services, address)) {
      const isVisible = isVisibleIn(service, clientNamespace);
      const kube = this.#model.kubeServiceOf(service);
      const isClusterIp = kube?.clusterIps.includes(address) === true;
      if (!isVisible && !isClusterIp) continue;
      yield {
        ...claimOf(service, clientNamespace),
        rank: isClusterIp ? RANK.clusterIp : RANK.serviceEntry,
        owner: isVisible ? { kind: 'service', service } : undefined,
      };
    }
  }

  *#nodeClaims(address: string): Iterable<OwnerClaim> {
    for (const name of membersOf(this.#nodes, address)) {
      yield {
        rank: RANK.node,
        prefixLength: 0,
        isOfClientNamespace: false,
        createdAtMs: 0,
        key: name,
        owner: { kind: 'node', name },
      };
    }
  }

  *#workloadClaims(address: string, clientNamespace: string): Iterable<OwnerClaim> {
    const keys = membersOf(this.#workloads, address);
    for (const workload of keys.flatMap((key) => this.#model.workloads.get(key) ?? [])) {
      const claim = claimOf(workload, clientNamespace);
      if (workload.kind === 'Pod') {
        const owner = this.#headlessOf(workload, address, clientNamespace);
        yield { ...claim, rank: RANK.pod, owner: owner ?? { kind: 'workload', workload } };
      } else if (claim.isOfClientNamespace) {
        yield { ...claim, rank: RANK.workloadEntry, owner: { kind: 'workload', workload } };
      }
    }
  }

  /** Only a service of a Pod's own namespace may speak for the Pod's address. */
  #headlessOf(
    { namespace }: Workload,
    address: string,
    clientNamespace: string,
  ): AddressOwner | undefined {
    const [first] = [...this.#headlessClaims(address, clientNamespace)]
      .filter(({ owner }) => owner?.service.namespace === namespace)
      .toSorted(compareClaims);
    return first?.owner;
  }

  *#headlessClaims(
    address: string,
    clientNamespace: string,
  ): Iterable<Claim<Extract<AddressOwner, { kind: 'endpoint' }>>> {
    for (const service of this.#servicesIn(this.#headless, address)) {
      if (!isVisibleIn(service, clientNamespace)) continue;
      const owner = { kind: 'endpoint', service, address } as const;
      yield { ...claimOf(service, clientNamespace), rank: RANK.headless, owner };
    }
  }

  *#rangeClaims(address: string, clientNamespace: string): Iterable<OwnerClaim> {
    for (const prefix of this.#prefixes.get(RANGES) ?? []) {
      const range = rangeAround(address, prefix);
      if (range === undefined) continue;
      for (const service of this.#servicesIn(this.#services, range)) {
        if (!isVisibleIn(service, clientNamespace)) continue;
        yield {
          ...claimOf(service, clientNamespace),
          rank: RANK.range,
          prefixLength: lengthOf(prefix),
          owner: { kind: 'service', service },
        };
      }
    }
  }

  #servicesIn(index: Index, group: string): readonly MeshService[] {
    return membersOf(index, group).flatMap((key) => this.#model.services.get(key) ?? []);
  }
}

function claimOf(
  { key, namespace, createdAtMs }: MeshService | Workload,
  clientNamespace: string,
): Omit<Claim<never>, 'rank' | 'owner'> {
  const isOfClientNamespace = namespace === clientNamespace;
  return { prefixLength: 0, isOfClientNamespace, createdAtMs, key };
}

const lengthOf = (cidr: string): number => Number(cidr.slice(cidr.indexOf('/') + 1));

/** `4/24` for `10.0.0.0/24`; nothing for a single address. */
function prefixOf(address: string): readonly string[] {
  if (!address.includes('/')) return [];
  return [`${address.includes(':') ? 6 : 4}/${lengthOf(address)}`];
}

/** The canonical range of this prefix length that an address lies in. */
function rangeAround(address: string, prefix: string): string | undefined {
  const ip = parseIp(address);
  if (ip === undefined || !prefix.startsWith(`${ip.version}/`)) return undefined;
  const hostBits = BigInt((ip.version === 4 ? 32 : 128) - lengthOf(prefix));
  const first = (ip.value >> hostBits) << hostBits;
  return cidrsOf({ version: ip.version, first, last: first + (1n << hostBits) - 1n })[0];
}

/** Services in the order in which a host means one of them to the clients of a namespace. */
export function compareServices(
  clientNamespace: string,
): (a: MeshService, b: MeshService) => number {
  const rank = ({ kubeService, namespace }: MeshService): number => {
    if (kubeService !== undefined) return 0;
    return namespace === clientNamespace ? 1 : 2;
  };
  return (a, b) => rank(a) - rank(b) || a.createdAtMs - b.createdAtMs || compareText(a.key, b.key);
}
