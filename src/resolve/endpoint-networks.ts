// Endpoints as they are reached from one network: those of other networks through the gateways of
// their networks (Istio's "split horizon"). Where a network has no gateway its endpoints are told as
// they are, in the hope that there is a route.
import type { GatewayAddress, NetworkGateways } from '#model/networks.ts';
import { NETWORK } from '#model/topology.ts';
import { localityKey } from './endpoints.ts';
import type { PlacedEndpoint } from './locality.ts';

export type NetworkedEndpoint = PlacedEndpoint & { readonly network: string };

/** @param options.network the client's; empty: the one that has no name */
export function acrossNetworks(
  endpoints: readonly NetworkedEndpoint[],
  options: { readonly network: string; readonly gateways: NetworkGateways },
): readonly PlacedEndpoint[] {
  const { network, gateways } = options;
  // A weight must split evenly among a network's gateways, however many each network has.
  const scale = commonMultiple([...gateways.values()].map(({ length }) => length));
  const direct: PlacedEndpoint[] = [];
  const indirect = new Map<string, PlacedEndpoint>();
  for (const endpoint of endpoints) {
    const ways = endpoint.network === network ? undefined : gateways.get(endpoint.network);
    const weight = endpoint.weight * scale;
    if (ways === undefined) {
      if (endpoint.address !== '') direct.push({ ...endpoint, weight });
      continue;
    }
    // A gateway finds its way by mesh TLS's name alone, and cannot tell who is ready behind it.
    if (!endpoint.takesMeshTls || !endpoint.isHealthy) continue;
    for (const way of ways) {
      const key = `${localityKey(endpoint.locality)} ${way.address} ${way.port}`;
      const before = indirect.get(key)?.weight ?? 0;
      indirect.set(key, gatewayEndpoint(endpoint, way, before + Math.ceil(weight / ways.length)));
    }
  }
  return [...direct, ...indirect.values()];
}

function gatewayEndpoint(
  { locality, network }: NetworkedEndpoint,
  { address, port }: GatewayAddress,
  weight: number,
): PlacedEndpoint {
  return {
    address,
    port,
    weight,
    isHealthy: true,
    locality,
    takesMeshTls: true,
    workload: undefined,
    labels: { [NETWORK]: network },
  };
}

/** More gateways than this are not split evenly: weights must stay within Envoy's limit. */
const SCALE_MAX = 5040;

function commonMultiple(counts: readonly number[]): number {
  const multiple = counts.reduce((a, b) => (a * b) / commonDivisor(a, b), 1);
  return Math.min(multiple, SCALE_MAX);
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
