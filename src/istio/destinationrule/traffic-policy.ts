// What a DestinationRule says of how clients speak to a host: plain data, times in milliseconds,
// and undefined for what it does not say.
import { durationMs } from '../duration.ts';
import { localityOf } from './locality.ts';
import type { SaidLocality } from './locality.ts';
import type { LoadBalancerSpec } from './load-balancer-schema.ts';
import type {
  ClientTlsSpec,
  ConnectionPoolSpec,
  OutlierDetectionSpec,
  TrafficPolicySpec,
} from './schema.ts';

/** The TLS that clients are to use, whatever the endpoints say of themselves. */
export type ClientTls = {
  readonly mode: NonNullable<ClientTlsSpec['mode']>;
  /** Empty: what the mesh says for the service and its port, or what a request is for. */
  readonly sni: string;
  /** Empty: the identities that are known of the endpoints. */
  readonly subjectAltNames: readonly string[];
  /** Files of the client's own; empty for none. */
  readonly clientCertificate: string;
  readonly privateKey: string;
  readonly caCertificates: string;
  readonly skipsVerification: boolean;
  /** Is it said in a way that nothing here can obey, so that nothing may go out? */
  readonly isBeyondUs: boolean;
};

/** What requests are told apart by, so that those alike go to one endpoint. */
export type HashKey =
  | { readonly kind: 'source-ip' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'query'; readonly name: string }
  | {
      readonly kind: 'cookie';
      readonly name: string;
      readonly path: string;
      /** undefined: the cookie is the application's own. */
      readonly ttlMs: number | undefined;
      readonly attributes: readonly { readonly name: string; readonly value: string }[];
    };

export type HashTable =
  | { readonly kind: 'ring'; readonly sizeMin: number | undefined }
  | { readonly kind: 'maglev'; readonly size: number | undefined };

export type LoadBalancer = {
  readonly algorithm: 'least-request' | 'round-robin' | 'random' | 'passthrough' | undefined;
  readonly consistentHash:
    | { readonly key: HashKey | undefined; readonly table: HashTable }
    | undefined;
  readonly locality: SaidLocality;
  /** Of an endpoint that has just come. */
  readonly warmup:
    | {
        readonly durationMs: number;
        readonly minimumPercent: number | undefined;
        readonly aggression: number | undefined;
      }
    | undefined;
};

export type ConnectionPool = {
  readonly maxConnections: number | undefined;
  readonly connectTimeoutMs: number | undefined;
  readonly maxConnectionDurationMs: number | undefined;
  /** Of requests where it is said of them, else of connections. */
  readonly idleTimeoutMs: number | undefined;
  readonly tcpKeepalive:
    | {
        readonly probes: number | undefined;
        readonly timeMs: number | undefined;
        readonly intervalMs: number | undefined;
      }
    | undefined;
  readonly maxPendingRequests: number | undefined;
  readonly maxRequests: number | undefined;
  readonly maxRequestsPerConnection: number | undefined;
  readonly maxRetries: number | undefined;
  readonly maxConcurrentStreams: number | undefined;
  readonly http2: 'upgrade' | 'as-is' | undefined;
  readonly usesClientProtocol: boolean;
  readonly http2KeepAlive:
    | { readonly intervalMs: number | undefined; readonly timeoutMs: number | undefined }
    | undefined;
};

export type OutlierDetection = {
  readonly consecutive5xx: number | undefined;
  readonly consecutiveGatewayErrors: number | undefined;
  readonly isSplit: boolean;
  readonly consecutiveLocalOriginFailures: number | undefined;
  readonly intervalMs: number | undefined;
  readonly baseEjectionTimeMs: number | undefined;
  readonly maxEjectionPercent: number | undefined;
  /** 0: endpoints that are not ready are never tried. */
  readonly minHealthPercent: number;
};

/** What may be said anew for a port, and is then said wholesale. */
export type PortPolicy = {
  readonly tls: ClientTls | undefined;
  readonly loadBalancer: LoadBalancer | undefined;
  readonly connectionPool: ConnectionPool | undefined;
  readonly outlierDetection: OutlierDetection | undefined;
};

