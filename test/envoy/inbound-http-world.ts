// A service and its sidecar, a real Envoy on loopback, in a mesh of their users' own objects: its
// ports declare requests, bytes, a server that speaks first, and nothing at all. Clients are this
// process, with certificates of the mesh or without, so that a test says who calls.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { create } from '@bufbuild/protobuf';
import { spiffeIdOf } from '#base/workload-identity.ts';
import type { WorkloadIdentity } from '#base/workload-identity.ts';
import { AddressSchema } from '#gen/envoy/config/core/v3/address_pb.js';
import {
  AdditionalAddressSchema,
  ListenerSchema,
} from '#gen/envoy/config/listener/v3/listener_pb.js';
import { apply, meshOf, remove } from '#model/mesh-of.ts';
import type { Mesh } from '#model/mesh.ts';
import { MeshCatalog } from '#resolve/catalog.ts';
import { encodeResource } from '#resolve/encode.ts';
import { socketAddress } from '#resolve/message.ts';
import { TYPE_URL, VIRTUAL_INBOUND } from '#resolve/names.ts';
import { decode } from '#resolve/simulate-call.ts';
import type { EncodedResource } from '#xds/catalog.ts';
import { FakeControlPlane } from './resolve-control-plane.ts';
import { Envoy } from './resolve-envoy.ts';
import { credentialsFor, Session } from './resolve-world.ts';

/** Where programs listen. */
const LOCALHOST = '127.0.0.1';
/** Where the sidecar takes connections: the workload's address. */
export const SIDECAR = '127.0.0.12';
/** Listeners that a proxy has and nobody uses. */
const ASIDE = '127.0.0.4';

/** One on which Envoy looks for nothing (NATS). */
const SERVER_FIRST_PORT = 4222;
export const GREETING = 'INFO {"server":"here"}\r\n';

const SHOP = {
  trustDomain: 'cluster.local',
  namespace: 'shop',
  serviceAccount: 'shop',
  workload: { kind: 'WorkloadEntry', name: 'shop' },
} as const satisfies WorkloadIdentity;

export const WEB = 'spiffe://cluster.local/ns/web/sa/web';

export type Ports = {
  readonly http: number;
  /** Says nothing of what it speaks; HTTP. */
  readonly auto: number;
  /** Says nothing of what it speaks but that its client begins; echoes bytes. */
  readonly autoEcho: number;
  /** Declared as TCP; echoes bytes. */
  readonly tcp: number;
  readonly greeter: number;
};

export type Answer = {
  readonly status: number;
  readonly body: string;
  readonly headers: http.IncomingHttpHeaders;
};

/** What the application saw of a request. */
export type Seen = { readonly url: string; readonly headers: http.IncomingHttpHeaders };

