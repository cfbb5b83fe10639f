// What is changed, and how the next connection shows it.
import type { KubeObject } from '#kube/objects.ts';
import { apiVersionOf, DESTINATION_RULE, ENDPOINT_SLICE } from '#kube/resources.ts';
import type { Cluster } from '#lab/cluster.ts';
import * as manifests from '#lab/manifests.ts';
import { REFUSED } from './applied-probe.ts';
import type { Watch } from './applied-probe.ts';
import { CLIENT, PORT, WORKLOADS } from './applied-world.ts';
import type { Workload } from './applied-world.ts';

const NAMESPACE = manifests.NAMESPACE_OF_STORY;

/** Of the services that are there from the start. */
const ADDRESSES = {
  everything: '10.96.10.9',
  'moving-endpoint': '10.96.10.1',
  'authorization-policy': '10.96.10.2',
  'peer-authentication': '10.96.10.3',
  'destination-rule': '10.96.10.4',
} as const;

/** One change in the state of `round`: what is seen before and after it, and the write itself. */
export type Round = {
  readonly watch: Watch;
  readonly write: () => Promise<KubeObject>;
};

export type Change = {
  readonly name: string;
  readonly prepare: (cluster: Cluster) => Promise<void>;
  readonly round: (cluster: Cluster, round: number) => Promise<Round>;
};

const isEven = (round: number): boolean => round % 2 === 0;

function slice(name: string, ...to: readonly Workload[]): manifests.Manifest {
  const metadata = {
    namespace: NAMESPACE,
    name: `${name}-1`,
    labels: { 'kubernetes.io/service-name': name },
  };
  const endpoints = to.map(endpoint);
  return {
    type: ENDPOINT_SLICE,
    object: {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata,
      addressType: 'IPv4',
      endpoints,
      ports: [{ name: 'tcp', port: PORT, protocol: 'TCP' }],
    },
  };
}

const endpoint = (workload: Workload) => ({
  addresses: [WORKLOADS[workload]],
  conditions: { ready: true },
  targetRef: { kind: 'Pod', name: workload, namespace: NAMESPACE },
});

/** A service with an address of its own. */
async function provide(
  cluster: Cluster,
  name: keyof typeof ADDRESSES,
  ...to: readonly Workload[]
): Promise<void> {
  const service = { name, clusterIp: ADDRESSES[name], port: PORT };
  await cluster.apply(manifests.service(service), slice(name, ...to));
}

/**
 * Both workloads are of a service whatever else is changed, as Pods are that are ready: it is not
 * their own listeners' changes that are measured.
 */
export const prepareWorkloads = (cluster: Cluster): Promise<void> =>
  provide(cluster, 'everything', 'blue', 'green');

const BLUE_TO_GREEN: readonly [Workload, Workload] = ['blue', 'green'];
const GREEN_TO_BLUE: readonly [Workload, Workload] = ['green', 'blue'];

/** An endpoint of a service moves from one workload to the other. */
const movingEndpoint: Change = {
  name: 'EndpointSlice: another endpoint',
  prepare: (cluster) => provide(cluster, 'moving-endpoint', 'blue'),
  async round({ kube }, round) {
    const [from, to] = isEven(round) ? BLUE_TO_GREEN : GREEN_TO_BLUE;
    const ref = { namespace: NAMESPACE, name: 'moving-endpoint-1' };
    const patch = { endpoints: [endpoint(to)] };
    return {
      watch: { host: ADDRESSES['moving-endpoint'], port: PORT, before: from, after: to },
      write: () => kube.patch(ENDPOINT_SLICE, ref, patch, { kind: 'merge' }),
    };
  },
};

/** A service appears at an address that led nowhere. Its endpoints are there already. */
const newService: Change = {
  name: 'Service: a new one',
  prepare: async () => undefined,
  async round(cluster, round) {
    const clusterIp = `10.96.${20 + (round >> 8)}.${round % 256}`;
    const name = `new-${round}`;
    const { type, object } = manifests.service({ name, clusterIp, port: PORT });
    await cluster.apply(slice(name, 'blue'));
    return {
      // before it, the address is nobody's, and connections to it hang
      watch: { host: clusterIp, port: PORT, before: REFUSED, after: 'blue', attemptLimitMs: 50 },
      write: () => cluster.kube.create(type, object),
    };
  },
};

/** A change of one object between two states, in one of which the client is refused. */
function refusal(options: {
  readonly name: string;
  readonly service: keyof typeof ADDRESSES;
  readonly to: Workload;
  readonly others?: readonly manifests.Manifest[];
  readonly allowing: manifests.Manifest;
  readonly refusing: manifests.Manifest;
}): Change {
  const { service, to, allowing, refusing, others = [] } = options;
  return {
    name: options.name,
    async prepare(cluster) {
      await provide(cluster, service, to);
      await cluster.apply(...others, allowing);
    },
    async round({ kube }, round) {
      const [before, after] = isEven(round) ? [to, REFUSED] : [REFUSED, to];
      const { type, object } = isEven(round) ? refusing : allowing;
      const { name } = object.metadata;
      const patch = { spec: object.spec };
      return {
        watch: { host: ADDRESSES[service], port: PORT, before, after },
        write: () => kube.patch(type, { namespace: NAMESPACE, name }, patch, { kind: 'merge' }),
      };
    },
  };
}

const allowOnly = (account: string) =>
  manifests.authorizationPolicy({ app: 'green', port: PORT, allowed: [account] });

const takes = (mode: manifests.MtlsMode) => manifests.peerAuthentication({ app: 'blue', mode });

/** How clients are to speak to a service, whatever its endpoints take. */
function speaks(name: keyof typeof ADDRESSES, mode: 'DISABLE' | 'ISTIO_MUTUAL') {
  const type = DESTINATION_RULE;
  const spec = { host: manifests.hostOf(name), trafficPolicy: { tls: { mode } } };
  const metadata = { namespace: NAMESPACE, name };
  const object = { apiVersion: apiVersionOf(type), kind: type.kind, metadata, spec };
  return { type, object };
}

export const CHANGES: readonly Change[] = [
  movingEndpoint,
  newService,
  refusal({
    name: 'AuthorizationPolicy: who may',
    service: 'authorization-policy',
    to: 'green',
    allowing: allowOnly(CLIENT),
    refusing: allowOnly('somebody-else'),
  }),
  refusal({
    name: 'PeerAuthentication: STRICT or not',
    service: 'peer-authentication',
    to: 'blue',
    others: [speaks('peer-authentication', 'DISABLE')],
    allowing: takes('PERMISSIVE'),
    refusing: takes('STRICT'),
  }),
  refusal({
    name: 'DestinationRule: mutual TLS or not',
    service: 'destination-rule',
    to: 'blue',
    others: [takes('STRICT')],
    allowing: speaks('destination-rule', 'ISTIO_MUTUAL'),
    refusing: speaks('destination-rule', 'DISABLE'),
  }),
];
