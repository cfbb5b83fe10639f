// DNS by TCP for clients (RFC 7766): many queries on one connection, answered as they are ready.
// Bounded in connections, in queries under way on each, and in how long an idle one may stay.
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Incoming } from './resolver.ts';
import { FrameReader, frame } from './tcp-frames.ts';

export type TcpLimits = {
  readonly connectionsMax: number;
  /** Queries under way on one connection; further ones are not read meanwhile. */
  readonly pipelinedMax: number;
  readonly idleMs: number;
};

/** How often idle connections are looked for. */
const SWEEP_MS = 1000;

export type TcpListenerOptions = {
  readonly limits: TcpLimits;
  readonly clock: Clock;
  readonly log: Logger;
  readonly replies: (incoming: Incoming) => AsyncIterable<Uint8Array>;
};

export class TcpListener implements AsyncDisposable {
  readonly server: Server;
  readonly #options: TcpListenerOptions;
  /** Open connections and when each was last of use. */
  readonly #lastUsedAtMs = new Map<Socket, number>();
  readonly #serving = new Set<Promise<void>>();
  readonly #lifetime = new AbortController();
  readonly #sweeping: Promise<void>;

  constructor(options: TcpListenerOptions) {
    this.#options = options;
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const serving = this.#serve(socket).finally(() => this.#serving.delete(serving));
      this.#serving.add(serving); // never rejects
    });
    this.server.maxConnections = options.limits.connectionsMax;
    this.#sweeping = this.#sweep();
  }

  async #serve(socket: Socket): Promise<void> {
    const { limits } = this.#options;
    const frames = new FrameReader();
    const running = new Set<Promise<void>>();
    socket.on('error', () => undefined); // a client that went away; the reading below ends by it
    const gone = new AbortController();
    this.#touch(socket);
    socket.once('close', () => {
      this.#lastUsedAtMs.delete(socket);
      gone.abort();
    });
    try {
      for await (const chunk of socket as AsyncIterable<Uint8Array>) {
        this.#touch(socket);
        for (const bytes of frames.push(chunk)) {
          const task = this.#answer(socket, bytes, gone.signal)
            .catch((error: unknown) => this.#giveUp(socket, error))
            .finally(() => running.delete(task));
          running.add(task);
          if (running.size >= limits.pipelinedMax) await Promise.race(running);
        }
      }
      await Promise.all(running); // a client may close its half and still listen
      socket.end();
    } catch {
      socket.destroy();
      await Promise.all(running);
    }
  }

  /** @param gone aborted when the connection is closed, from whichever side */
  async #answer(socket: Socket, bytes: Uint8Array, gone: AbortSignal): Promise<void> {
    const from = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    for await (const reply of this.#options.replies({ bytes, transport: 'tcp', from, gone })) {
      if (!socket.writable) return;
      this.#touch(socket);
      if (!socket.write(frame(reply))) await once(socket, 'drain', { signal: gone });
    }
  }

  /** Closes the connection at once, so that half a zone transfer does not pass for a whole one. */
  #giveUp(socket: Socket, error: unknown): void {
    if (socket.destroyed || this.#lifetime.signal.aborted) return; // the client left, or we do
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#options.log.warn('answering DNS by TCP failed', { message });
    socket.destroy();
  }

  #touch(socket: Socket): void {
    if (!socket.destroyed) this.#lastUsedAtMs.set(socket, this.#options.clock.nowMs());
  }

  async #sweep(): Promise<void> {
    const { clock, limits } = this.#options;
    const { signal } = this.#lifetime;
    while (!signal.aborted) {
      await clock.sleep(SWEEP_MS, signal).catch(() => undefined);
      for (const [socket, lastUsedAtMs] of this.#lastUsedAtMs) {
        if (clock.nowMs() - lastUsedAtMs > limits.idleMs) socket.destroy();
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.abort();
    const closed = this.server.listening ? once(this.server, 'close') : undefined;
    this.server.close();
    for (const socket of this.#lastUsedAtMs.keys()) socket.destroy();
    await Promise.all([closed, this.#sweeping, ...this.#serving]);
  }
}
