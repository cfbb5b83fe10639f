// The cluster behind a destination. A proxy asks for it by name when it first meets the address or
// routes a request there, and is always answered: with the service, with a way past the mesh, or
// with a tombstone.
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
} from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { SERVICE_TAG } from '#base/access-log-tags.ts';
import { DEFAULT_MESH_CONFIG } from '#istio/meshconfig/mesh-config.ts';
import type { ClientPolicy, ClientSettings } from './client-policy.ts';
import { httpOptions, spokenUnder } from './cluster-http.ts';
import type { Spoken } from './cluster-http.ts';
import { connectionLimits, outlierDetection, TCP_KEEPALIVE } from './cluster-limits.ts';
import type { ClusterDefaults } from './cluster-limits.ts';
import { discovery, isPassedOn } from './cluster-source.ts';
import type { EndpointSource } from './cluster-source.ts';
import { transport } from './cluster-tls.ts';
import { ISTIO_METADATA, serviceMetadata } from './identity-metadata.ts';
import type { ServiceMetadata } from './identity-metadata.ts';
import { metadata, socketAddress } from './message.ts';
import {
  BLACK_HOLE_STAT_NAME,
  collectorName,
  outboundName,
  PASSTHROUGH_STAT_NAME,
} from './names.ts';
import type { CollectorAddress } from './names.ts';

type Cluster = MessageInitShape<typeof ClusterSchema>;

export { TCP_KEEPALIVE };
export type { EndpointSource };

export const NO_SETTINGS: ClientSettings = {
  loadBalancer: undefined,
  connectionPool: undefined,
  outlierDetection: undefined,
  proxyProtocol: undefined,
  retryBudget: undefined,
};

/** What every cluster has, whatever it leads to and whatever the mesh says. */
export const CLUSTER_BASICS = withoutKeepalive(connectionLimits(NO_SETTINGS, DEFAULT_MESH_CONFIG));

function withoutKeepalive({
  connectTimeout,
  circuitBreakers,
}: Cluster): Pick<Cluster, 'connectTimeout' | 'circuitBreakers'> {
  return { connectTimeout, circuitBreakers };
}

export type ServiceClusterInput = ClientPolicy & {
  /** As the proxy asked for it. */
  readonly name: string;
  readonly service: ServiceMetadata & { readonly port: number; readonly subset?: string };
  readonly source: EndpointSource;
  /** Who may answer: the endpoints' SPIFFE IDs, beside those that are written. */
  readonly identities: readonly string[];
  /** ServiceEntry.subjectAltNames. */
  readonly writtenNames: readonly string[];
  /** The mesh's own, then its aliases. */
  readonly trustDomains: readonly string[];
  /** By whoever uses the cluster, if no rule says otherwise. */
  readonly spoken: Spoken;
  readonly defaults: ClusterDefaults;
};

/** Logs and statistics show it by Istio's name, `outbound|<port>||<host>`, not by the asked one. */
export function buildServiceCluster(input: ServiceClusterInput): Cluster {
  const { name, service, source, security, settings, defaults, identities, writtenNames } = input;
  const pool = settings.connectionPool;
  const spoken = spokenUnder(input.spoken, { pool, ...defaults });
  return {
    name,
    altStatName: outboundName(service),
    ...connectionLimits(settings, defaults),
    ...discovery(source, { name, service, settings, defaults }),
    ...outlierDetection(settings.outlierDetection),
    ...transport({
      ...input,
      spoken,
      subjectAltNames: [...identities, ...writtenNames],
      proxyProtocol: settings.proxyProtocol,
      hasEndpoints: !isPassedOn(source, settings),
    }),
    ...httpOptions(spoken, {
      pool,
      security,
      hashKey: settings.loadBalancer?.consistentHash?.key,
    }),
    metadata: metadata({ [ISTIO_METADATA]: serviceMetadata(service) }),
  };
}

/**
 * The answer for a destination that is refused or gone: connections close at once, and an update
 * heals it. Never a removal, after which Envoy would wait out its timeout and not ask again.
 */
export function buildTombstone(name: string): Cluster {
  return {
    name,
    altStatName: BLACK_HOLE_STAT_NAME,
    connectTimeout: CLUSTER_BASICS.connectTimeout,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
  };
}

/** The way past the mesh: to wherever the connection was going, untouched. */
export const buildPassthrough = (name: string, altStatName = PASSTHROUGH_STAT_NAME) =>
  ({
    name,
    altStatName,
    ...CLUSTER_BASICS,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST },
    lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
    upstreamConnectionOptions: { tcpKeepalive: TCP_KEEPALIVE },
  }) satisfies Cluster;

/** For telemetry: no service, by Istio's name of it. */
export const OUT_OF_THE_MESH = {
  metadata: metadata({ [ISTIO_METADATA]: { [SERVICE_TAG]: `|${PASSTHROUGH_STAT_NAME}|` } }),
} satisfies Cluster;

/** The same for requests, which go on in what they were made in. */
export const buildHttpPassthrough = (): Cluster => ({
  ...buildPassthrough(PASSTHROUGH_STAT_NAME),
  ...OUT_OF_THE_MESH,
  ...httpOptions('as-client', { pool: undefined, security: { kind: 'plaintext' } }),
});

/** Whoever takes what proxies tell, at an address of its own, in clear text. */
export function buildCollector(collector: CollectorAddress): Cluster {
  const name = collectorName(collector);
  const address = socketAddress(collector);
  return {
    name,
    altStatName: name,
    ...CLUSTER_BASICS,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    loadAssignment: {
      clusterName: name,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address } } }] }],
    },
    upstreamConnectionOptions: { tcpKeepalive: TCP_KEEPALIVE },
    ...httpOptions(collector.protocol === 'grpc' ? 'http2' : 'http1', {
      pool: undefined,
      security: { kind: 'plaintext' },
    }),
  };
}
