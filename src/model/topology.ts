// Where something runs, and in which network: what it says itself, else what its Node, its
// Namespace and the mesh's networks say. And the same as labels, which rules know places by.
import { parseIp, parseRange, rangeContains } from '#base/ip.ts';
import { NETWORK_LABEL } from '#istio/core/place.ts';
import type { MeshNetwork } from '#istio/meshconfig/mesh-networks.ts';
import { equalData } from './equal.ts';
import type { Graph } from './graph.ts';
import { THE_MESH } from './inputs.ts';
import type { Inputs } from './inputs.ts';
import type { Workload } from './workload.ts';

export const NETWORK = NETWORK_LABEL;
export const REGION = 'topology.kubernetes.io/region';
export const ZONE = 'topology.kubernetes.io/zone';
export const SUBZONE = 'topology.istio.io/subzone';
export const HOSTNAME = 'kubernetes.io/hostname';

export type Place = {
  /** `region/zone/subzone`; empty when unknown. */
  readonly locality: string;
  /** Empty: the same network as everybody without one. */
  readonly network: string;
  /** Empty when unknown. */
  readonly nodeName: string;
};

/** Labels by which rules know where something runs. */
export function topologyLabels({
  locality,
  network,
  nodeName,
}: Place): Readonly<Record<string, string>> {
  const [region = '', zone = '', subZone = ''] = locality.split('/');
  const known = { [REGION]: region, [ZONE]: zone, [SUBZONE]: subZone };
  const all = { ...known, [NETWORK]: network, [HOSTNAME]: nodeName };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
}

export class Topology {
  readonly #inputs: Inputs;
  readonly #networks: { readonly get: (key: string) => readonly MeshNetwork[] | undefined };

  readonly #clusterId: string;

  /** Adds a collection to the graph. */
  constructor(graph: Graph, inputs: Inputs, { clusterId }: { readonly clusterId: string }) {
    this.#inputs = inputs;
    this.#clusterId = clusterId;
    this.#networks = graph.derive(
      'networks',
      inputs.meshConfig,
      ({ networks }) => (networks.length === 0 ? undefined : networks),
      equalData,
    );
  }

  networks(): readonly MeshNetwork[] {
    return this.#networks.get(THE_MESH) ?? [];
  }

  /** @param nodeName where it is said otherwise than by the workload; a Pod's own else */
  placeOf(workload: Workload, nodeName = workload.nodeName): Place {
    const { namespace, network } = workload;
    const address = workload.addresses[0] ?? '';
    return {
      locality: workload.locality || this.nodeLocality(nodeName),
      network: network || this.networkOf(namespace, address),
      nodeName,
    };
  }

  nodeLocality(nodeName: string): string {
    return nodeName === '' ? '' : (this.#inputs.nodes.get(nodeName)?.locality ?? '');
  }

  /** Of something that does not say itself. */
  networkOf(namespace: string, address: string): string {
    const ofNamespace = this.#inputs.namespaces.get(namespace)?.network ?? '';
    if (ofNamespace !== '') return ofNamespace;
    const networks = this.networks();
    if (networks.length === 0) return '';
    const ip = parseIp(address);
    const around = networks.find(({ ranges }) =>
      ranges.some((text) => {
        const range = parseRange(text);
        return ip !== undefined && range !== undefined && rangeContains(range, ip);
      }),
    );
    const ofCluster = networks.find(({ registries }) => registries.includes(this.#clusterId));
    return (around ?? ofCluster)?.name ?? '';
  }
}
