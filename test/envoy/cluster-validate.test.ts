// A matrix of the clusters that DestinationRules can make is read by the real Envoy: every source
// of endpoints with every kind of TLS, and every other setting at least once with each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { Cluster } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { parseDestinationRule } from '#istio/destinationrule/destination-rule.ts';
import { DEFAULT_MESH_CONFIG } from '#istio/meshconfig/mesh-config.ts';
import { clientPolicy } from '#resolve/client-policy.ts';
import type { ClientPolicy } from '#resolve/client-policy.ts';
import { buildServiceCluster } from '#resolve/cluster.ts';
import type { EndpointSource } from '#resolve/cluster.ts';
import type { Spoken } from '#resolve/cluster-http.ts';
import type { EndpointGroup } from '#resolve/endpoints.ts';
import { parseGolden } from '#resolve/golden.ts';
import { goldensOf, validate } from './validate.ts';

const SERVICE = { host: 'db.example.com', name: 'db', namespace: 'default', port: 5432 };

const group = (address: string, weight?: number): EndpointGroup => ({
  locality: { region: 'r', zone: 'z', subZone: 's' },
  priority: 0,
  weight,
  endpoints: [
    {
      address,
      ...(address === '10.0.0.1' && { secondAddress: 'fd00::1' }),
      port: 5432,
      weight: 3,
      isHealthy: false,
      locality: { region: 'r', zone: 'z', subZone: 's' },
      takesMeshTls: true,
      workload: { kind: 'Pod', name: 'p', namespace: 'default', labels: {} },
    },
  ],
});

const far: EndpointGroup = {
  ...group('10.0.0.2'),
  locality: { region: 'far', zone: '', subZone: '' },
  priority: 1,
};

const SOURCES: readonly EndpointSource[] = [
  { kind: 'eds', isByLocality: true },
  { kind: 'static', groups: [group('10.0.0.1', 80), far], isByLocality: true },
  { kind: 'static', groups: [group('fd00::1')], isByLocality: false },
  { kind: 'static', groups: [group('unix:///var/run/db.sock')], isByLocality: false },
  { kind: 'static', groups: [], isByLocality: false },
  { kind: 'dns', groups: [group('db.example.com'), far], isByLocality: true },
  { kind: 'logical-dns', groups: [group('db.example.com')], isByLocality: false },
  { kind: 'original-dst' },
];

const SPOKEN: readonly Spoken[] = ['tcp', 'http1', 'http2', 'as-client'];

const files = { clientCertificate: '/c', privateKey: '/k', caCertificates: '/ca' };

/** `trafficPolicy` of a rule. */
const POLICIES: readonly object[] = [
  {},
  { tls: { mode: 'DISABLE' } },
  { tls: { mode: 'ISTIO_MUTUAL' } },
  { tls: { mode: 'ISTIO_MUTUAL', sni: 'other.example.com', subjectAltNames: ['spiffe://d/ns/e'] } },
  { tls: { mode: 'SIMPLE' } },
  { tls: { mode: 'SIMPLE', insecureSkipVerify: true, sni: 'db.example.com' } },
  { tls: { mode: 'MUTUAL', ...files, subjectAltNames: ['spiffe://x/y', 'a.example', '10.0.0.1'] } },
  { proxyProtocol: { version: 'V2' } },
  { proxyProtocol: {}, tls: { mode: 'SIMPLE' } },
  { loadBalancer: { simple: 'RANDOM' } },
  { loadBalancer: { simple: 'PASSTHROUGH' } },
  {
    loadBalancer: {
      simple: 'ROUND_ROBIN',
      warmup: { duration: '30s', minimumPercent: 20, aggression: 2 },
    },
  },
  { loadBalancer: { simple: 'LEAST_CONN', warmupDurationSecs: '30s' } },
  { loadBalancer: { consistentHash: { useSourceIp: true, ringHash: { minimumRingSize: 64 } } } },
  { loadBalancer: { consistentHash: { httpHeaderName: 'x-user', maglev: { tableSize: 1009 } } } },
  { loadBalancer: { consistentHash: { httpQueryParameterName: 'user' } } },
  {
    loadBalancer: {
      consistentHash: {
        httpCookie: {
          name: 'u',
          path: '/',
          ttl: '0s',
          attributes: [{ name: 'SameSite', value: 'S' }],
        },
      },
    },
  },
  {
    connectionPool: {
      tcp: {
        maxConnections: 5,
        connectTimeout: '100ms',
        tcpKeepalive: { time: '10s', interval: '1500ms', probes: 2 },
        idleTimeout: '1h',
        maxConnectionDuration: '1h',
      },
      http: {
        http1MaxPendingRequests: 1,
        http2MaxRequests: 2,
        maxRequestsPerConnection: 3,
        maxRetries: 4,
        idleTimeout: '10s',
        h2UpgradePolicy: 'UPGRADE',
        maxConcurrentStreams: 5,
        http2KeepAlive: { interval: '10s', timeout: '5s' },
      },
    },
    retryBudget: { percent: 10, minRetryConcurrency: 2, budgetInterval: '10s' },
  },
  { connectionPool: { http: { useClientProtocol: true } } },
  {
    outlierDetection: {
      consecutive5xxErrors: 0,
      consecutiveGatewayErrors: 3,
      interval: '5s',
      baseEjectionTime: '30s',
      maxEjectionPercent: 50,
      minHealthPercent: 40,
      splitExternalLocalOriginErrors: true,
      consecutiveLocalOriginFailures: 2,
    },
  },
];

function policyOf(trafficPolicy: object): ClientPolicy {
  const spec = {
    host: SERVICE.host,
    ...(Object.keys(trafficPolicy).length > 0 && { trafficPolicy }),
  };
  const result = parseDestinationRule({ metadata: { name: 'it', namespace: 'default' }, spec });
  assert(result.ok, JSON.stringify(result));
  return clientPolicy(result.value, { port: SERVICE.port, subset: '' });
}

test('Envoy takes every golden of a cluster', async (t) => {
  const [endpoints = ''] = await goldensOf('clusters', 'endpoints-');
  const clusters = (await goldensOf('clusters', 'cluster-')).map((text) =>
    parseGolden(ClusterSchema, text),
  );
  const standing = create(ClusterSchema, {
    name: 'endpoints',
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
    loadAssignment: parseGolden(ClusterLoadAssignmentSchema, endpoints),
  });
  assert.equal(await validate(t, { listeners: [], clusters: [...clusters, standing] }), '');
});

const keepalive = { probes: undefined, timeMs: 1, intervalMs: undefined };
const defaults = { ...DEFAULT_MESH_CONFIG, tcpKeepalive: keepalive };

test('Envoy takes every cluster that a DestinationRule makes', async (t) => {
  const clusters: Cluster[] = [];
  for (const [row, trafficPolicy] of POLICIES.entries()) {
    const policy = policyOf(trafficPolicy);
    for (const [column, source] of SOURCES.entries()) {
      const spoken = SPOKEN[(row + column) % SPOKEN.length] ?? 'tcp';
      const cluster = buildServiceCluster({
        name: `${row}-${column}`,
        service: SERVICE,
        source,
        identities: ['spiffe://a/ns/b/sa/c'],
        writtenNames: column === 0 ? [] : ['db.example.com'],
        trustDomains: ['cluster.local', 'old'],
        ...policy,
        spoken,
        defaults: row === 0 ? defaults : DEFAULT_MESH_CONFIG,
      });
      clusters.push(create(ClusterSchema, cluster));
    }
  }
  assert.equal(await validate(t, { listeners: [], clusters }), '');
});
