// Doors of the lab: ports of the machine's own loopback that lead to something inside. The outside
// opens one and hands it in (see line.ts); the inside passes on what comes.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { withDeadline } from '#base/clock.ts';
import type { HostPort } from '#base/flags.ts';

const LOOPBACK = '127.0.0.1';
/** A browser takes 6, kubectl one or two for each command. */
const CONNECTIONS_MAX = 128;
const CONNECT_LIMIT_MS = 5_000;

/**
 * Listens on this port of the loopback, or on any free one where that is taken or not allowed.
 */
export async function openDoor(port: number): Promise<Server> {
  for (const attempt of [port, 0]) {
    const door = createServer();
    door.listen(attempt, LOOPBACK);
    try {
      await once(door, 'listening');
      return door;
    } catch (error) {
      if (attempt === 0 || !isTaken(error)) throw error;
    }
  }
  throw new Error('unreachable: port 0 is never taken');
}

export function portOf(door: Server): number {
  const address: AddressInfo | string | null = door.address();
  if (address === null || typeof address === 'string')
    throw new Error('not a door of the loopback');
  return address.port;
}

function isTaken(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  return code === 'EADDRINUSE' || code === 'EACCES';
}

/** Passes a door's connections on, byte for byte, until disposed of. */
export class Passage implements AsyncDisposable {
  readonly #door: Server;
  readonly #sockets = new Set<Socket>();
  readonly #stop = new AbortController();

  /** @param target is asked for each connection; where it fails, that is refused */
  constructor(door: Server, target: () => Promise<HostPort>) {
    this.#door = door;
    door.maxConnections = CONNECTIONS_MAX;
    door.on('connection', (visitor) => {
      this.#keep(visitor);
      void this.#lead(visitor, target);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#door.listening) return;
    const closed = once(this.#door, 'close');
    this.#door.close();
    await closed;
  }

  async #lead(visitor: Socket, target: () => Promise<HostPort>): Promise<void> {
    try {
      const limits = { what: 'connect', limitMs: CONNECT_LIMIT_MS, parent: this.#stop.signal };
      const host = await withDeadline(limits, async (signal) => {
        const place = await target();
        signal.throwIfAborted();
        return await this.#dial(place, signal);
      });
      if (visitor.destroyed) return void host.destroy();
      visitor.pipe(host);
      host.pipe(visitor);
      // What is on its way to the other one still gets there.
      visitor.once('close', () => host.destroySoon());
      host.once('close', () => visitor.destroySoon());
    } catch {
      visitor.resetAndDestroy(); // as a port that nobody listens on
    }
  }

  async #dial({ host, port }: HostPort, signal: AbortSignal): Promise<Socket> {
    const socket = this.#keep(connect({ host, port, allowHalfOpen: true }));
    try {
      await once(socket, 'connect', { signal });
      return socket;
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy()); // `close` ends the other one
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }
}
