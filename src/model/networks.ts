// By which gateways each network is entered from others: those that MeshNetworks names, and
// Services that are labelled as a network's (`topology.istio.io/network`), wherever these are
// reachable from.
import { canonicalIp } from '#base/ip.ts';
import { NETWORK_LABEL } from '#istio/core/place.ts';
import type { KubeService } from '#istio/core/service.ts';
import type { NetworkGateway } from '#istio/meshconfig/mesh-networks.ts';
import { membersOf } from './collection.ts';
import { equalData } from './equal.ts';
import type { Graph } from './graph.ts';
import type { Inputs } from './inputs.ts';
import { compareText } from './services.ts';
import type { Topology } from './topology.ts';

export type GatewayAddress = { readonly address: string; readonly port: number };

/** Network → its gateways, ordered by address and port; at least one. */
export type NetworkGateways = ReadonlyMap<string, readonly GatewayAddress[]>;

const GATEWAY_PORT = 'networking.istio.io/gatewayPort';
const GATEWAY_PORT_DEFAULT = 15_443;

/** The group of the Services that are a network's gateways. */
const LABELLED = 'labelled';

const NONE: NetworkGateways = new Map();

/**
 * @param options.topology the networks that are configured, tracked
 * @returns empty while no network has a gateway: endpoints are then told as they are
 */
export function deriveNetworkGateways(
  graph: Graph,
  inputs: Pick<Inputs, 'services'>,
  options: { readonly topology: Topology; readonly clusterDomain: string },
): () => NetworkGateways {
  const { services } = inputs;
  const { topology, clusterDomain } = options;
  const labelled = graph.index('network gateway Services', services, ({ labels }) =>
    (labels[NETWORK_LABEL] ?? '') === '' ? [] : [LABELLED],
  );
  const ofServices = graph.derive<unknown, NetworkGateways>(
    'network gateways by label',
    labelled,
    (_, group) => {
      const all = membersOf(labelled, group).flatMap((key) => services.get(key) ?? []);
      return gatewaysOf(all.flatMap(gatewaysOfService));
    },
    equalData,
  );
  const ofHost = (gateway: NetworkGateway): readonly GatewayAddress[] => {
    const { port } = gateway;
    if (gateway.kind === 'address') return [{ address: gateway.address, port }];
    const [name = '', namespace = '', ...rest] = gateway.host.split('.');
    if (rest.join('.') !== `svc.${clusterDomain}`) return [];
    const { externalAddresses = [] } = services.get(`${namespace}/${name}`) ?? {};
    return externalAddresses.map((address) => ({ address, port }));
  };
  return () => {
    const configured = topology
      .networks()
      .flatMap(({ name, gateways }) =>
        gateways.flatMap(ofHost).map((gateway) => [name, gateway] as const),
      );
    const found = [...(ofServices.get(LABELLED) ?? NONE)].flatMap(([name, gateways]) =>
      gateways.map((gateway) => [name, gateway] as const),
    );
    return configured.length + found.length === 0 ? NONE : gatewaysOf([...configured, ...found]);
  };
}

function gatewaysOfService({
  labels,
  externalAddresses,
}: KubeService): readonly (readonly [string, GatewayAddress])[] {
  const network = labels[NETWORK_LABEL] ?? '';
  const port = Number(labels[GATEWAY_PORT] ?? GATEWAY_PORT_DEFAULT);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return [];
  return externalAddresses
    .filter((address) => canonicalIp(address) !== undefined)
    .map((address) => [network, { address, port }] as const);
}

function gatewaysOf(pairs: readonly (readonly [string, GatewayAddress])[]): NetworkGateways {
  const sorted = pairs.toSorted(
    ([a, x], [b, y]) => compareText(a, b) || compareText(x.address, y.address) || x.port - y.port,
  );
  const networks = new Map<string, GatewayAddress[]>();
  for (const [network, gateway] of sorted) {
    const known = networks.get(network) ?? [];
    const last = known.at(-1);
    if (last?.address === gateway.address && last.port === gateway.port) continue;
    networks.set(network, [...known, gateway]);
  }
  return networks;
}
