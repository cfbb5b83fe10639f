// A client and a server, each behind a real Envoy, on loopback: what nftables would redirect in the
// lab arrives here at addresses that the listeners are bound to instead, so that no privilege is
// needed. Everything else is what the resolver makes.
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { create } from '@bufbuild/protobuf';
import { systemClock, withDeadline } from '#base/clock.ts';
import { spiffeIdOf, type WorkloadIdentity } from '#base/workload-identity.ts';
import { OID } from '#ca/oids.ts';
import { AddressSchema } from '#gen/envoy/config/core/v3/address_pb.js';
import {
  AdditionalAddressSchema,
  ListenerSchema,
} from '#gen/envoy/config/listener/v3/listener_pb.js';
import { MeshCatalog } from '#resolve/catalog.ts';
import { encodeResource } from '#resolve/encode.ts';
import {
  fakeEndpoint,
  fakeIdentity,
  FakeMesh,
  fakeService,
  fakeWorkload,
} from '#resolve/fake-mesh.ts';
import { socketAddress } from '#resolve/message.ts';
import {
  CAPTURE_PROBE_PORT,
  TYPE_URL,
  VIRTUAL_INBOUND,
  VIRTUAL_OUTBOUND_PORT,
} from '#resolve/names.ts';
import { decode } from '#resolve/simulate-call.ts';
import type { EncodedResource } from '#xds/catalog.ts';
import { createFakeAuthority } from '../fakes/certificates.ts';
import { FakeControlPlane } from './resolve-control-plane.ts';
import type { Credentials, FakeProxy } from './resolve-control-plane.ts';
import { Envoy } from './resolve-envoy.ts';

export const HOST = 'db.default.svc.cluster.local';
/** Where the application listens, as on a VM. */
const APPLICATION = '127.0.0.1';
/** Where the server's Envoy takes connections: the workload's address. */
export const SERVER_ADDRESS = '127.0.0.2';
/** Where the client's Envoy does: the service's address. */
export const SERVICE_ADDRESS = '127.0.0.3';
/** Listeners that a proxy has and nobody uses. */
const ASIDE = '127.0.0.4';
/** What any other captured address would be: the client's Envoy listens here on certain ports. */
const ELSEWHERE = '127.66.0.1';

export const SERVER = fakeWorkload({ name: 'db', addresses: [SERVER_ADDRESS] });
const CLIENT = fakeWorkload({ namespace: 'shop', name: 'web', kind: 'Pod' });
export const CLIENT_ID = spiffeIdOf(fakeIdentity(CLIENT));

const authority = createFakeAuthority('mesh');

/** @param workload whose name the subject has, as our own authority writes it */
export function credentialsFor(uri: string, workload?: WorkloadIdentity['workload']): Credentials {
  const subject = workload && [
    [OID.organizationName, 'cluster.local'] as const,
    [OID.organizationalUnitName, workload.kind] as const,
    [OID.commonName, workload.name] as const,
  ];
  const { cert, key } = authority.issue({ uri, ...(subject && { subject }) });
  return { cert, key, roots: authority.cert };
}

/** An application that says what it hears, and counts who comes. */
class Echo implements AsyncDisposable {
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor() {
    this.#server = createServer((socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
      socket.pipe(socket);
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, APPLICATION);
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not a TCP port');
    return address.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

const ECHO_MS_MAX = 8000;

/** A connection that somebody holds open. */
export class Session implements Disposable {
  readonly #socket: Socket;
  readonly closed: Promise<void>;
  isOpen = true;
  #heard = '';

