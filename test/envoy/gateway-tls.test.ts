// TLS that ends at a gateway, with what is in Secrets: a real Envoy asks the agent's SDS for them
// by name. One that is not there is the trouble of its own server alone.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { create, createRegistry, toJson } from '@bufbuild/protobuf';
import type { JsonValue } from '@bufbuild/protobuf';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { TransportSocketSchema } from '#gen/envoy/config/core/v3/base_pb.js';
import { DownstreamTlsContextSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js';
import { createGrpcServer } from '#grpc/server.ts';
import { terminationOf } from '#istio/gateway/server-tls.ts';
import { SDS_CLUSTER } from '#resolve/names.ts';
import { terminate } from '#resolve/tls-server.ts';
import { FileSecrets } from '../../src/agent/file-secrets.ts';
import { SDS_METHOD, SdsServer } from '../../src/agent/sds.ts';
import { createFakeAuthority } from '../fakes/certificates.ts';
import { startEnvoy } from './envoy-process.ts';
import { startGreeter } from './http-peers.ts';

const LIMIT = { timeout: 30_000 };
const EXTENSIONS = 'type.googleapis.com/envoy.extensions';

/** The transport socket of a server with this TLS. */
function socketOf(mode: 'SIMPLE' | 'MUTUAL', credentialName: string): JsonValue {
  const tls = terminationOf({ mode, credentialName });
  assert(tls);
  const socket = terminate(tls, { alpnProtocols: [], trustDomains: [] });
  const registry = createRegistry(DownstreamTlsContextSchema);
  return toJson(TransportSocketSchema, create(TransportSocketSchema, socket), {
    registry,
    useProtoFieldName: true,
  });
}

const server = (name: string, transportSocket: JsonValue) => ({
  filter_chain_match: { transport_protocol: 'tls', server_names: [name] },
  transport_socket: transportSocket,
  filters: [
    {
      name: 'envoy.filters.network.tcp_proxy',
      typed_config: {
        '@type': `${EXTENSIONS}.filters.network.tcp_proxy.v3.TcpProxy`,
        stat_prefix: name,
        cluster: 'application',
      },
    },
  ],
});

const LISTENER = {
  name: 'front',
  address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
  listener_filters: [
    {
      name: 'envoy.filters.listener.tls_inspector',
      typed_config: {
        '@type': `${EXTENSIONS}.filters.listener.tls_inspector.v3.TlsInspector`,
      },
    },
  ],
  filter_chains: [
    server('simple.front.example', socketOf('SIMPLE', 'front-tls')),
    server('mutual.front.example', socketOf('MUTUAL', 'front-tls')),
    server('gone.front.example', socketOf('SIMPLE', 'gone')),
  ],
};

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

const applicationAt = (port: number) => ({
  name: 'application',
  type: 'STATIC',
  load_assignment: {
    cluster_name: 'application',
    endpoints: [
      {
        lb_endpoints: [
          {
            endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } },
          },
        ],
      },
    ],
  },
});

const GREETING = 'come in';

/** What the application says first; empty when the client is not let in. */
function hear(options: ConnectionOptions): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ host: '127.0.0.1', ...options });
  socket.once('data', (data) => {
    resolve(String(data));
    socket.destroy();
  });
  socket.once('error', () => resolve('')).once('close', () => resolve(''));
  return promise;
}

test('a Secret reaches Envoy, and one that is missing hinders no other', LIMIT, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-tls-'));
  t.after(() => rm(folder, { recursive: true }));
  const authority = createFakeAuthority();
  const front = authority.issue({ dns: '*.front.example' });
  const secret = new Map(
    Object.entries({ 'tls.crt': front.cert, 'tls.key': front.key, 'ca.crt': authority.cert }).map(
      ([key, text]) => [key, Buffer.from(text)] as const,
    ),
  );
  const stop = new AbortController();
  const secrets = new FileSecrets({
    clock: systemClock,
    log: silentLogger,
    readSecret: (name) => Promise.resolve(name === 'front-tls' ? secret : undefined),
  });
  const running = secrets.run(stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  t.after(async () => {
    stop.abort();
    await running;
  });
  await using agent = createGrpcServer({
    methods: { [SDS_METHOD]: new SdsServer(silentLogger, secrets).handler },
    clock: systemClock,
    log: silentLogger,
  });
  const application = await startGreeter(t, GREETING);
  const path = join(folder, 'sds.sock');
  await agent.listen({ path });
  const resources = {
    listeners: [LISTENER],
    clusters: [agentAt(path), applicationAt(application)],
  };
  await using envoy = await startEnvoy({ bootstrap: { static_resources: resources } });
  const port = await envoy.listenerPort('front');
  const ca = authority.cert;
  const client = authority.issue({ dns: 'client.example' });
  const said = (servername: string, options: ConnectionOptions = {}): Promise<string> =>
    hear({ port, ca, servername, ...options });
  assert.equal(await said('simple.front.example'), GREETING);
  assert.equal(await said('mutual.front.example'), '', 'without a certificate');
  assert.equal(await said('mutual.front.example', client), GREETING);
  const stranger = createFakeAuthority().issue({ dns: 'client.example' });
  assert.equal(await said('mutual.front.example', stranger), '', 'of another authority');
  assert.equal(await said('gone.front.example'), '', 'whose Secret is not there');
});
