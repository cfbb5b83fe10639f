// Where a cluster's endpoints come from.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { assertNever } from '#base/assert-never.ts';
import {
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  Cluster_LbPolicy,
} from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { ClientSettings } from './client-policy.ts';
import { balance } from './cluster-balance.ts';
import type { ClusterDefaults } from './cluster-limits.ts';
import { buildLoadAssignment } from './endpoints.ts';
import type { EndpointGroup } from './endpoints.ts';
import { ADS, milliseconds } from './message.ts';
import { outboundName } from './names.ts';
import type { ServicePortRef } from './names.ts';

type Cluster = MessageInitShape<typeof ClusterSchema>;

/** Whether the endpoints come as a resource of their own, or stand in the cluster. */
export type EndpointSource =
  | { readonly kind: 'eds'; readonly isByLocality: boolean }
  /** By their addresses. */
  | Listed<'static'>
  /** Names that the proxy itself looks up, all of their addresses being endpoints. */
  | Listed<'dns'>
  /** One name, whose addresses are taken in turn; nothing but its first endpoint counts. */
  | Listed<'logical-dns'>
  /** Wherever the connection was going (ServiceEntry resolution NONE). */
  | { readonly kind: 'original-dst' };

type Listed<Kind> = {
  readonly kind: Kind;
  readonly groups: readonly EndpointGroup[];
  readonly isByLocality: boolean;
};

/** Answers that say how long they hold are looked up again then, spread a little. */
const DNS_JITTER_MS = 100;

const ORIGINAL_DESTINATION = {
  clusterDiscoveryType: discoveryType(Cluster_DiscoveryType.ORIGINAL_DST),
  lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
} satisfies Cluster;

export function discovery(
  source: EndpointSource,
  options: {
    readonly name: string;
    readonly service: ServicePortRef;
    readonly settings: ClientSettings;
    readonly defaults: ClusterDefaults;
  },
) {
  const { name, service, settings, defaults } = options;
  if (source.kind === 'original-dst' || isPassedOn(source, settings)) return ORIGINAL_DESTINATION;
  const balanced = balance(settings, source);
  switch (source.kind) {
    case 'eds':
      return {
        ...balanced,
        clusterDiscoveryType: discoveryType(Cluster_DiscoveryType.EDS),
        edsClusterConfig: { edsConfig: ADS, serviceName: outboundName(service) },
      };
    case 'static':
      return {
        ...balanced,
        clusterDiscoveryType: discoveryType(Cluster_DiscoveryType.STATIC),
        loadAssignment: buildLoadAssignment(name, source.groups),
      };
    case 'dns':
      return {
        ...balanced,
        ...dns(Cluster_DiscoveryType.STRICT_DNS, defaults),
        loadAssignment: buildLoadAssignment(name, source.groups),
      };
    case 'logical-dns':
      return {
        ...balanced,
        ...dns(Cluster_DiscoveryType.LOGICAL_DNS, defaults),
        loadAssignment: buildLoadAssignment(name, firstOf(source.groups)),
      };
    default:
      return assertNever(source);
  }
}

/** Does a connection go wherever it was going, whatever else is known of the service? */
export const isPassedOn = (
  { kind }: EndpointSource,
  { loadBalancer }: Pick<ClientSettings, 'loadBalancer'>,
): boolean => kind === 'original-dst' || loadBalancer?.algorithm === 'passthrough';

function discoveryType(value: Cluster_DiscoveryType) {
  return { case: 'type', value } as const;
}

/** Addresses of IPv6 count where a name has no others: not every machine has IPv6. */
function dns(type: Cluster_DiscoveryType, { dnsRefreshRateMs }: ClusterDefaults) {
  return {
    clusterDiscoveryType: discoveryType(type),
    dnsLookupFamily: Cluster_DnsLookupFamily.V4_PREFERRED,
    dnsRefreshRate: milliseconds(dnsRefreshRateMs),
    dnsJitter: milliseconds(DNS_JITTER_MS),
    respectDnsTtl: true,
  };
}

/** Envoy refuses a LOGICAL_DNS cluster of more. */
function firstOf([group]: readonly EndpointGroup[]): readonly EndpointGroup[] {
  return group ? [{ ...group, endpoints: group.endpoints.slice(0, 1) }] : [];
}
