// networking.istio.io DestinationRule: the single source of the kind.
import { DESTINATION_RULE } from '#kube/resources.ts';
import type { Kind } from '../kind.ts';
import { AGE, duration, istioStatus, strings, uint32, workloadSelector } from '../kind-parts.ts';
import { object } from '../schema/object-schema.ts';
import {
  boolean,
  double,
  int32,
  integer,
  list,
  map,
  nullable,
  string,
  word,
} from '../schema/schema.ts';
import type { Static } from '../schema/schema.ts';
import { loadBalancer } from './load-balancer-schema.ts';

/** Also of a Sidecar's listeners. */
export const connectionPool = object({
  tcp: object({
    maxConnections: int32(),
    connectTimeout: duration(),
    tcpKeepalive: object({ probes: uint32(), time: duration(), interval: duration() }),
    maxConnectionDuration: duration(),
    idleTimeout: string(),
  }),
  http: object({
    http1MaxPendingRequests: int32(),
    http2MaxRequests: int32(),
    maxRequestsPerConnection: int32(),
    maxRetries: int32(),
    idleTimeout: duration(),
    h2UpgradePolicy: word(['DEFAULT', 'DO_NOT_UPGRADE', 'UPGRADE']),
    useClientProtocol: boolean(),
    maxConcurrentStreams: int32(),
    http2KeepAlive: object({ interval: duration(), timeout: duration() }),
  }),
});

const outlierDetection = object({
  consecutiveErrors: int32(),
  splitExternalLocalOriginErrors: boolean(),
  consecutiveLocalOriginFailures: nullable(uint32()),
  consecutiveGatewayErrors: nullable(uint32()),
  consecutive5xxErrors: nullable(uint32()),
  interval: duration(),
  baseEjectionTime: duration(),
  maxEjectionPercent: int32(),
  minHealthPercent: int32(),
  outlierDetectionHttpErrorCodes: list(integer({ min: 100, max: 599 })),
});

const tls = object({
  mode: word(['DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL']),
  clientCertificate: string(),
  privateKey: string(),
  caCertificates: string(),
  credentialName: string(),
  subjectAltNames: strings(),
  sni: string(),
  insecureSkipVerify: nullable(boolean()),
  caCrl: string(),
});

const portPolicy = object({
  port: object({ number: uint32() }),
  loadBalancer,
  connectionPool,
  outlierDetection,
  tls,
});

const trafficPolicy = object({
  loadBalancer,
  connectionPool,
  outlierDetection,
  tls,
  portLevelSettings: list(portPolicy, { itemsMax: 4096 }),
  tunnel: object(
    { protocol: string(), targetHost: string(), targetPort: uint32() },
    { required: ['targetHost', 'targetPort'] },
  ),
  proxyProtocol: object({ version: word(['V1', 'V2']) }),
  retryBudget: object({
    percent: nullable(double({ min: 0, max: 100 })),
    minRetryConcurrency: uint32(),
    budgetInterval: string(),
  }),
});

const subset = object(
  { name: string(), labels: map(string()), trafficPolicy },
  { required: ['name'] },
);

export const destinationRuleSpec = object(
  {
    host: string(),
    trafficPolicy,
    subsets: list(subset),
    exportTo: strings(),
    workloadSelector: workloadSelector(),
  },
  { required: ['host'] },
);

export type DestinationRuleSpec = Static<typeof destinationRuleSpec>;
export type TrafficPolicySpec = Static<typeof trafficPolicy>;
export type PortPolicySpec = Static<typeof portPolicy>;
export type ClientTlsSpec = Static<typeof tls>;
export type ConnectionPoolSpec = Static<typeof connectionPool>;
export type OutlierDetectionSpec = Static<typeof outlierDetection>;

export const destinationRuleKind: Kind<DestinationRuleSpec> = {
  type: DESTINATION_RULE,
  singular: 'destinationrule',
  shortNames: ['dr'],
  categories: ['istio-io', 'networking-istio-io'],
  versions: ['v1', 'v1alpha3', 'v1beta1'],
  columns: [{ name: 'Host', type: 'string', jsonPath: '.spec.host' }, AGE],
  spec: destinationRuleSpec,
  isSpecRequired: false,
  status: istioStatus(),
};
