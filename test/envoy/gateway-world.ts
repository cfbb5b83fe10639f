// A gateway and a service behind it, each a real Envoy on loopback, in a mesh of their users' own
// objects: strangers reach the gateway in HTTP and in TLS of somebody else's.
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { create } from '@bufbuild/protobuf';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { spiffeIdOf } from '#base/workload-identity.ts';
import { AddressSchema } from '#gen/envoy/config/core/v3/address_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { freePorts } from '#lab/loopback/ports.ts';
import { apply, meshOf, remove } from '#model/mesh-of.ts';
import type { Mesh } from '#model/mesh.ts';
import { MeshCatalog } from '#resolve/catalog.ts';
import { encodeResource } from '#resolve/encode.ts';
import { socketAddress } from '#resolve/message.ts';
import { TYPE_URL, VIRTUAL_INBOUND } from '#resolve/names.ts';
import { decode } from '#resolve/simulate-call.ts';
import type { EncodedResource } from '#xds/catalog.ts';
import { createFakeAuthority } from '../fakes/certificates.ts';
import { FakeControlPlane } from './resolve-control-plane.ts';
import { Envoy } from './resolve-envoy.ts';
import { credentialsFor } from './resolve-world.ts';

/** Where programs listen. */
const LOCALHOST = '127.0.0.1';
/** Where the service's sidecar takes connections: the workload's address. */
const SIDECAR = '127.0.0.2';
/** Listeners that a proxy has and nobody uses. */
const ASIDE = '127.0.0.4';

const identity = (kind: 'Pod' | 'WorkloadEntry', namespace: string, name: string) =>
  ({
    trustDomain: 'cluster.local',
    namespace,
    serviceAccount: name,
    workload: { kind, name },
  }) as const satisfies WorkloadIdentity;

const GATEWAY = identity('Pod', 'istio-system', 'gateway');
const SHOP = identity('WorkloadEntry', 'shop', 'shop');

export type Ports = {
  /** The gateway's own, for requests and for TLS. */
  readonly http: number;
  readonly tls: number;
  /** Of the programs behind it. */
  readonly app: number;
  readonly secret: number;
};

/** What the service behind the gateway saw of a request. */
export type Seen = { readonly url: string; readonly headers: http.IncomingHttpHeaders };

export class GatewayWorld implements AsyncDisposable {
  readonly mesh: Mesh;
  readonly plane: FakeControlPlane;
  readonly ports: Ports;
  readonly gateway: Envoy;
  readonly sidecar: Envoy;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    parts: Pick<GatewayWorld, 'mesh' | 'plane' | 'ports' | 'gateway' | 'sidecar'>,
    stack: AsyncDisposableStack,
  ) {
    ({
      mesh: this.mesh,
      plane: this.plane,
      ports: this.ports,
      gateway: this.gateway,
      sidecar: this.sidecar,
    } = parts);
    this.#stack = stack;
  }

  static async create(): Promise<GatewayWorld> {
    await using stack = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), 'isthmus-gateway-'));
    stack.defer(() => rm(directory, { recursive: true }));
    const app = shopProgram();
    const secret = secretProgram();
    for (const program of [app, secret]) stack.defer(() => end(program));
    // a gateway's are written into its objects before it listens
    const [forHttp = 0, forTls = 0] = await freePorts(2);
    const ports = {
      app: await listen(app),
      secret: await listen(secret),
      http: forHttp,
      tls: forTls,
    };
    const mesh = meshOf(worldOf(ports));
    const catalog = new MeshCatalog(mesh);
    const proxies = new Map([
      ['gateway', proxyOf(GATEWAY, ports)],
      ['shop', proxyOf(SHOP, ports)],
    ]);
    const plane = stack.use(new FakeControlPlane(catalog, proxies));
    await plane.listen(join(directory, 'xds.sock'));
    const start = async (nodeId: string): Promise<Envoy> =>
      stack.use(await Envoy.start({ nodeId, directory }));
    const [sidecar, gateway] = [await start('shop'), await start('gateway')];
    return new GatewayWorld({ mesh, plane, ports, gateway, sidecar }, stack.move());
  }

  /** Writes objects, and pushes what follows. */
  write(yaml: string): void {
    apply(this.mesh, yaml);
    this.plane.push();
  }

  remove(yaml: string): void {
    remove(this.mesh, yaml);
    this.plane.push();
  }

  /** A stranger's request; what the service saw of it is in the body, as JSON. */
  async get(
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly status: number; readonly body: string }> {
    const request = http.request({
      host: LOCALHOST,
      port: this.ports.http,
      path,
      headers: { host: 'shop.example', ...headers },
      agent: false,
    });
    request.end();
    const answered: Promise<readonly unknown[]> = once(request, 'response');
    const [response] = await answered;
    if (!(response instanceof http.IncomingMessage)) throw new Error('no response');
    return { status: response.statusCode ?? 0, body: await textOf(response) };
  }

  /** Asks for a WebSocket and says what comes back for `text`. */
  async upgrade(text: string): Promise<string> {
    const request = http.request({
      host: LOCALHOST,
      port: this.ports.http,
      path: '/socket',
      headers: { host: 'shop.example', connection: 'upgrade', upgrade: 'websocket' },
    });
    request.end();
    const upgraded: Promise<readonly unknown[]> = once(request, 'upgrade');
    const [, socket] = await upgraded;
    if (!(socket instanceof net.Socket)) throw new Error('no socket');
    socket.write(text);
    const heard: Promise<readonly unknown[]> = once(socket, 'data');
    const [data] = await heard;
    socket.destroy();
    return String(data);
  }

  /** TLS to the gateway, asking for a name; undefined when the connection is closed instead. */
  async dialTls(servername: string): Promise<TLSSocket | undefined> {
    const options = { host: LOCALHOST, port: this.ports.tls, servername, ca: secretAuthority.cert };
    const socket = tls.connect({ ...options, checkServerIdentity: () => undefined });
    const closed = once(socket, 'close').catch(() => undefined);
    socket.on('error', () => undefined);
    const isOpen = await Promise.race([
      once(socket, 'secureConnect').then(
        () => true,
        () => false,
      ),
      closed.then(() => false),
    ]);
    return isOpen ? socket : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** Says what it saw; echoes on WebSockets. */
function shopProgram(): Server {
  const server = http.createServer((request, response) => {
    const { url = '', headers } = request;
    response.end(JSON.stringify({ url, headers } satisfies Seen));
  });
  server.on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.pipe(socket);
  });
  return server;
}

