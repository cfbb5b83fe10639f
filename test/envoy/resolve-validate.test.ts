// Every golden, and a matrix of what the generators can make, is read by the real Envoy: a golden
// that Envoy refuses would be exactly wrong.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { create, toBinary } from '@bufbuild/protobuf';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { runCommand } from '#base/command.ts';
import { BootstrapSchema } from '#gen/envoy/config/bootstrap/v3/bootstrap_pb.js';
import { Cluster_DiscoveryType, ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import type { Cluster } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { ApiConfigSource_ApiType } from '#gen/envoy/config/core/v3/config_source_pb.js';
import { TypedExtensionConfigSchema } from '#gen/envoy/config/core/v3/extension_pb.js';
import type { TypedExtensionConfig } from '#gen/envoy/config/core/v3/extension_pb.js';
import { ClusterLoadAssignmentSchema } from '#gen/envoy/config/endpoint/v3/endpoint_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import type { Listener } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { HttpProtocolOptionsSchema } from '#gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js';
import type { ClientSecurity } from '#resolve/client-policy.ts';
import { buildServiceCluster } from '#resolve/cluster.ts';
import type { EndpointSource } from '#resolve/cluster.ts';
import { parseGolden } from '#resolve/golden.ts';
import { buildVirtualInbound } from '#resolve/inbound.ts';
import { grpcService, packed, V3 } from '#resolve/message.ts';
import { ALS_CLUSTER, destinationClusterName, SDS_CLUSTER, XDS_CLUSTER } from '#resolve/names.ts';
import { buildVirtualOutbound } from '#resolve/outbound.ts';
import { ENVOY } from './resolve-envoy.ts';

const GOLDENS = fileURLToPath(new URL('../../src/resolve/testdata/library', import.meta.url));

async function goldens(prefix: string): Promise<readonly string[]> {
  const files = (await readdir(GOLDENS)).filter((file) => file.endsWith('.golden'));
  const chosen = files.filter((file) => file.startsWith(prefix)).toSorted();
  assert(chosen.length > 0, `there are goldens of ${prefix}`);
  return Promise.all(chosen.map((file) => readFile(join(GOLDENS, file), 'utf8')));
}

const HTTP2 = packed(HttpProtocolOptionsSchema, {
  upstreamProtocolOptions: {
    case: 'explicitHttpConfig',
    value: { protocolConfig: { case: 'http2ProtocolOptions', value: {} } },
  },
});

const agentCluster = (name: string): MessageInitShape<typeof ClusterSchema> => ({
  name,
  clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
  typedExtensionProtocolOptions: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': HTTP2,
  },
});

/** @returns what Envoy says; empty when it has nothing against it */
async function validate(
  t: TestContext,
  resources: { readonly listeners: readonly Listener[]; readonly clusters: readonly Cluster[] },
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'isthmus-validate-'));
  t.after(() => rm(directory, { recursive: true }));
  const agents = [XDS_CLUSTER, SDS_CLUSTER, ALS_CLUSTER].map((name) =>
    create(ClusterSchema, agentCluster(name)),
  );
  const bootstrap = create(BootstrapSchema, {
    node: { id: 'test', cluster: 'test' },
    dynamicResources: {
      adsConfig: {
        apiType: ApiConfigSource_ApiType.DELTA_GRPC,
        transportApiVersion: V3,
        grpcServices: [grpcService(XDS_CLUSTER)],
      },
    },
    staticResources: {
      listeners: [...resources.listeners],
      clusters: [...agents, ...resources.clusters],
    },
  });
  const path = join(directory, 'bootstrap.pb');
  await writeFile(path, toBinary(BootstrapSchema, bootstrap));
  const args = ['--mode', 'validate', '--config-path', path, '--log-level', 'error'];
  const { status, stdout, stderr } = await runCommand(ENVOY, args);
  return status === 0 ? '' : `${stdout}${stderr}`;
}

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

const SERVICE = { host: 'db.example.com', name: 'db', namespace: 'default', port: 5432 };
const ENDPOINT = {
  port: 5432,
  weight: 3,
  isHealthy: false,
  locality: { region: 'r', zone: 'z', subZone: 's' },
  takesMeshTls: true,
  workload: { kind: 'Pod', name: 'p', namespace: 'default', labels: {} },
};
const SOURCES: readonly EndpointSource[] = [
  { kind: 'eds' },
  { kind: 'static', endpoints: [{ ...ENDPOINT, address: '10.0.0.1' }] },
  { kind: 'static', endpoints: [{ ...ENDPOINT, address: 'fd00::1' }] },
  { kind: 'static', endpoints: [] },
  { kind: 'dns', endpoints: [{ ...ENDPOINT, address: 'db.example.com' }] },
  { kind: 'original-dst' },
];

const SECURITIES: readonly ClientSecurity[] = [
  { kind: 'automatic' },
  { kind: 'plaintext' },
  { kind: 'mesh', sni: '', subjectAltNames: [] },
  { kind: 'mesh', sni: 'other.example.com', subjectAltNames: ['spiffe://d/ns/e/sa/f'] },
];

test('Envoy takes whatever the generators make', async (t) => {
  const clusters = SOURCES.flatMap((source, index) =>
    SECURITIES.map((security, row) =>
      create(
        ClusterSchema,
        buildServiceCluster({
          name: destinationClusterName({ address: `10.0.${row}.${index}`, port: 1 }),
          service: SERVICE,
          source,
          subjectAltNames: index === 0 ? [] : ['spiffe://a/ns/b/sa/c', 'db.example.com'],
          trustDomains: ['cluster.local', 'old'],
          security,
        }),
      ),
    ),
  );
  const accessLog = { accessLogFile: '', accessLogFormat: '' };
  const ports = (['STRICT', 'PERMISSIVE', 'DISABLE'] as const).flatMap((mode, index) =>
    [3306, 8080, 5900].map((port) => ({
      port: port + index,
      mode,
      isServed: false,
      speaker: 'unknown' as const,
    })),
  );
  const inbound = buildVirtualInbound({
    ports,
    passthroughMode: 'PERMISSIVE',
    trustDomains: ['cluster.local'],
    accessLog,
  });
  const named = { accessLogFile: '/dev/stdout', accessLogFormat: '%START_TIME%' };
  const listeners = [inbound, buildVirtualOutbound(named)].map((listener) =>
    create(ListenerSchema, listener),
  );
  const [passthrough = ''] = await goldens('cluster-inbound-passthrough');
  clusters.push(parseGolden(ClusterSchema, passthrough));
  assert.equal(await validate(t, { listeners, clusters }), '');
});
