// Spans and log records of two real Envoys, at a receiver of OTLP; and what a change of tracing
// cuts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { spiffeIdOf } from '#base/workload-identity.ts';
import { apply, meshOf } from '#model/mesh-of.ts';
import { MeshCatalog } from '#resolve/catalog.ts';
import { OtlpReceiver } from '../fakes/otlp-receiver.ts';
import { InboundWorld, MeshClient } from './inbound-http-world.ts';
import { FakeControlPlane } from './resolve-control-plane.ts';
import type { FakeProxy } from './resolve-control-plane.ts';
import { DRAIN_SECONDS, Envoy, eventually } from './resolve-envoy.ts';
import { credentialsFor, settleDown } from './resolve-world.ts';

const CLIENT = '127.0.0.21';
const SERVER = '127.0.0.22';
const HOST = 'books.example.com';
/** Envoy keeps fewer for five seconds. */
const SPANS_AT_ONCE = 5;

const machine = (name: string, address: string): string => `
kind: WorkloadEntry
metadata: { name: ${name} }
spec:
  address: ${address}
  serviceAccount: ${name}
  labels: { app: ${name}, version: v2, security.istio.io/tlsMode: istio }
---`;

const worldOf = (port: number): string => `
${machine('reader', CLIENT)}
${machine('library', SERVER)}
kind: ServiceEntry
metadata: { name: books }
spec:
  hosts: [${HOST}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: ${port}, name: http, protocol: HTTP }]
  workloadSelector: { labels: { app: library } }
---
kind: Sidecar
metadata: { name: reader }
spec:
  workloadSelector: { labels: { app: reader } }
  egress: [{ port: { number: ${port}, protocol: HTTP, name: http }, bind: ${CLIENT},
    captureMode: NONE, hosts: ["./*"] }]
---
kind: Sidecar
metadata: { name: library }
spec:
  workloadSelector: { labels: { app: library } }
  ingress: [{ port: { number: ${port}, protocol: HTTP, name: http }, bind: ${SERVER},
    captureMode: NONE, defaultEndpoint: "127.0.0.1:${port}" }]
---`;

const providersOf = (receiver: OtlpReceiver): string => `
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data:
  mesh: |
    enableTracing: true
    extensionProviders:
      - name: spans
        opentelemetry: { service: 127.0.0.1, port: ${receiver.grpcPort} }
      - name: spans-by-http
        opentelemetry:
          service: 127.0.0.1
          port: ${receiver.httpPort}
          http: { path: /api/spans, timeout: 3s, headers: [{ name: x-key, value: k1 }] }
      - name: records
        envoyOtelAls:
          service: 127.0.0.1
          port: ${receiver.grpcPort}
          logFormat: { text: "%REQ(:PATH)%", labels: { code: "%RESPONSE_CODE%" } }
---`;

const telemetry = (spec: string): string => `
kind: Telemetry
metadata: { name: all, namespace: istio-system }
spec: ${spec}
`;

const TRACED = `{ tracing: [{ providers: [{ name: spans }], randomSamplingPercentage: 100,
  customTags: { shelf: { header: { name: x-shelf, defaultValue: none } } } }] }`;

function proxyOf(name: string): FakeProxy {
  const workload = { kind: 'WorkloadEntry', name } as const;
  const place = { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: name };
  const identity = { ...place, workload };
  return { identity, credentials: credentialsFor(spiffeIdOf(identity), workload) };
}

