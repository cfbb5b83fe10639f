// The mesh as clients have it: what each sees, and how it is to speak to what it sees.
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import { deriveAddressless } from './addressless.ts';
import type { AddresslessServices } from './addressless.ts';
import { deriveClients } from './clients.ts';
import type { Client } from './clients.ts';
import { deriveDestinationRules } from './destination-rules.ts';
import type { DestinationRuleFor } from './destination-rules.ts';
import { deriveDefaultExport } from './default-export.ts';
import type { Graph } from './graph.ts';
import type { Inputs } from './inputs.ts';
import { deriveNetworkGateways } from './networks.ts';
import type { NetworkGateways } from './networks.ts';
import { deriveProxySettings } from './proxy-configs.ts';
import type { ProxySettingsFor } from './proxy-configs.ts';
import type { Services } from './services.ts';
import type { Sidecars } from './sidecars.ts';
import type { Topology } from './topology.ts';
import type { Workload } from './workload.ts';

export type ClientSide = Pick<
  Sidecars,
  'isImported' | 'areRoutesImported' | 'explicitListeners'
> & {
  /** How clients in a namespace are to speak to a service; undefined: nobody said. */
  readonly destinationRuleFor: DestinationRuleFor;
  /** Who has a port of every address that means nothing else. */
  readonly addresslessServices: AddresslessServices;
  /** What of a proxy decides what names mean to it. */
  readonly clientOf: (identity: WorkloadIdentity) => Client;
  /** What becomes of connections to what the mesh does not know. */
  readonly outboundTrafficPolicy: (
    namespace: string,
    labels: Readonly<Record<string, string>>,
  ) => MeshConfig['outboundTrafficPolicy'];
  /** Empty while no network has a gateway. */
  readonly networkGateways: () => NetworkGateways;
  /** How the proxy of a workload is to run, before the workload itself says. */
  readonly proxySettings: ProxySettingsFor;
};

export function deriveClientSide(
  graph: Graph,
  inputs: Inputs,
  options: {
    readonly services: Services;
    readonly sidecars: Sidecars;
    readonly topology: Topology;
    readonly workloadOf: (identity: WorkloadIdentity) => Workload | undefined;
    readonly fullHost: (host: string, namespace: string) => string;
    readonly clusterDomain: string;
    readonly defaults: MeshConfig;
    /** Tracked. */
    readonly rootNamespace: () => string;
    /** Tracked. */
    readonly config: () => MeshConfig;
  },
): ClientSide {
  const { services, sidecars, topology, workloadOf, config } = options;
  const { fullHost, rootNamespace, clusterDomain } = options;
  return {
    ...sidecars,
    destinationRuleFor: deriveDestinationRules(graph, inputs.destinationRules, {
      fullHost,
      rootNamespace,
      defaultExportTo: deriveDefaultExport(graph, inputs, {
        field: 'defaultDestinationRuleExportTo',
        defaults: options.defaults,
      }),
    }),
    addresslessServices: deriveAddressless(graph, services),
    clientOf: deriveClients(graph, inputs, { services: services.services, topology, workloadOf }),
    outboundTrafficPolicy: (namespace, labels) =>
      sidecars.sidecarFor(namespace, labels)?.outboundTrafficPolicy ??
      config().outboundTrafficPolicy,
    networkGateways: deriveNetworkGateways(graph, inputs, { topology, clusterDomain }),
    proxySettings: deriveProxySettings(graph, inputs.proxyConfigs, { rootNamespace, config }),
  };
}
