// A proxy as a client: what of it decides what names mean to it and how it speaks to others. Of its
// labels just those that some rule tells workloads apart by, so that most proxies of a namespace
// are one client, and share what is made for it.
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import type { DestinationRule } from '#istio/destinationrule/destination-rule.ts';
import type { SaidLocality } from '#istio/destinationrule/locality.ts';
import type { TrafficPolicy } from '#istio/destinationrule/traffic-policy.ts';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import type { Sidecar } from '#istio/sidecar/sidecar.ts';
import type { VirtualService } from '#istio/virtualservice/virtual-service.ts';
import type { Collection } from './collection.ts';
import { equalData } from './equal.ts';
import type { Graph } from './graph.ts';
import type { Inputs } from './inputs.ts';
import type { MeshService } from './service.ts';
import { HOSTNAME, topologyLabels } from './topology.ts';
import type { Topology } from './topology.ts';
import { hasTracers, SPAN_LABELS } from './tracing.ts';
import type { Workload } from './workload.ts';

/** Plain data with a fixed order of fields: equal clients have equal JSON. */
export type Client = {
  readonly namespace: string;
  /** Ordered by name; of labels that no rule asks for there are none. */
  readonly labels: Readonly<Record<string, string>>;
  /** `region/zone/subzone`; empty when unknown. */
  readonly locality: string;
  readonly network: string;
  /** Is it dialled by a workload of its own, so that the address dialled may count? */
  readonly isSidecar: boolean;
  /** Has its workload an address of IPv6, and so its machine IPv6? */
  readonly hasIpv6: boolean;
};

/** Of a proxy that no workload is known for. */
export const unknownClient = (namespace: string): Client => ({
  namespace,
  labels: {},
  locality: '',
  network: '',
  isSidecar: false,
  hasIpv6: false,
});

/** The group of all label names that some rule asks for. */
const ALL = 'all';

export function deriveClients(
  graph: Graph,
  inputs: Pick<
    Inputs,
    'workloads' | 'destinationRules' | 'sidecars' | 'virtualServices' | 'telemetries' | 'meshConfig'
  >,
  options: {
    readonly services: Collection<MeshService>;
    readonly topology: Topology;
    readonly workloadOf: (identity: WorkloadIdentity) => Workload | undefined;
  },
): (identity: WorkloadIdentity) => Client {
  const { services, topology, workloadOf } = options;
  const names = [
    graph.index('label names of DestinationRules', inputs.destinationRules, namesOfRule),
    graph.index('label names of Sidecars', inputs.sidecars, namesOfSidecar),
    graph.index('label names of VirtualServices', inputs.virtualServices, namesOfRoutes),
    graph.index('label names of Telemetries', inputs.telemetries, ({ selector }) =>
      Object.keys(selector),
    ),
    graph.index('label names of the mesh', inputs.meshConfig, namesOfMesh),
    graph.index('label names of services', services, namesOfService),
  ];
  // One group, so that a workload reads one cell and not one for each of its labels.
  const telling = graph.index('telling labels', graph.union('label names', names), () => [ALL]);
  const clients = graph.derive<Workload, Client>(
    'clients',
    inputs.workloads,
    (workload) => {
      const { namespace, isGateway } = workload;
      const place = topology.placeOf(workload);
      const labels = { ...workload.labels, ...topologyLabels(place) };
      const wanted = telling.get(ALL);
      const told = Object.entries(labels)
        .filter(([name]) => wanted?.has(name) === true)
        .toSorted(([a], [b]) => (a < b ? -1 : 1));
      const { locality, network } = place;
      const isSidecar = !isGateway;
      const hasIpv6 = workload.addresses.some((address) => address.includes(':'));
      return { namespace, labels: Object.fromEntries(told), locality, network, isSidecar, hasIpv6 };
    },
    equalData,
  );
  return (identity) => {
    const workload = workloadOf(identity);
    const client = workload && clients.get(workload.key);
    return client ?? unknownClient(identity.namespace);
  };
}

const namesOfRule = ({ selector = {}, policy, subsets }: DestinationRule): readonly string[] => [
  ...Object.keys(selector),
  ...[policy, ...subsets.map((subset) => subset.policy)].flatMap(namesOfPolicy),
];

const namesOfPolicy = (policy: TrafficPolicy | undefined): readonly string[] =>
  policy === undefined
    ? []
    : [policy, ...policy.portLevel.values()].flatMap(({ loadBalancer }) =>
        namesOfLocality(loadBalancer?.locality),
      );

/** `name=value` asks nothing of a client. */
const namesOfLocality = (said: SaidLocality): readonly string[] =>
  said === undefined || said === 'off'
    ? []
    : said.failoverPriority.filter((text) => !text.includes('='));

const namesOfSidecar = ({ selector = {} }: Sidecar): readonly string[] => Object.keys(selector);

/** Spans tell of whom they are, so where there may be any, clients are told apart by that. */
const namesOfMesh = (config: MeshConfig): readonly string[] => [
  ...namesOfLocality(config.localityLbSetting),
  ...(hasTracers(config) ? SPAN_LABELS : []),
];

const namesOfService = ({ isNodeLocal, trafficDistribution }: MeshService): readonly string[] =>
  isNodeLocal || trafficDistribution === 'node' ? [HOSTNAME] : [];

const namesOfRoutes = ({ http, tls, tcp }: VirtualService): readonly string[] =>
  [...http, ...tls, ...tcp].flatMap(({ match = [] }) =>
    match.flatMap(({ sourceLabels = {} }) => Object.keys(sourceLabels)),
  );