export type RetryBudget = {
  readonly percent: number | undefined;
  readonly minRetryConcurrency: number | undefined;
  /** Requests of this long count, too, and not only those under way. */
  readonly intervalMs: number | undefined;
};

export type TrafficPolicy = PortPolicy & {
  /** By port of the service: replaces those blocks of the policy, said anew or not. */
  readonly portLevel: ReadonlyMap<number, PortPolicy>;
  /** The header of the PROXY protocol that goes before everything. */
  readonly proxyProtocol: 'V1' | 'V2' | undefined;
  readonly retryBudget: RetryBudget | undefined;
};

export function policyOf(spec: TrafficPolicySpec | undefined): TrafficPolicy | undefined {
  if (spec === undefined) return undefined;
  const portLevel = new Map<number, PortPolicy>();
  for (const { port, ...settings } of spec.portLevelSettings ?? []) {
    const number = port?.number ?? 0;
    if (!portLevel.has(number)) portLevel.set(number, portPolicyOf(settings)); // first counts
  }
  const { percent, minRetryConcurrency, budgetInterval } = spec.retryBudget ?? {};
  const intervalMs = timeOf(budgetInterval);
  return {
    ...portPolicyOf(spec),
    portLevel,
    // protobuf's zero value is V1
    proxyProtocol: spec.proxyProtocol && (spec.proxyProtocol.version ?? 'V1'),
    retryBudget: spec.retryBudget && { percent, minRetryConcurrency, intervalMs },
  };
}

function portPolicyOf(
  spec: Pick<TrafficPolicySpec, 'tls' | 'loadBalancer' | 'connectionPool' | 'outlierDetection'>,
): PortPolicy {
  return {
    tls: clientTlsOf(spec.tls),
    loadBalancer: loadBalancerOf(spec.loadBalancer),
    connectionPool: connectionPoolOf(spec.connectionPool),
    outlierDetection: outlierDetectionOf(spec.outlierDetection),
  };
}

function clientTlsOf(spec: ClientTlsSpec | undefined): ClientTls | undefined {
  if (spec === undefined) return undefined;
  // protobuf's zero value: TLS settings without a mode turn TLS off
  const { mode = 'DISABLE', sni = '', subjectAltNames = [] } = spec;
  const isOwn = mode === 'SIMPLE' || mode === 'MUTUAL';
  return {
    mode,
    sni,
    subjectAltNames,
    clientCertificate: spec.clientCertificate ?? '',
    privateKey: spec.privateKey ?? '',
    caCertificates: spec.caCertificates ?? '',
    skipsVerification: spec.insecureSkipVerify === true,
    isBeyondUs: isOwn && (isSaid(spec.credentialName) || isSaid(spec.caCrl)),
  };
}

const isSaid = (text: string | undefined): boolean => (text ?? '') !== '';

const ALGORITHMS = {
  UNSPECIFIED: undefined,
  LEAST_CONN: 'least-request',
  LEAST_REQUEST: 'least-request',
  ROUND_ROBIN: 'round-robin',
  RANDOM: 'random',
  PASSTHROUGH: 'passthrough',
} as const;

function loadBalancerOf(spec: LoadBalancerSpec | undefined): LoadBalancer | undefined {
  if (spec === undefined) return undefined;
  const { simple = 'UNSPECIFIED', consistentHash, warmup, warmupDurationSecs } = spec;
  const warmupMs = timeOf(warmup?.duration ?? warmupDurationSecs);
  return {
    algorithm: ALGORITHMS[simple],
    consistentHash: consistentHash && {
      key: hashKeyOf(consistentHash),
      table: hashTableOf(consistentHash),
    },
    locality: localityOf(spec.localityLbSetting),
    warmup:
      warmupMs === undefined
        ? undefined
        : {
            durationMs: warmupMs,
            minimumPercent: warmup?.minimumPercent,
            aggression: warmup?.aggression,
          },
  };
}

