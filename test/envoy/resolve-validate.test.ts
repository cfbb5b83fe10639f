// Every golden, and a matrix of what the generators can make, is read by the real Envoy: a golden
// that Envoy refuses would be exactly wrong.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import type { TypedExtensionConfig } from '#gen/envoy/config/core/v3/extension_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { parseGolden } from '#resolve/golden.ts';
import { buildCollector } from '#resolve/cluster.ts';
import { buildVirtualInbound } from '#resolve/inbound.ts';
import { collectorName } from '#resolve/names.ts';
import { buildHttpListener } from '#resolve/outbound-http.ts';
import { buildVirtualOutbound } from '#resolve/outbound.ts';
import type { AccessLogSettings, RequestTelemetry } from '#resolve/telemetry.ts';
import { goldensOf, validate } from './validate.ts';

const goldens = (prefix: string): Promise<readonly string[]> => goldensOf('library', prefix);

/** Puts the policies where Envoy would fetch them, so that they are read as well. */
function withPolicies(listener: Listener, policies: readonly TypedExtensionConfig[]): Listener {
  for (const filter of listener.filterChains.flatMap(({ filters }) => filters)) {
    const policy = policies.find(({ name }) => name === filter.name)?.typedConfig;
    if (policy) filter.configType = { case: 'typedConfig', value: policy };
  }
  return listener;
}

test('Envoy takes every golden', async (t) => {
  const policies = (await goldens('extension-')).map((text) =>
    parseGolden(TypedExtensionConfigSchema, text),
  );
  const listeners = (await goldens('listener-')).map((text) =>
    withPolicies(parseGolden(ListenerSchema, text), policies),
  );
  const clusters = (await goldens('cluster-')).map((text) => parseGolden(ClusterSchema, text));
  const [endpoints = ''] = await goldens('endpoints');
  clusters.push(
    create(ClusterSchema, {
      name: 'endpoints',
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
      loadAssignment: parseGolden(ClusterLoadAssignmentSchema, endpoints),
    }),
  );
  assert.equal(await validate(t, { listeners, clusters }), '');
});

test('Envoy refuses a golden that is broken: validation is not blind', async (t) => {
  const [text = ''] = await goldens('listener-outbound');
  const listener = parseGolden(ListenerSchema, text.replace('%DOWNSTREAM_LOCAL_ADDRESS%', '%NO%'));
  assert.match(await validate(t, { listeners: [listener], clusters: [] }), /Not supported field/);
});

const COLLECTOR = { address: '10.0.0.9', port: 4317, protocol: 'grpc' } as const;

const traceBy = (protocol: 'grpc' | 'http'): RequestTelemetry => ({
  logs: [],
  trace: {
    tracer: {
      service: '10.0.0.9',
      port: 4317,
      protocol,
      path: '/v1/traces',
      timeoutMs: 5000,
      headers: [['authorization', 'Bearer x']],
      maxTagLength: 99,
      readsEnvironment: true,
    },
    service: 'web.shop',
    sampling: 12.5,
    tags: [
      { name: 'a', kind: 'literal', value: 'b' },
      { name: 'c', kind: 'environment', variable: 'HOME', otherwise: '' },
      { name: 'd', kind: 'header', header: 'x-user', otherwise: '-' },
      { name: 'e', kind: 'formatter', format: '%REQ(:PATH)%' },
    ],
    maxTagLength: 99,
    usesRequestId: false,
    keepsContext: true,
    collector: { host: '10.0.0.9', cluster: collectorName({ ...COLLECTOR, protocol }) },
  },
});

test('Envoy takes whatever listeners the generators make', async (t) => {
  const ports = (['STRICT', 'PERMISSIVE', 'DISABLE'] as const).flatMap((mode, index) =>
    [3306, 8080, 5900].map((port) => ({
      port: port + index,
      mode,
      content: port === 8080 ? ('auto' as const) : ('tcp' as const),
      isServed: false,
      speaker: 'unknown' as const,
    })),
  );
  const inbound = buildVirtualInbound({
    hasIpv6: true,
    ports,
    passthroughMode: 'PERMISSIVE',
    trustDomains: ['cluster.local'],
    telemetry: { logs: [], trace: null },
  });
  const log = { kind: 'file', path: '/dev/stdout', omitsEmptyValues: true } as const;
  const named: AccessLogSettings = [
    { ...log, format: { kind: 'text', text: '%START_TIME%' }, filter: 'connection.mtls' },
    { ...log, format: { kind: 'json', fields: {} }, filter: '' },
    { ...log, format: { kind: 'text', text: '%REQ_WITHOUT_QUERY(:PATH)%' }, filter: '' },
    { ...log, format: { kind: 'json', fields: { a: { b: '%PROTOCOL%' } } }, filter: '' },
    {
      kind: 'otlp',
      service: 'otel.obs',
      port: 4317,
      logName: 'x',
      filter: 'connection.mtls',
      text: '%REQ_WITHOUT_QUERY(:PATH)%',
      attributes: [['a', '%PROTOCOL%']],
      collector: { host: 'otel.obs', cluster: collectorName(COLLECTOR) },
    },
  ];
  const requests = (['grpc', 'http'] as const).map((protocol, index) =>
    buildHttpListener({ port: 80 + index, hasIpv6: true }, traceBy(protocol)),
  );
  const listeners = [inbound, buildVirtualOutbound(named, { hasIpv6: true }), ...requests].map(
    (listener) => create(ListenerSchema, listener),
  );
  const [passthrough = ''] = await goldens('cluster-inbound-passthrough');
  const clusters = [
    parseGolden(ClusterSchema, passthrough),
    create(ClusterSchema, buildCollector(COLLECTOR)),
    create(ClusterSchema, buildCollector({ ...COLLECTOR, protocol: 'http' })),
  ];
  assert.equal(await validate(t, { listeners, clusters }), '');
});
