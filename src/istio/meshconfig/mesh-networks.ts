// Which networks there are, who is in each, and by which gateways each is entered from others: key
// `meshNetworks` of the ConfigMap that holds the mesh's settings.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshNetworks
import { canonicalCidr, canonicalIp } from '#base/ip.ts';
import { port } from '../kind-parts.ts';
import type { Violation } from '../object.ts';
import { INVALID } from '../schema/reading.ts';
import type { Reading } from '../schema/reading.ts';
import { object } from '../schema/object-schema.ts';
import { list, map, string } from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';

/** Where a network is entered from others. */
export type NetworkGateway =
  | { readonly kind: 'address'; readonly address: string; readonly port: number }
  /** Wherever this service is reachable from outside; `port` is the service's. */
  | { readonly kind: 'service'; readonly host: string; readonly port: number };

export type MeshNetwork = {
  readonly name: string;
  /** Canonical CIDRs of the endpoints in it. */
  readonly ranges: readonly string[];
  /** Names of clusters all of whose endpoints are in it; the one that is ours is `Kubernetes`. */
  readonly registries: readonly string[];
  readonly gateways: readonly NetworkGateway[];
};

const network = object({
  endpoints: list(object({ fromCidr: string(), fromRegistry: string() }), { itemsMax: 1024 }),
  gateways: list(
    object(
      { registryServiceName: string(), address: string(), port: port(), locality: string() },
      { required: ['port'], oneOf: ['registryServiceName', 'address'] },
    ),
    { itemsMax: 256 },
  ),
});

const meshNetworks = object({ networks: map(network, { keysMax: 256 }) });

type NetworkSpec = Static<typeof network>;

/** Ordered by name. */
export function networksOf(
  value: unknown,
  at: Reading,
  remarks: Violation[],
): readonly MeshNetwork[] | typeof INVALID {
  const read = meshNetworks.read(value ?? {}, at);
  if (read === INVALID) return INVALID;
  const entries = Object.entries(read.networks ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([name, spec]) =>
    networkOf(name, spec, { at: at.property('networks').key(name), remarks }),
  );
}

type Place = { readonly at: Reading; readonly remarks: Violation[] };

function networkOf(name: string, spec: NetworkSpec, place: Place): MeshNetwork {
  const endpoints = spec.endpoints ?? [];
  const ranges = endpoints.flatMap(({ fromCidr }, index) => {
    if (fromCidr === undefined) return [];
    const range = canonicalCidr(fromCidr);
    const at = place.at.property('endpoints').item(index).property('fromCidr');
    if (range === undefined) at.refuse(`Invalid value: ${at.quote(fromCidr)}: must be a CIDR`);
    return range ?? [];
  });
  return {
    name,
    ranges,
    registries: endpoints.flatMap(({ fromRegistry }) => fromRegistry ?? []),
    gateways: (spec.gateways ?? []).flatMap((gateway, index) =>
      gatewayOf(gateway, { ...place, at: place.at.property('gateways').item(index) }),
    ),
  };
}

function gatewayOf(
  spec: NonNullable<NetworkSpec['gateways']>[number],
  { at, remarks }: Place,
): readonly NetworkGateway[] {
  const { address = '', registryServiceName = '', port, locality } = spec;
  if (locality !== undefined) {
    remarks.push({ field: `${at.field}.locality`, message: 'not acted on' });
  }
  if (registryServiceName !== '') return [{ kind: 'service', host: registryServiceName, port }];
  const ip = canonicalIp(address);
  if (ip !== undefined) return [{ kind: 'address', address: ip, port }];
  if (address === '') at.refuse('Required value: one of address, registryServiceName');
  else {
    const message = 'not acted on: a gateway is known by an IP address or a service, not by a name';
    remarks.push({ field: `${at.field}.address`, message });
  }
  return [];
}