type HashSpec = NonNullable<LoadBalancerSpec['consistentHash']>;

function hashKeyOf(spec: HashSpec): HashKey | undefined {
  const { httpHeaderName, httpQueryParameterName, httpCookie, useSourceIp } = spec;
  if (isSaid(httpHeaderName)) return { kind: 'header', name: httpHeaderName ?? '' };
  if (httpCookie !== undefined) {
    const { name, path = '', ttl, attributes = [] } = httpCookie;
    const pairs = attributes.map(({ name, value = '' }) => ({ name, value }));
    return { kind: 'cookie', name, path, ttlMs: timeOf(ttl), attributes: pairs };
  }
  if (isSaid(httpQueryParameterName)) return { kind: 'query', name: httpQueryParameterName ?? '' };
  return useSourceIp === true ? { kind: 'source-ip' } : undefined;
}

function hashTableOf({ maglev, ringHash, minimumRingSize }: HashSpec): HashTable {
  if (maglev !== undefined) return { kind: 'maglev', size: maglev.tableSize };
  return { kind: 'ring', sizeMin: ringHash?.minimumRingSize ?? minimumRingSize };
}

/** Of what is 0 Istio takes the default. */
const above0 = (value: number | undefined): number | undefined =>
  value !== undefined && value > 0 ? value : undefined;

export function connectionPoolOf(spec: ConnectionPoolSpec | undefined): ConnectionPool | undefined {
  if (spec === undefined) return undefined;
  const { tcp = {}, http = {} } = spec;
  const { h2UpgradePolicy, http2KeepAlive, useClientProtocol } = http;
  return {
    maxConnections: above0(tcp.maxConnections),
    connectTimeoutMs: timeOf(tcp.connectTimeout),
    maxConnectionDurationMs: timeOf(tcp.maxConnectionDuration),
    idleTimeoutMs: timeOf(http.idleTimeout ?? tcp.idleTimeout),
    tcpKeepalive: tcp.tcpKeepalive && {
      probes: tcp.tcpKeepalive.probes,
      timeMs: timeOf(tcp.tcpKeepalive.time),
      intervalMs: timeOf(tcp.tcpKeepalive.interval),
    },
    maxPendingRequests: above0(http.http1MaxPendingRequests),
    maxRequests: above0(http.http2MaxRequests),
    maxRequestsPerConnection: above0(http.maxRequestsPerConnection),
    maxRetries: above0(http.maxRetries),
    maxConcurrentStreams: above0(http.maxConcurrentStreams),
    http2: UPGRADES[h2UpgradePolicy ?? 'DEFAULT'],
    usesClientProtocol: useClientProtocol === true,
    http2KeepAlive: http2KeepAlive && {
      intervalMs: timeOf(http2KeepAlive.interval),
      timeoutMs: timeOf(http2KeepAlive.timeout),
    },
  };
}

const UPGRADES = { DEFAULT: undefined, DO_NOT_UPGRADE: 'as-is', UPGRADE: 'upgrade' } as const;

function outlierDetectionOf(spec: OutlierDetectionSpec | undefined): OutlierDetection | undefined {
  if (spec === undefined) return undefined;
  return {
    consecutive5xx: spec.consecutive5xxErrors,
    consecutiveGatewayErrors: spec.consecutiveGatewayErrors,
    isSplit: spec.splitExternalLocalOriginErrors === true,
    consecutiveLocalOriginFailures: above0(spec.consecutiveLocalOriginFailures),
    intervalMs: timeOf(spec.interval),
    baseEjectionTimeMs: timeOf(spec.baseEjectionTime),
    maxEjectionPercent: above0(spec.maxEjectionPercent),
    minHealthPercent: spec.minHealthPercent ?? 0,
  };
}

/** Whole milliseconds: sums of decimal fractions are not exact in binary. */
function timeOf(text: string | undefined): number | undefined {
  const ms = text === undefined ? undefined : durationMs(text);
  return ms === undefined ? undefined : Math.round(ms);
}