const secretAuthority = createFakeAuthority('somebody else');

/** TLS of its own, end to end: echoes. */
function secretProgram(): tls.Server {
  const { cert, key } = secretAuthority.issue({ dns: 'secret.example' });
  return tls.createServer({ cert, key }, (socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, LOCALHOST);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP port');
  return address.port;
}

async function end(server: net.Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  if (server instanceof http.Server) server.closeAllConnections();
  await closed;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: string[] = [];
  response.setEncoding('utf8');
  for await (const chunk of response) chunks.push(String(chunk));
  return chunks.join('');
}

function proxyOf(proxy: WorkloadIdentity, { app }: Ports) {
  return {
    identity: proxy,
    credentials: credentialsFor(spiffeIdOf(proxy)),
    adapt: (typeUrl: string, found: EncodedResource) => rebind(typeUrl, found, app),
  };
}

/** What capture would bring to the sidecar comes to where it is bound to instead. */
function rebind(typeUrl: string, resource: EncodedResource, port: number): EncodedResource {
  if (typeUrl !== TYPE_URL.listener || !resource.name.startsWith('virtual')) return resource;
  const listener = decode(ListenerSchema, resource);
  const address = resource.name === VIRTUAL_INBOUND ? SIDECAR : ASIDE;
  listener.address = create(AddressSchema, socketAddress({ address, port }));
  return encodeResource(resource.name, ListenerSchema, listener);
}

const worldOf = (ports: Ports): string => `
kind: Pod
metadata:
  name: gateway
  namespace: istio-system
  labels: { istio: ingressgateway, security.istio.io/tlsMode: istio }
  annotations: { inject.istio.io/templates: gateway }
spec: { serviceAccountName: gateway }
status: { podIP: 127.0.0.5 }
---
kind: Service
metadata: { name: gateway, namespace: istio-system }
spec:
  clusterIP: 10.96.0.9
  selector: { istio: ingressgateway }
  ports:
    - { name: http, port: 80, targetPort: ${ports.http} }
    - { name: tls, port: 443, targetPort: ${ports.tls} }
---
kind: WorkloadEntry
metadata: { name: shop, namespace: shop, labels: { app: shop } }
spec: { address: ${SIDECAR}, serviceAccount: shop, ports: { http: ${ports.app} } }
---
kind: Service
metadata: { name: shop, namespace: shop }
spec: { clusterIP: 10.96.0.1, selector: { app: shop }, ports: [{ name: http, port: 80 }] }
---
kind: ServiceEntry
metadata: { name: secret, namespace: shop }
spec:
  hosts: [secret.example]
  resolution: STATIC
  location: MESH_EXTERNAL
  ports: [{ number: 443, name: tls, protocol: TLS, targetPort: ${ports.secret} }]
  endpoints: [{ address: ${LOCALHOST} }]
---
kind: PeerAuthentication
metadata: { name: default, namespace: shop }
spec: { mtls: { mode: STRICT } }
---
kind: Gateway
metadata: { name: gw, namespace: shop }
spec:
  selector: { istio: ingressgateway }
  servers:
    - { port: { number: 80, name: http, protocol: HTTP }, hosts: ['*.example'] }
    - port: { number: 443, name: tls, protocol: TLS }
      hosts: ['*.example']
      tls: { mode: PASSTHROUGH }
---
${routes('shop.example')}
---
${passthrough('secret', 'secret.example')}
`;

/** The routes of the shop; \`prefix\` is what requests must begin with. */
export function routes(host: string, prefix = '/'): string {
  return `
kind: VirtualService
metadata: { name: shop, namespace: shop }
spec:
  hosts: [${host}]
  gateways: [gw]
  http:
    - match: [{ uri: { prefix: ${prefix} } }]
      headers: { request: { set: { x-gateway: 'yes' } } }
      route: [{ destination: { host: shop } }]
`;
}

export function passthrough(name: string, sniHost: string): string {
  return `
kind: VirtualService
metadata: { name: ${name}, namespace: shop }
spec:
  hosts: [${sniHost}]
  gateways: [gw]
  tls:
    - match: [{ sniHosts: [${sniHost}] }]
      route: [{ destination: { host: secret.example } }]
`;
}
