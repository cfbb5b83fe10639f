// How a client spreads its connections over the endpoints of a cluster: a DestinationRule's
// loadBalancer, Istio's defaults where it is silent.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { assertNever } from '#base/assert-never.ts';
import { Cluster_LbPolicy } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { Cluster_SlowStartConfigSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { HashTable, LoadBalancer } from '#istio/destinationrule/traffic-policy.ts';
import type { ClientSettings } from './client-policy.ts';
import { milliseconds } from './message.ts';

type Balance = Pick<
  MessageInitShape<typeof ClusterSchema>,
  'lbPolicy' | 'lbConfig' | 'commonLbConfig'
>;

/** Istio's: Envoy's own default would do with as few as there are places on the ring. */
const RING_SIZE_MIN = 1024;

/**
 * Of clusters that know their endpoints.
 *
 * @param options.isByLocality are the weights of places to be kept to, and not only of endpoints?
 */
export function balance(
  { loadBalancer, outlierDetection }: Pick<ClientSettings, 'loadBalancer' | 'outlierDetection'>,
  { isByLocality }: { readonly isByLocality: boolean },
): Balance {
  const { minHealthPercent = 0 } = outlierDetection ?? {};
  return {
    ...algorithmOf(loadBalancer),
    commonLbConfig: {
      // Endpoints that are not ready are among those told; panic would turn to them regardless.
      healthyPanicThreshold: { value: minHealthPercent },
      ...(isByLocality && {
        localityConfigSpecifier: { case: 'localityWeightedLbConfig', value: {} },
      }),
    },
  };
}

function algorithmOf(said: LoadBalancer | undefined): Omit<Balance, 'commonLbConfig'> {
  if (said?.consistentHash) return hashing(said.consistentHash.table);
  const slowStart = said?.warmup && { slowStartConfig: slowStartOf(said.warmup) };
  const algorithm = said?.algorithm;
  switch (algorithm) {
    case undefined:
    case 'least-request':
    case 'passthrough':
      return {
        lbPolicy: Cluster_LbPolicy.LEAST_REQUEST,
        ...(slowStart && { lbConfig: { case: 'leastRequestLbConfig', value: slowStart } }),
      };
    case 'round-robin':
      return {
        lbPolicy: Cluster_LbPolicy.ROUND_ROBIN,
        ...(slowStart && { lbConfig: { case: 'roundRobinLbConfig', value: slowStart } }),
      };
    case 'random':
      return { lbPolicy: Cluster_LbPolicy.RANDOM };
    default:
      return assertNever(algorithm);
  }
}

function hashing(table: HashTable): Omit<Balance, 'commonLbConfig'> {
  if (table.kind === 'maglev') {
    const { size } = table;
    return {
      lbPolicy: Cluster_LbPolicy.MAGLEV,
      ...(size !== undefined && {
        lbConfig: { case: 'maglevLbConfig', value: { tableSize: BigInt(size) } },
      }),
    };
  }
  const value = { minimumRingSize: BigInt(table.sizeMin ?? RING_SIZE_MIN) };
  return { lbPolicy: Cluster_LbPolicy.RING_HASH, lbConfig: { case: 'ringHashLbConfig', value } };
}

function slowStartOf({
  durationMs,
  minimumPercent,
  aggression,
}: NonNullable<LoadBalancer['warmup']>): MessageInitShape<typeof Cluster_SlowStartConfigSchema> {
  return {
    slowStartWindow: milliseconds(durationMs),
    ...(aggression !== undefined && {
      // the runtime key is demanded, and nobody's
      aggression: { defaultValue: aggression, runtimeKey: 'isthmus.warmup.aggression' },
    }),
    ...(minimumPercent !== undefined && { minWeightPercent: { value: minimumPercent } }),
  };
}
