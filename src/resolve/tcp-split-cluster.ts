// Connections to one address that are shared out among several destinations: one cluster, in which
// each destination is a place with its weight, and its endpoints are spoken to as it wants them to
// be. A destination that has nobody leaves its share to the others.
import { create } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  Cluster_TransportSocketMatchSchema as MatchSchema,
  ClusterSchema,
} from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { Cluster } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { buildServiceCluster } from './cluster.ts';
import type { ServiceClusterInput } from './cluster.ts';
import type { EndpointGroup } from './endpoints.ts';
import { outboundName } from './names.ts';
import type { ServicePortRef } from './names.ts';
import { plaintext } from './tls.ts';

type SocketMatch = MessageInitShape<typeof MatchSchema>;

export type SplitPart = {
  /** 1 or more. */
  readonly weight: number;
  readonly cluster: Omit<ServiceClusterInput, 'name' | 'source'>;
  readonly groups: readonly EndpointGroup[];
  /** Are there names to be looked up among its addresses? */
  readonly looksUp: boolean;
};

/** Limits and health are as the first destination's rule has them. */
export function buildSplitCluster(
  name: string,
  dialled: ServicePortRef,
  parts: readonly SplitPart[],
): Cluster {
  const looksUp = parts.some((part) => part.looksUp);
  const groups = parts.map(groupOf);
  const source = { kind: looksUp ? 'dns' : 'static', groups, isByLocality: true } as const;
  const built = parts.map(({ cluster }) =>
    create(ClusterSchema, buildServiceCluster({ ...cluster, name, source })),
  );
  const [cluster = create(ClusterSchema, { name })] = built;
  const matches = built.flatMap((one, index) => socketMatches(one, index));
  cluster.altStatName = outboundName(dialled);
  cluster.transportSocketMatches = matches.map((match) => create(MatchSchema, match));
  delete cluster.transportSocket;
  return cluster;
}

const tagOf = (index: number): string => `destination-${index}`;

/** Of a destination's own priorities and localities only who is tried first counts. */
function groupOf({ weight, groups }: SplitPart, index: number): EndpointGroup {
  const destination = tagOf(index);
  const first = groups.filter(({ priority }) => priority === 0);
  return {
    locality: { region: '', zone: '', subZone: destination },
    priority: 0,
    weight,
    endpoints: first.flatMap(({ endpoints }) => endpoints.map((it) => ({ ...it, destination }))),
  };
}

/** The matches of a cluster, for the endpoints of its part alone. */
function socketMatches(
  { transportSocket, transportSocketMatches }: Cluster,
  index: number,
): SocketMatch[] {
  const destination = tagOf(index);
  if (transportSocketMatches.length === 0) {
    const socket = transportSocket ?? plaintext();
    return [{ name: destination, match: { destination }, transportSocket: socket }];
  }
  return transportSocketMatches.map((one) => ({
    ...one,
    name: `${one.name}-${destination}`,
    match: { ...one.match, destination },
  }));
}
