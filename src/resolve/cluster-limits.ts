// What a client may ask of a destination at once and how long it tries (a DestinationRule's
// connectionPool), and when it leaves an endpoint alone (outlierDetection).
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { OutlierDetectionSchema } from '#gen/envoy/config/cluster/v3/outlier_detection_pb.js';
import type { TcpKeepaliveSchema } from '#gen/envoy/config/core/v3/address_pb.js';
import type { ConnectionPool, OutlierDetection } from '#istio/destinationrule/traffic-policy.ts';
import type { MeshConfig } from '#istio/meshconfig/mesh-config.ts';
import type { ClientSettings } from './client-policy.ts';
import { milliseconds } from './message.ts';

type Cluster = MessageInitShape<typeof ClusterSchema>;

/** What the mesh says of every cluster. */
export type ClusterDefaults = Pick<
  MeshConfig,
  'connectTimeoutMs' | 'tcpKeepalive' | 'dnsRefreshRateMs' | 'upgradesToHttp2'
>;

/** Envoy's default is 1024 connections for a whole destination: too few for a database, unasked. */
const UNLIMITED = 0xffff_ffff;

/**
 * Finds dead peers, since no idle timeout does: first probe after 5 minutes (half of a common
 * firewall's memory), dead after three unanswered ones. Linux would wait for two hours.
 */
export const TCP_KEEPALIVE = {
  keepaliveTime: 300,
  keepaliveInterval: 30,
  keepaliveProbes: 3,
} as const;

type Limits = Pick<Cluster, 'connectTimeout' | 'circuitBreakers' | 'upstreamConnectionOptions'>;

/** What is not limited is unlimited, whatever else is. */
export function connectionLimits(
  { connectionPool, retryBudget }: Pick<ClientSettings, 'connectionPool' | 'retryBudget'>,
  defaults: ClusterDefaults,
): Limits {
  const { connectTimeoutMs, maxConnections, maxPendingRequests, maxRequests, maxRetries } =
    connectionPool ?? NO_LIMITS;
  return {
    connectTimeout: milliseconds(connectTimeoutMs ?? defaults.connectTimeoutMs),
    circuitBreakers: {
      thresholds: [
        {
          maxConnections: maxConnections ?? UNLIMITED,
          maxPendingRequests: maxPendingRequests ?? UNLIMITED,
          maxRequests: maxRequests ?? UNLIMITED,
          maxRetries: maxRetries ?? UNLIMITED,
          ...(retryBudget && {
            retryBudget: {
              budgetPercent: { value: retryBudget.percent ?? RETRY_BUDGET_PERCENT },
              ...(retryBudget.minRetryConcurrency !== undefined && {
                minRetryConcurrency: retryBudget.minRetryConcurrency,
              }),
              ...(retryBudget.intervalMs !== undefined && {
                budgetInterval: milliseconds(retryBudget.intervalMs),
              }),
            },
          }),
        },
      ],
    },
    upstreamConnectionOptions: { tcpKeepalive: keepaliveOf(connectionPool, defaults) },
  };
}

const NO_LIMITS: Partial<ConnectionPool> = {};

/** Istio's, and Envoy's, where a budget does not say. */
const RETRY_BUDGET_PERCENT = 20;

function keepaliveOf(
  pool: ConnectionPool | undefined,
  defaults: ClusterDefaults,
): MessageInitShape<typeof TcpKeepaliveSchema> {
  const said = pool?.tcpKeepalive ?? defaults.tcpKeepalive;
  if (said === undefined) return TCP_KEEPALIVE;
  const { probes, timeMs, intervalMs } = said;
  return {
    ...(timeMs !== undefined && { keepaliveTime: wholeSeconds(timeMs) }),
    ...(intervalMs !== undefined && { keepaliveInterval: wholeSeconds(intervalMs) }),
    ...(probes !== undefined && { keepaliveProbes: probes }),
  };
}

/** The kernel counts in seconds, from 1. */
const wholeSeconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

/** Never by success rate, which Istio does not offer. */
export function outlierDetection(
  said: OutlierDetection | undefined,
): Pick<Cluster, 'outlierDetection'> {
  if (said === undefined) return {};
  const { consecutive5xx, consecutiveGatewayErrors, consecutiveLocalOriginFailures } = said;
  const { intervalMs, baseEjectionTimeMs, maxEjectionPercent, isSplit } = said;
  const outlier: MessageInitShape<typeof OutlierDetectionSchema> = {
    enforcingSuccessRate: 0,
    ...(consecutive5xx !== undefined && {
      consecutive5xx,
      enforcingConsecutive5xx: enforcedIf(consecutive5xx),
    }),
    ...(consecutiveGatewayErrors !== undefined && {
      consecutiveGatewayFailure: consecutiveGatewayErrors,
      enforcingConsecutiveGatewayFailure: enforcedIf(consecutiveGatewayErrors),
    }),
    ...(intervalMs !== undefined && { interval: milliseconds(intervalMs) }),
    ...(baseEjectionTimeMs !== undefined && { baseEjectionTime: milliseconds(baseEjectionTimeMs) }),
    ...(maxEjectionPercent !== undefined && { maxEjectionPercent }),
    ...(isSplit && {
      splitExternalLocalOriginErrors: true,
      enforcingLocalOriginSuccessRate: 0,
      ...(consecutiveLocalOriginFailures !== undefined && {
        consecutiveLocalOriginFailure: consecutiveLocalOriginFailures,
        enforcingConsecutiveLocalOriginFailure: 100,
      }),
    }),
  };
  return { outlierDetection: outlier };
}

/** Percent: a count of 0 turns the check off. */
const enforcedIf = (count: number): number => (count > 0 ? 100 : 0);
