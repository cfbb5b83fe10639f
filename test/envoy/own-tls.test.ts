// TLS to somebody outside of the mesh, by a DestinationRule's files: a real Envoy asks the agent's
// SDS for them by name, shows its certificate, and takes no server of another name.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createServer } from 'node:tls';
import { create, createRegistry, toJson } from '@bufbuild/protobuf';
import type { JsonValue } from '@bufbuild/protobuf';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { ClusterSchema } from '#gen/envoy/config/cluster/v3/cluster_pb.js';
import { UpstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { createGrpcServer } from '#grpc/server.ts';
import { parseDestinationRule } from '#istio/destinationrule/destination-rule.ts';
import { DEFAULT_MESH_CONFIG } from '#istio/meshconfig/mesh-config.ts';
import { clientPolicy } from '#resolve/client-policy.ts';
import { buildServiceCluster } from '#resolve/cluster.ts';
import { SDS_CLUSTER } from '#resolve/names.ts';
import { FileSecrets } from '../../src/agent/file-secrets.ts';
import { SDS_METHOD, SdsServer } from '../../src/agent/sds.ts';
import { createFakeAuthority } from '../fakes/certificates.ts';
import { startEnvoy } from './envoy-process.ts';
import { portOf } from './agent-bench.ts';

const LIMIT = { timeout: 30_000 };
const HOST = 'db.example.com';

/** A cluster to the server, under a rule with this TLS. */
function clusterTo(port: number, name: string, tls: object): JsonValue {
  const spec = { host: HOST, trafficPolicy: { tls } };
  const rule = parseDestinationRule({ metadata: { name, namespace: 'default' }, spec });
  assert(rule.ok, JSON.stringify(rule));
  const locality = { region: '', zone: '', subZone: '' };
  const endpoint = { address: '127.0.0.1', port, weight: 1, isHealthy: true, locality };
  const cluster = buildServiceCluster({
    name,
    service: { host: HOST, name: 'db', namespace: 'default', port: 5432 },
    source: {
      kind: 'static',
      groups: [
        {
          locality,
          priority: 0,
          weight: undefined,
          endpoints: [{ ...endpoint, takesMeshTls: false, workload: undefined }],
        },
      ],
      isByLocality: false,
    },
    identities: [],
    writtenNames: [],
    trustDomains: ['cluster.local'],
    ...clientPolicy(rule.value, { port: 5432, subset: '' }),
    spoken: 'tcp',
    defaults: DEFAULT_MESH_CONFIG,
  });
  const registry = createRegistry(UpstreamTlsContextSchema);
  return toJson(ClusterSchema, create(ClusterSchema, cluster), {
    registry,
    useProtoFieldName: true,
  });
}

const TCP_PROXY = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';

const listenerTo = (cluster: string) => ({
  name: cluster,
  address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
  filter_chains: [
    {
      filters: [
        {
          name: 'envoy.filters.network.tcp_proxy',
          typed_config: { '@type': TCP_PROXY, stat_prefix: cluster, cluster },
        },
      ],
    },
  ],
});

const HTTP2 = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

const agentAt = (path: string) => ({
  name: SDS_CLUSTER,
  type: 'STATIC',
  typed_extension_protocol_options: {
    [HTTP2]: {
      '@type': `type.googleapis.com/${HTTP2}`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
  load_assignment: {
    cluster_name: SDS_CLUSTER,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path } } } }] }],
  },
});

/** All that comes back before the connection ends. */
async function hear(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  let text = '';
  try {
    for await (const chunk of socket) text += String(chunk);
  } catch {
    return text; // reset: nothing more came
  }
  return text;
}

test('files of a rule’s TLS reach Envoy, and are what it goes by', LIMIT, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'own-tls-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = (name: string): string => join(folder, name);
  const authority = createFakeAuthority();
  const client = authority.issue({ dns: 'client.example.com' });
  await writeFile(file('ca'), authority.cert);
  await writeFile(file('cert'), client.cert);
  await writeFile(file('key'), client.key);

  const server = createServer(
    { ...authority.issue({ dns: HOST }), ca: authority.cert, requestCert: true },
    (socket) => {
      const { subjectaltname: name = '' } = socket.getPeerCertificate();
      socket.on('error', () => socket.destroy());
      socket.end(`${socket.servername} for ${name}`);
    },
  );
  server.on('tlsClientError', () => undefined);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());

  const stop = new AbortController();
  const files = new FileSecrets({ clock: systemClock, log: silentLogger });
  const running = files.run(stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  const sds = new SdsServer(silentLogger, files);
  await using agent = createGrpcServer({
    methods: { [SDS_METHOD]: sds.handler },
    clock: systemClock,
    log: silentLogger,
  });
  await agent.listen({ path: file('sds.sock') });

  const mutual = {
    mode: 'MUTUAL',
    clientCertificate: file('cert'),
    privateKey: file('key'),
    caCertificates: file('ca'),
  };
  const port = portOf(server);
  {
    await using envoy = await startEnvoy({
      bootstrap: {
        static_resources: {
          listeners: ['good', 'other', 'public'].map(listenerTo),
          clusters: [
            agentAt(file('sds.sock')),
            clusterTo(port, 'good', { ...mutual, sni: HOST, subjectAltNames: [HOST] }),
            clusterTo(port, 'other', { ...mutual, sni: HOST, subjectAltNames: ['other'] }),
            clusterTo(port, 'public', { mode: 'SIMPLE', sni: HOST }),
          ],
        },
      },
    });
    const said = async (name: string): Promise<string> => hear(await envoy.listenerPort(name));
    assert.equal(await said('good'), `${HOST} for DNS:client.example.com`);
    assert.equal(await said('other'), '', 'a name that the server does not have');
    assert.equal(await said('public'), '', 'an authority that the machine does not trust');
    assert.equal(await envoy.stat('cluster.outbound|5432||db.example.com.ssl.fail_verify_san'), 1);
  }
  stop.abort();
  await running;
});
