// A small world for the on-demand tests: the real gRPC and xDS servers over a catalog in memory, a
// real Envoy on its Unix socket, and echo servers that say who called.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { createGrpcServer } from '#grpc/server.ts';
import type { GrpcServer } from '#grpc/server.ts';
import type { EncodedResource } from '#xds/catalog.ts';
import { decodeDeltaRequest } from '#xds/delta-wire.ts';
import type { DeltaRequest } from '#xds/delta-wire.ts';
import { FakeCatalog } from '#xds/fake-catalog.ts';
import { XdsServer } from '#xds/server.ts';
import type { XdsLimits } from '#xds/server.ts';
import { CLUSTER_TYPE } from '#xds/type-urls.ts';
import { startEnvoy } from './envoy-process.ts';
import type { EnvoyProcess } from './envoy-process.ts';
import { bootstrap, tombstone } from './on-demand-resources.ts';

const PROXY = 'the only proxy';

export type WorldOptions = {
  readonly limits?: Partial<XdsLimits>;
  /** false: unknown clusters are answered as removed, to see what Envoy makes of it. */
  readonly hasTombstones?: boolean;
};

/** A control plane that can be stopped and started anew, with the same or another catalog. */
export class ControlPlane {
  readonly catalog: FakeCatalog<string>;
  readonly xds: XdsServer<string>;
  /** Every request of Envoy's, in order. */
  readonly requests: DeltaRequest[] = [];
  isReady = true;
  readonly #server: GrpcServer;

  constructor(options: WorldOptions) {
    const standIn = (typeUrl: string, name: string): EncodedResource | undefined =>
      options.hasTombstones !== false && typeUrl === CLUSTER_TYPE ? tombstone(name) : undefined;
    this.catalog = new FakeCatalog(standIn);
    this.xds = new XdsServer<string>({
      catalog: this.catalog,
      authenticate: () => ({ ok: true, proxy: PROXY, id: PROXY }),
      isReady: () => this.isReady,
      standIn: (_, typeUrl, name) => standIn(typeUrl, name),
      ...(options.limits && { limits: options.limits }),
    });
    const methods = Object.entries(this.xds.methods).map(([path, handler]) => [
      path,
      (call: Parameters<typeof handler>[0]) => {
        handler(call);
        const { onMessage } = call;
        call.onMessage = (message) => {
          const decoded = decodeDeltaRequest(message);
          assert(decoded.ok);
          this.requests.push(decoded.value);
          onMessage(message);
        };
      },
    ]);
    this.#server = createGrpcServer({ methods: Object.fromEntries(methods) });
  }

  async listen(path: string): Promise<void> {
    await this.#server.listen({ path });
  }

  async stop(): Promise<void> {
    this.xds.close();
    await this.#server.shutdown(0);
  }

  put(typeUrl: string, resource: EncodedResource, options?: { isMember: boolean }): void {
    this.catalog.put(typeUrl, resource, options);
    this.catalog.settle();
  }

  remove(typeUrl: string, name: string): void {
    this.catalog.remove(typeUrl, name);
    this.catalog.settle();
  }

  /** Has Envoy taken the catalog's present version of this resource? */
  isTaken(typeUrl: string, name: string): boolean {
    const status = this.xds
      .resourcesOf(PROXY)
      .find((resource) => resource.typeUrl === typeUrl && resource.name === name);
    const version = this.catalog.get(typeUrl, name)?.version;
    return status?.isAcknowledged === true && status.version === version;
  }

  /** How often Envoy has asked for a name. */
  asked(name: string): number {
    return this.requests.filter(({ subscribe }) => subscribe.includes(name)).length;
  }
}

export class World {
  readonly envoy: EnvoyProcess;
  /** Where captured connections arrive. */
  readonly port: number;
  readonly #folder: string;
  readonly #options: WorldOptions;
  controlPlane: ControlPlane;

  private constructor(options: {
    readonly envoy: EnvoyProcess;
    readonly port: number;
    readonly folder: string;
    readonly controlPlane: ControlPlane;
    readonly world: WorldOptions;
  }) {
    this.envoy = options.envoy;
    this.port = options.port;
    this.#folder = options.folder;
    this.controlPlane = options.controlPlane;
    this.#options = options.world;
  }

  static async start(t: TestContext, options: WorldOptions = {}): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), 'isthmus-world-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const controlPlane = new ControlPlane(options);
    const socketPath = join(folder, 'xds.sock');
    await controlPlane.listen(socketPath);
    const envoy = await startEnvoy({ bootstrap: bootstrap(socketPath), drainSeconds: 2 });
    const port = await envoy.listenerPort('outbound');
    const world = new World({ envoy, port, folder, controlPlane, world: options });
    t.after(async () => {
      await envoy[Symbol.asyncDispose]();
      await world.controlPlane.stop();
    });
    return world;
  }

  /** The control plane is gone, with all it knew. */
  async stopControlPlane(): Promise<void> {
    await this.controlPlane.stop();
  }

  /** A new one takes its place; `prepare` fills its catalog before Envoy can reach it. */
  async startControlPlane(prepare: (controlPlane: ControlPlane) => void): Promise<void> {
    this.controlPlane = new ControlPlane(this.#options);
    prepare(this.controlPlane);
    await this.controlPlane.listen(join(this.#folder, 'xds.sock'));
  }

  /** The cluster that a connection to this loopback address asks for. */
  nameOf(address: string): string {
    return `dst|${address}:${this.port}`;
  }

  /** A connection that the capture would have brought here. */
  dial(address: string, from?: string): Promise<Outcome> {
    return dial({ host: address, port: this.port, ...(from !== undefined && { from }) });
  }

  hold(address: string): Promise<HeldConnection> {
    return HeldConnection.open(address, this.port);
  }
}

/** What became of a connection: the echo's answer, or that it was closed; and after how long. */
export type Outcome = { readonly said: string; readonly afterMs: number };

const DIAL_MS_MAX = 20_000;

/** Connects, says hello, and waits for the answer or the end. */
export async function dial(options: {
  readonly host: string;
  readonly port: number;
  readonly from?: string;
}): Promise<Outcome> {
  const { host, port, from } = options;
  const startMs = systemClock.nowMs();
  const socket = connect({ host, port, ...(from !== undefined && { localAddress: from }) });
  const said = await new Promise<string>((resolve) => {
    socket.setTimeout(DIAL_MS_MAX, () => resolve('nothing'));
    socket.on('connect', () => socket.write('hello'));
    socket.on('data', (data) => resolve(data.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve('closed'));
  });
  socket.destroy();
  return { said, afterMs: systemClock.nowMs() - startMs };
}

/** A session that stays open while things change around it. */
export class HeldConnection {
  readonly #socket: Socket;
  #answer = Promise.withResolvers<string>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (data) => this.#answer.resolve(data.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => this.#answer.resolve('closed'));
  }

  static async open(host: string, port: number): Promise<HeldConnection> {
    const held = new HeldConnection(connect({ host, port }));
    await once(held.#socket, 'connect');
    assert.notEqual(await held.say('first'), 'closed');
    return held;
  }

  /** Sends something through the session; `closed` when it has been cut. */
  async say(text: string): Promise<string> {
    if (this.#socket.destroyed) return 'closed';
    this.#answer = Promise.withResolvers();
    this.#socket.write(text);
    return this.#answer.promise;
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Answers whatever it gets with its own name and the caller's address. */
export async function startEcho(t: TestContext, name: string): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', () => socket.write(`${name} to ${socket.remoteAddress}`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  assert(typeof address === 'object' && address !== null);
  return address.port;
}
