// Where nothing can be captured: two real Envoys on loopback that are dialled at their own
// addresses, told by our resolver of a mesh that is written as its users write it.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createWebServer, get } from 'node:http';
import { createServer, connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { spiffeIdOf } from '#base/workload-identity.ts';
import { apply, meshOf } from '#model/mesh-of.ts';
import type { Mesh } from '#model/mesh.ts';
import { MeshCatalog } from '#resolve/catalog.ts';
import { FakeControlPlane } from './resolve-control-plane.ts';
import type { FakeProxy } from './resolve-control-plane.ts';
import { Envoy, eventually } from './resolve-envoy.ts';
import { credentialsFor, Session } from './resolve-world.ts';

const CLIENT_ADDRESS = '127.0.0.11';
const VM_ADDRESS = '127.0.0.12';
const HOST = 'db.example.com';

const machine = (name: string, address: string): string => `
kind: WorkloadEntry
metadata: { name: ${name} }
spec:
  address: ${address}
  serviceAccount: ${name}
  labels: { app: ${name}, security.istio.io/tlsMode: istio }
---`;

const world = (port: number, protocol: 'TCP' | 'HTTP'): string => `
${machine('client', CLIENT_ADDRESS)}
${machine('vm', VM_ADDRESS)}
kind: ServiceEntry
metadata: { name: db }
spec:
  hosts: [${HOST}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{ number: ${port}, name: main, protocol: ${protocol} }]
  workloadSelector: { labels: { app: vm } }
---
kind: Sidecar
metadata: { name: client }
spec:
  workloadSelector: { labels: { app: client } }
  egress: [{ port: { number: ${port}, protocol: ${protocol}, name: main }, bind: ${CLIENT_ADDRESS},
    captureMode: NONE, hosts: ["*/*"] }]
---
kind: Sidecar
metadata: { name: vm }
spec:
  workloadSelector: { labels: { app: vm } }
  ingress: [{ port: { number: ${port}, protocol: ${protocol}, name: main }, bind: ${VM_ADDRESS},
    captureMode: NONE, defaultEndpoint: "127.0.0.1:${port}" }]`;

const ONLY_OTHERS = `
kind: AuthorizationPolicy
metadata: { name: others }
spec:
  selector: { matchLabels: { app: vm } }
  rules: [{ from: [{ source: { principals: [cluster.local/ns/default/sa/somebody-else] } }] }]`;

const STRICT = `
kind: PeerAuthentication
metadata: { name: strict }
spec: { selector: { matchLabels: { app: vm } }, mtls: { mode: STRICT } }`;

function proxyOf(name: string): FakeProxy {
  const workload = { kind: 'WorkloadEntry', name } as const;
  const place = { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: name };
  const identity = { ...place, workload };
  return { identity, credentials: credentialsFor(spiffeIdOf(identity), workload) };
}

/** The application, as on a VM: it knows of no mesh. */
async function startEcho(t: TestContext): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  assert(isAddress(address));
  return address.port;
}

const isAddress = (address: AddressInfo | string | null): address is AddressInfo =>
  typeof address === 'object' && address !== null;

/** An application that says what it was asked by which path. */
async function startWeb(t: TestContext): Promise<number> {
  const server = createWebServer((request, response) => {
    response.end(`${request.url} of ${request.headers.host}`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  assert(isAddress(address));
  return address.port;
}

type Answer = { readonly status: number; readonly body: string };

async function ask(port: number, host: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const options = { host: CLIENT_ADDRESS, port, path: '/books', headers: { host }, agent: false };
  const request = get(options, (response) => {
    const answer = (body: string): void => resolve({ status: response.statusCode ?? 0, body });
    text(response).then(answer, reject);
  });
  request.once('error', reject);
  return await promise;
}

/** What comes back from there for a word; undefined: the connection is closed instead. */
async function say(host: string, port: number, text: string): Promise<string | undefined> {
  const socket = connect({ host, port });
  using session = new Session(socket);
  await Promise.race([once(socket, 'connect').catch(() => undefined), session.closed]);
  return await session.say(text);
}

async function start(
  t: TestContext,
  { port, protocol }: { readonly port: number; readonly protocol: 'TCP' | 'HTTP' },
): Promise<{ mesh: Mesh; plane: FakeControlPlane; vm: Envoy }> {
  const directory = await mkdtemp(join(tmpdir(), 'isthmus-explicit-'));
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  stack.defer(() => rm(directory, { recursive: true }));
  const mesh = meshOf(world(port, protocol));
  const proxies = new Map(['client', 'vm'].map((name) => [name, proxyOf(name)]));
  const plane = stack.use(new FakeControlPlane(new MeshCatalog(mesh), proxies));
  await plane.listen(join(directory, 'xds.sock'));
  const vm = stack.use(await Envoy.start({ nodeId: 'vm', directory }));
  stack.use(await Envoy.start({ nodeId: 'client', directory }));
  return { mesh, plane, vm };
}

test('by explicit ports everything but capture is as ever', async (t) => {
  const port = await startEcho(t);
  const { mesh, plane, vm } = await start(t, { port, protocol: 'TCP' });
  assert.equal(await say(CLIENT_ADDRESS, port, 'hello'), 'hello', 'through both proxies');
  const { entry } = await eventually('the server has logged it', () =>
    plane.accessLog.find(({ logName }) => logName.includes('inbound')),
  );
  const { tlsProperties } = entry.commonProperties ?? {};
  const [name] = tlsProperties?.peerCertificateProperties?.subjectAltName ?? [];
  assert.equal(name?.san.value, 'spiffe://cluster.local/ns/default/sa/client', 'by mesh TLS');
  assert.match(await vm.ask('/listeners'), new RegExp(`${VM_ADDRESS}:${port}`));

  assert.equal(await say(VM_ADDRESS, port, 'plain'), 'plain', 'PERMISSIVE');
  apply(mesh, STRICT);
  plane.push();
  await eventually('STRICT is in force', async () => {
    return (await say(VM_ADDRESS, port, 'plain').catch(() => undefined)) === undefined;
  });
  assert.equal(await say(CLIENT_ADDRESS, port, 'hello'), 'hello');

  apply(mesh, ONLY_OTHERS);
  plane.push();
  await eventually('policy refuses the client', async () => {
    return (await say(CLIENT_ADDRESS, port, 'hello').catch(() => undefined)) === undefined;
  });
  assert.deepEqual(plane.rejections, []);
});

test('requests to an explicit port go by their authority, over mesh TLS, by policy', async (t) => {
  const port = await startWeb(t);
  const { mesh, plane } = await start(t, { port, protocol: 'HTTP' });
  apply(mesh, STRICT);
  plane.push();
  const wanted = { status: 200, body: `/books of ${HOST}` };
  assert.deepEqual(await ask(port, HOST), wanted);
  const { status } = await ask(port, 'nowhere.example.com');
  assert.equal(status, 503, 'an address that was never dialled leads nowhere, and not to itself');
  apply(mesh, ONLY_OTHERS);
  plane.push();
  await eventually('policy refuses the client', async () => {
    return (await ask(port, HOST)).status === 403;
  });
  assert.deepEqual(plane.rejections, []);
});