describe('spans of a call', { concurrency: false }, () => {
  const stack = new AsyncDisposableStack();
  const seen: IncomingHttpHeaders[] = [];
  let receiver: OtlpReceiver;
  let plane: FakeControlPlane;
  let port: number;
  let write: (yaml: string) => void;

  before(async () => {
    receiver = stack.use(await OtlpReceiver.start());
    const application = createServer((request, response) => {
      seen.push(request.headers);
      response.end('a book');
    });
    application.listen(0, '127.0.0.1');
    await once(application, 'listening');
    stack.defer(() => {
      application.closeAllConnections();
      application.close();
    });
    const address = application.address();
    port = typeof address === 'object' && address ? address.port : 0;
    const directory = await mkdtemp(join(tmpdir(), 'isthmus-trace-'));
    stack.defer(() => rm(directory, { recursive: true }));
    const mesh = meshOf(`${worldOf(port)}${providersOf(receiver)}${telemetry(TRACED)}`);
    const proxies = new Map(['reader', 'library'].map((name) => [name, proxyOf(name)]));
    plane = stack.use(new FakeControlPlane(new MeshCatalog(mesh), proxies));
    await plane.listen(join(directory, 'xds.sock'));
    write = (yaml) => {
      apply(mesh, yaml);
      plane.push();
    };
    stack.use(await Envoy.start({ nodeId: 'library', directory }));
    stack.use(await Envoy.start({ nodeId: 'reader', directory }));
    await eventually('the call goes through', async () => (await ask()) === 200);
  });
  after(() => stack.disposeAsync());

  async function ask(path = '/', headers: Readonly<Record<string, string>> = {}): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const options = { host: CLIENT, port, path, headers: { ...headers, host: HOST }, agent: false };
    const request = get(options, (response) => {
      text(response).then(() => resolve(response.statusCode ?? 0), reject);
    });
    request.once('error', reject);
    return await promise;
  }

  /** The span of each proxy of a call with this trace. */
  const pairOf = (traceId: string) =>
    eventually(`both spans of ${traceId}`, () => {
      const spans = receiver.received.spans.filter((span) => span.traceId === traceId);
      const client = spans.find(({ service }) => service === 'reader.default');
      const server = spans.find(({ service }) => service === 'library.default');
      return client && server ? { client, server } : undefined;
    });

  const askOften = async (...options: Parameters<typeof ask>): Promise<void> => {
    for (let count = 0; count < SPANS_AT_ONCE; count++) assert.equal(await ask(...options), 200);
  };

  test('one trace: the client’s span, and the server’s below it, named as Istio names them', async () => {
    seen.length = 0;
    await askOften('/shelves/9', { 'x-shelf': 'nine' });
    const told = String(seen[0]?.['traceparent']);
    const [, traceId = ''] = /^00-([0-9a-f]{32})-[0-9a-f]{16}-01$/.exec(told) ?? [];
    const { client, server } = await pairOf(traceId);
    assert.equal(client.parentId, '');
    assert.equal(server.parentId, client.spanId);
    assert.deepEqual([client.kind, server.kind], [3, 2]);
    const name = `${HOST}:${port}/*`;
    assert.deepEqual([client.name, server.name], [name, name]);
    for (const [{ attributes }, app] of [
      [client, 'reader'],
      [server, 'library'],
    ] as const) {
      assert.equal(attributes['istio.canonical_service'], app);
      assert.equal(attributes['istio.canonical_revision'], 'v2');
      assert.equal(attributes['istio.namespace'], 'default');
      assert.equal(attributes['istio.cluster_id'], 'Kubernetes');
      assert.equal(attributes['istio.mesh_id'], 'cluster.local');
      assert.equal(attributes['shelf'], 'nine');
      assert.equal(attributes['http.status_code'], '200');
      assert.match(attributes['http.url'] ?? '', /\/shelves\/9$/);
      assert.match(attributes['upstream_cluster.name'] ?? '', /^(outbound|inbound)\|/);
    }
    assert.deepEqual(plane.rejections, []);
  });

  test('a trace that has begun before is gone on with; b3 is passed on as it is', async () => {
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const parent = 'b7ad6b7169203331';
    seen.length = 0;
    const b3 = `${traceId}-${parent}-1`;
    await askOften('/', { traceparent: `00-${traceId}-${parent}-01`, tracestate: 'a=b', b3 });
    const { client, server } = await pairOf(traceId);
    assert.equal(client.parentId, parent);
    assert.equal(server.parentId, client.spanId);
    assert.equal(seen[0]?.['b3'], b3);
    assert.equal(seen[0]?.['tracestate'], 'a=b');
  });

  test('where nothing is traced, headers of traces pass unchanged', async () => {
    write(telemetry('{ tracing: [{ disableSpanReporting: true }] }'));
    const traceparent = '00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const headers = { traceparent, 'x-b3-traceid': 'abc', 'x-b3-sampled': '1' };
    await eventually('traceparent passes unchanged', async () => {
      seen.length = 0;
      return (await ask('/', headers)) === 200 && seen[0]?.['traceparent'] === traceparent;
    });
    assert.equal(seen[0]?.['x-b3-traceid'], 'abc');
    assert.equal(seen[0]?.['x-b3-sampled'], '1');
  });

  test('by HTTP, for one side only; and records of logs beside', async () => {
    const spec = `{ tracing: [{ match: { mode: CLIENT }, providers: [{ name: spans-by-http }],
      randomSamplingPercentage: 100 }], accessLogging: [{ providers: [{ name: records }],
      filter: { expression: "request.url_path == '/logged'" } }] }`;
    write(telemetry(spec));
    receiver.received.spans.length = 0;
    await eventually('spans come by HTTP', async () => {
      await askOften('/logged');
      return receiver.received.paths.length > 0;
    });
    assert.equal(receiver.received.paths[0], '/api/spans');
    assert.equal(receiver.received.headers[0]?.['x-key'], 'k1');
    const services = new Set(receiver.received.spans.map(({ service }) => service));
    assert.deepEqual([...services], ['reader.default']);
    await ask('/not-logged');
    const record = await eventually('a record of the log', () => receiver.received.records.at(0));
    assert.deepEqual(record, { body: '/logged', attributes: { code: '200' } });
    assert(receiver.received.records.every(({ body }) => body === '/logged'));
    assert.deepEqual(plane.rejections, []);
  });
});

test('a change of tracing ends connections of requests, and none of TCP', async () => {
  await using world = await InboundWorld.create();
  await using receiver = await OtlpReceiver.start();
  await eventually('it is served', async () => {
    return (await world.get('/').catch(() => undefined))?.status === 200;
  });
  using tcp = await world.dialMesh(world.ports.tcp);
  using auto = await world.dialMesh(world.ports.autoEcho);
  using plain = await world.dial(world.ports.tcp);
  for (const session of [tcp, auto, plain]) assert.equal(await session.say('before'), 'before');
  using requests = new MeshClient(world);
  assert.equal((await requests.get('/')).status, 200);

  world.write(`${providersOf(receiver)}${telemetry(TRACED)}`);
  await eventually('requests are traced', async () => {
    for (let count = 0; count < SPANS_AT_ONCE; count++) await world.get('/');
    return receiver.received.spans.length > 0;
  });
  await settleDown(DRAIN_SECONDS * 1500);
  for (const session of [tcp, auto, plain]) assert.equal(await session.say('after'), 'after');
  assert.equal((await requests.get('/')).status, 200);
  assert.equal(requests.connections, 2, 'requests go on by another connection');
  assert.deepEqual(world.plane.rejections, []);
});