export class InboundWorld implements AsyncDisposable {
  readonly mesh: Mesh;
  readonly catalog: MeshCatalog;
  readonly plane: FakeControlPlane;
  readonly ports: Ports;
  readonly envoy: Envoy;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    parts: Pick<InboundWorld, 'mesh' | 'catalog' | 'plane' | 'ports' | 'envoy'>,
    stack: AsyncDisposableStack,
  ) {
    ({
      mesh: this.mesh,
      catalog: this.catalog,
      plane: this.plane,
      ports: this.ports,
      envoy: this.envoy,
    } = parts);
    this.#stack = stack;
  }

  static async create(): Promise<InboundWorld> {
    await using stack = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), 'isthmus-inbound-'));
    stack.defer(() => rm(directory, { recursive: true }));
    const serve = async (server: net.Server, port = 0): Promise<number> => {
      const found = await listen(server, port);
      stack.defer(() => end(server));
      return found;
    };
    const ports = {
      http: await serve(application()),
      auto: await serve(application()),
      autoEcho: await serve(echo()),
      tcp: await serve(echo()),
      greeter: await serve(echo(GREETING), SERVER_FIRST_PORT),
    };
    const mesh = meshOf(worldOf(ports));
    const catalog = new MeshCatalog(mesh);
    const credentials = credentialsFor(spiffeIdOf(SHOP));
    const adapt = (typeUrl: string, found: EncodedResource) => rebind(typeUrl, found, ports);
    const proxies = new Map([['shop', { identity: SHOP, credentials, adapt }]]);
    const plane = stack.use(new FakeControlPlane(catalog, proxies));
    await plane.listen(join(directory, 'xds.sock'));
    const envoy = stack.use(await Envoy.start({ nodeId: 'shop', directory }));
    return new InboundWorld({ mesh, catalog, plane, ports, envoy }, stack.move());
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

  /** A stranger's request, in plaintext. */
  async get(path: string, options: RequestOptions = {}): Promise<Answer> {
    const { port = this.ports.http, method = 'GET', headers = {} } = options;
    const agent = new http.Agent({ keepAlive: false });
    const request = http.request({ host: SIDECAR, port, path, method, headers, agent });
    return answerTo(request);
  }

  /** Bytes of a stranger, in plaintext. */
  async dial(port: number): Promise<Session> {
    const socket = net.connect({ host: SIDECAR, port });
    const session = new Session(socket);
    await Promise.race([once(socket, 'connect').catch(() => undefined), session.closed]);
    return session;
  }

  /** What a server says, in plaintext, to a client that says nothing. */
  async greeting(port: number): Promise<string> {
    const socket = net.connect({ host: SIDECAR, port });
    const heard: Promise<readonly unknown[]> = once(socket, 'data');
    const [data] = await heard;
    socket.destroy();
    return String(data);
  }

  /** Bytes of a member of the mesh. */
  async dialMesh(port: number, options: MeshOptions = {}): Promise<Session> {
    const socket = tls.connect({ host: SIDECAR, port, ...meshTls(options) });
    const session = new Session(socket);
    await Promise.race([once(socket, 'secureConnect').catch(() => undefined), session.closed]);
    return session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

export type RequestOptions = {
  readonly port?: number;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

type MeshOptions = { readonly principal?: string; readonly alpn?: readonly string[] };

/** A member of the mesh that keeps one connection for all of its requests. */
export class MeshClient implements Disposable {
  readonly #agent: https.Agent;
  readonly #port: number;
  /** Connections that were made so far. */
  connections = 0;

  constructor(world: InboundWorld, options: MeshOptions & { readonly port?: number } = {}) {
    this.#port = options.port ?? world.ports.http;
    const alpn = options.alpn ?? ['istio-http/1.1', 'istio-http/1.0'];
    const settings = meshTls({ ...options, alpn });
    this.#agent = new https.Agent({
      keepAlive: true,
      maxSockets: 1,
      servername: 'shop',
      ...settings,
    });
    const connect = this.#agent.createConnection.bind(this.#agent);
    this.#agent.createConnection = (...connecting) => {
      this.connections += 1;
      return connect(...connecting);
    };
  }

  async get(path: string, options: RequestOptions = {}): Promise<Answer> {
    const { method = 'GET', headers = {} } = options;
    const agent = this.#agent;
    const port = this.#port;
    return answerTo(https.request({ host: SIDECAR, port, path, method, headers, agent }));
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

export function meshTls({ principal = WEB, alpn = ['istio'] }: MeshOptions): tls.ConnectionOptions {
  const { cert, key, roots: ca } = credentialsFor(principal);
  return {
    cert,
    key,
    ca,
    ALPNProtocols: [...alpn],
    minVersion: 'TLSv1.3',
    checkServerIdentity: () => undefined,
  };
}

async function answerTo(request: http.ClientRequest): Promise<Answer> {
  request.end();
  const answered: Promise<readonly unknown[]> = once(request, 'response');
  const [response] = await answered;
  if (!(response instanceof http.IncomingMessage)) throw new Error('no response');
  const chunks: string[] = [];
  response.setEncoding('utf8');
  for await (const chunk of response) chunks.push(String(chunk));
  const { statusCode: status = 0, headers } = response;
  return { status, body: chunks.join(''), headers };
}

/** Says what it saw; echoes on WebSockets. */
function application(): http.Server {
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

function echo(greeting = ''): net.Server {
  return net.createServer((socket) => {
    socket.on('error', () => undefined);
    if (greeting !== '') socket.write(greeting);
    socket.pipe(socket);
  });
}

export async function listen(server: net.Server, port = 0): Promise<number> {
  server.listen(port, LOCALHOST);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP port');
  return address.port;
}

export async function end(server: net.Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  if (server instanceof http.Server) server.closeAllConnections();
  await closed;
}

/** What capture would bring to the sidecar comes to where it is bound to instead. */
function rebind(typeUrl: string, resource: EncodedResource, ports: Ports): EncodedResource {
  if (typeUrl !== TYPE_URL.listener) return resource;
  const listener = decode(ListenerSchema, resource);
  if (resource.name !== VIRTUAL_INBOUND) {
    const aside = socketAddress({ address: ASIDE, port: ports.http });
    if (resource.name.startsWith('virtual')) listener.address = create(AddressSchema, aside);
    return encodeResource(resource.name, ListenerSchema, listener);
  }
  const [first, ...others] = Object.values(ports).map((port) =>
    socketAddress({ address: SIDECAR, port }),
  );
  listener.address = create(AddressSchema, first);
  listener.additionalAddresses = others.map((address) =>
    create(AdditionalAddressSchema, { address }),
  );
  return encodeResource(resource.name, ListenerSchema, listener);
}

const worldOf = (ports: Ports): string => `
kind: WorkloadEntry
metadata: { name: shop, namespace: shop, labels: { app: shop } }
spec: { address: ${SIDECAR}, serviceAccount: shop }
---
kind: Service
metadata: { name: shop, namespace: shop }
spec:
  clusterIP: 10.96.0.1
  selector: { app: shop }
  ports:
    - { name: http, port: ${ports.http} }
    - { name: '', port: ${ports.auto} }
    - { name: postgres, port: ${ports.autoEcho} }
    - { name: tcp-db, port: ${ports.tcp} }
    - { name: tcp-events, port: ${ports.greeter} }
`;

/** What the application says it saw. */
export function parseSeen({ status, body }: Answer): Seen {
  if (status !== 200) throw new Error(`${status}: ${body}`);
  const seen: Seen = JSON.parse(body); // of `application`
  return seen;
}