  constructor(socket: Socket) {
    this.#socket = socket;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    socket.setEncoding('latin1').on('data', (text: string) => (this.#heard += text));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isOpen = false;
      resolve();
    });
  }

  /** All that was heard until the other side closed. */
  async heard(): Promise<string> {
    await this.closed;
    return this.#heard;
  }

  /** What comes back for `text`: itself, or undefined when the connection is closed first. */
  async say(text: string): Promise<string | undefined> {
    this.#heard = '';
    this.#socket.write(text);
    await withDeadline({ what: 'an echo', limitMs: ECHO_MS_MAX }, async (signal) => {
      while (this.isOpen && this.#heard.length < text.length) {
        const more = once(this.#socket, 'data', { signal }).catch(() => signal.throwIfAborted());
        await Promise.race([more, this.closed]);
      }
    });
    return this.#heard.length === 0 ? undefined : this.#heard;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

export class World implements AsyncDisposable {
  readonly mesh = new FakeMesh();
  readonly catalog = new MeshCatalog(this.mesh);
  readonly echo = new Echo();
  readonly plane: FakeControlPlane;
  readonly port: number;
  readonly clientEnvoy: Envoy;
  readonly serverEnvoy: Envoy;
  readonly #stack: AsyncDisposableStack;

  private constructor(options: {
    readonly base: Pick<World, 'mesh' | 'catalog' | 'echo' | 'plane' | 'port'>;
    readonly envoys: readonly [Envoy, Envoy];
    readonly stack: AsyncDisposableStack;
  }) {
    const { base, envoys, stack } = options;
    ({
      mesh: this.mesh,
      catalog: this.catalog,
      echo: this.echo,
      plane: this.plane,
      port: this.port,
    } = base);
    [this.clientEnvoy, this.serverEnvoy] = envoys;
    this.#stack = stack;
  }

  static async create(): Promise<World> {
    await using stack = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), 'isthmus-resolve-'));
    stack.defer(() => rm(directory, { recursive: true }));
    const mesh = new FakeMesh();
    const catalog = new MeshCatalog(mesh);
    const echo = stack.use(new Echo());
    const port = await echo.listen();
    describeMesh(mesh, port);
    const plane = stack.use(new FakeControlPlane(catalog, proxies(port)));
    await plane.listen(join(directory, 'xds.sock'));
    const start = async (nodeId: string): Promise<Envoy> =>
      stack.use(await Envoy.start({ nodeId, directory }));
    const envoys = [await start('client'), await start('server')] as const;
    const base = { mesh, catalog, echo, plane, port };
    return new World({ base, envoys, stack: stack.move() });
  }

  /** What the application's client does: dials the service, and knows of no mesh. */
  async dial(): Promise<Session> {
    return this.#connect(SERVICE_ADDRESS);
  }

  /** The application dials some other address, at a port that means something to the proxy. */
  async dialElsewhere(port: number): Promise<Session> {
    return this.#connect(ELSEWHERE, port);
  }

  /** Somebody without a sidecar dials the workload. */
  async dialPlaintext(): Promise<Session> {
    return this.#connect(SERVER_ADDRESS);
  }

  /** Somebody with a certificate of the mesh dials the workload. */
  async dialMesh(uri: string): Promise<Session> {
    const { cert, key, roots: ca } = credentialsFor(uri);
    const socket = tls.connect({
      host: SERVER_ADDRESS,
      port: this.port,
      cert,
      key,
      ca,
      ALPNProtocols: ['istio'],
      minVersion: 'TLSv1.3',
      checkServerIdentity: () => undefined,
    });
    const session = new Session(socket);
    await Promise.race([once(socket, 'secureConnect').catch(() => undefined), session.closed]);
    return session;
  }

  /** Opens a session, says something, and tells whether the application answered. */
  async canTalk(dialled: Promise<Session>): Promise<boolean> {
    using session = await dialled;
    return (await session.say('hello')) === 'hello';
  }

  /** What both proxies have written to their standard output. */
  accessLogLines(): readonly string[] {
    const text = this.clientEnvoy.output() + this.serverEnvoy.output();
    return text.split('\n').filter((line) => line.includes('"- - -"'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #connect(host: string, port = this.port): Promise<Session> {
    const socket = connect({ host, port });
    const session = new Session(socket);
    await Promise.race([once(socket, 'connect').catch(() => undefined), session.closed]);
    return session;
  }
}

/** One database on a VM, and what the client's namespace sees of it. */
function describeMesh(mesh: FakeMesh, port: number): void {
  const service = fakeService({
    host: HOST,
    port,
    ports: [{ number: port, name: 'postgres', protocol: 'tcp' }],
  });
  mesh.workloads.set(SERVER.key, SERVER);
  mesh.services.set(service.key, service);
  mesh.owners.set(SERVICE_ADDRESS, { kind: 'service', service });
  setEndpoints(mesh, port, [SERVER_ADDRESS]);
  setPorts(mesh, [port]);
  mesh.commit();
}

export function setEndpoints(mesh: FakeMesh, port: number, addresses: readonly string[]): void {
  const endpoints = addresses.map((address) => fakeEndpoint(SERVER, { address, port }));
  mesh.endpoints.set(`default/${HOST}`, {
    byPort: new Map([[port, endpoints]]),
    headlessAddresses: [],
  });
}

export function setPorts(mesh: FakeMesh, ports: readonly number[]): void {
  mesh.ports.set(
    SERVER.key,
    ports.map((port) => ({
      port,
      protocol: 'tcp',
      deliverAddress: APPLICATION,
      service: { key: `default/${HOST}`, host: HOST, port, portName: 'postgres' },
    })),
  );
}

function proxies(port: number): ReadonlyMap<string, FakeProxy> {
  const proxy = (workload: typeof SERVER, place: (listener: string) => string): FakeProxy => {
    const identity = fakeIdentity(workload);
    const credentials = credentialsFor(spiffeIdOf(identity), identity.workload);
    return { identity, credentials, adapt: (type, found) => rebind(type, found, { place, port }) };
  };
  return new Map([
    ['client', proxy(CLIENT, () => SERVICE_ADDRESS)],
    ['server', proxy(SERVER, (name) => (name === VIRTUAL_INBOUND ? SERVER_ADDRESS : ASIDE))],
  ]);
}

function rebind(
  typeUrl: string,
  resource: EncodedResource,
  { place, port }: { readonly place: (listener: string) => string; readonly port: number },
): EncodedResource {
  if (typeUrl !== TYPE_URL.listener) return resource;
  const listener = decode(ListenerSchema, resource);
  const address = socketAddress({ address: place(resource.name), port });
  listener.address = create(AddressSchema, address);
  if (place(resource.name) === SERVICE_ADDRESS) {
    listener.additionalAddresses = [CAPTURE_PROBE_PORT, VIRTUAL_OUTBOUND_PORT].map((port) =>
      create(AdditionalAddressSchema, { address: socketAddress({ address: ELSEWHERE, port }) }),
    );
  }
  return encodeResource(resource.name, ListenerSchema, listener);
}

/** For what must *not* happen: long enough for it to have happened. */
export const settleDown = (delayMs: number): Promise<void> => systemClock.sleep(delayMs);
