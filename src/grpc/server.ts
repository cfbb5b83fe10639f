// A gRPC server on node:http2 for what the mesh serves: few methods, many long-lived streams of
// bytes. TLS 1.3 with optional client certificates, or clear text on a Unix socket.
import { randomInt } from 'node:crypto';
import { chmod, lstat, unlink } from 'node:fs/promises';
import http2 from 'node:http2';
import type { Http2SecureServer, Http2Server, SecureServerOptions } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { systemClock } from '#base/clock.ts';
import type { Clock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import type { Logger } from '#base/log.ts';
import { OperatorError } from '#base/operator-error.ts';
import type { GrpcHandler } from './call.ts';
import { ServerSession } from './server-session.ts';
import type { SessionLimits } from './server-session.ts';

export type GrpcServerTls = {
  /** PEM: the server's certificate, then its intermediates. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** PEM: who may sign client certificates. Absent: clients are not asked for one. */
  readonly clientCa?: string;
};

export type GrpcServerLimits = SessionLimits & {
  /** Connections beyond this are dropped before a handshake is spent on them. */
  readonly sessionsMax: number;
};

/** Sized for a control plane: thousands of proxies, each with a stream or two for hours. */
export const SERVER_LIMITS: GrpcServerLimits = {
  sessionsMax: 10_000,
  concurrentStreamsMax: 100,
  // what a proxy that has asked for very many names says when it connects anew
  messageBytesMax: 16 << 20,
  pingIntervalMs: 30_000,
  pingTimeoutMs: 20_000,
  idleMsMax: 10 * 60_000,
  ageMsMax: Number.POSITIVE_INFINITY,
};

export type GrpcServerOptions = {
  /** `/package.Service/Method` → what runs when a call of it arrives. */
  readonly methods: Readonly<Record<string, GrpcHandler>>;
  /** Absent: clear text, for Unix sockets and tests. */
  readonly tls?: GrpcServerTls;
  readonly limits?: Partial<GrpcServerLimits>;
  readonly clock?: Clock;
  /** 0 (inclusive) to 1 (exclusive); spreads the ages at which sessions end. */
  readonly random?: () => number;
  readonly log?: Logger;
};

export type ListenTarget =
  | { readonly host: string; readonly port: number }
  /** `mode` of the socket file (default 0600). A socket left over by another run is replaced. */
  | { readonly path: string; readonly mode?: number };

export interface GrpcServer extends AsyncDisposable {
  /**
   * @returns the port that was bound (0 for a Unix socket)
   * @throws OperatorError ADDRESS_IN_USE when it cannot be bound
   */
  listen(target: ListenTarget): Promise<number>;
  /** New certificates or client CA, for sessions that begin from now on. */
  setTls(tls: GrpcServerTls): void;
  readonly sessionCount: number;
  /** Takes no more calls and tells clients so (GOAWAY), ends open ones with UNAVAILABLE after
   * `graceMs`, and returns when every connection is closed. */
  shutdown(graceMs: number): Promise<void>;
}

export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  return new Http2GrpcServer(options);
}

const UPKEEP_INTERVAL_MS = 1000;
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Node counts megabytes here, and refuses new streams of a session that has more queued. */
const SESSION_MEMORY_MB_MAX = 64;
/** Room for the names of a proxy that reconnects, without a round trip for every 64 KiB. */
const RECEIVE_WINDOW_BYTES = 256 << 10;
/** How long an ended call may take to leave when the server shuts down. */
const LAST_WORDS_MS = 500;

class Http2GrpcServer implements GrpcServer {
  readonly #server: Http2Server | Http2SecureServer;
  readonly #sessions = new Set<ServerSession>();
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  #upkeep: Promise<void> = Promise.resolve();

  constructor(options: GrpcServerOptions) {
    const limits = { ...SERVER_LIMITS, ...options.limits };
    const { clock = systemClock, random = randomFraction, log = silentLogger, methods } = options;
    this.#clock = clock;
    this.#log = log;
    this.#server = createHttp2Server(options.tls, limits.concurrentStreamsMax);
    this.#server.maxConnections = limits.sessionsMax;
    this.#server.on('session', (http2Session) => {
      const session = new ServerSession(http2Session, { methods, limits, clock, random, log });
      this.#sessions.add(session);
      void session.closed.then(() => this.#sessions.delete(session));
    });
    this.#server.on('drop', () => log.warn('connection dropped, too many are open'));
    // Whoever connects can cause these at will: they are said at the lowest level only.
    this.#server.on('sessionError', (error) => log.debug('session failed', describe(error)));
    this.#server.on('tlsClientError', (error) => log.debug('handshake failed', describe(error)));
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  async listen(target: ListenTarget): Promise<number> {
    if ('path' in target) await removeStaleSocket(target.path);
    await new Promise<void>((resolve, reject) => {
      const fail = (cause: Error): void => reject(listenError(target, cause));
      this.#server.once('error', fail);
      this.#server.listen(target, () => {
        this.#server.off('error', fail);
        this.#server.on('error', (error) => this.#log.error('listener failed', describe(error)));
        resolve();
      });
    });
    if ('path' in target) await chmod(target.path, target.mode ?? 0o600);
    this.#upkeep = this.#runUpkeep();
    const address = this.#server.address();
    return isAddressInfo(address) ? address.port : 0;
  }

  setTls(tls: GrpcServerTls): void {
    if (!('setSecureContext' in this.#server)) throw new Error('this server speaks clear text');
    this.#server.setSecureContext(tlsOptions(tls));
  }

  async shutdown(graceMs: number): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    await this.#upkeep;
    const closed = [
      new Promise<void>((resolve) => this.#server.close(() => resolve())),
      ...[...this.#sessions].map((session) => session.closed),
    ];
    for (const session of this.#sessions) session.close();
    const ended = new AbortController();
    const force = this.#endSessions(graceMs, ended.signal).catch((error: unknown) => {
      if (!ended.signal.aborted) throw error;
    });
    await Promise.all(closed);
    ended.abort();
    await force;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown(0);
  }

  async #endSessions(graceMs: number, ended: AbortSignal): Promise<void> {
    if (graceMs > 0) await this.#clock.sleep(graceMs, ended);
    for (const session of this.#sessions) session.retire('the server is shutting down');
    await this.#clock.sleep(LAST_WORDS_MS, ended);
    for (const session of this.#sessions) session.destroy();
  }

  async #runUpkeep(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#clock.sleep(UPKEEP_INTERVAL_MS, signal);
      } catch {
        return; // only the signal rejects it
      }
      for (const session of this.#sessions) session.upkeep();
    }
  }
}

function createHttp2Server(
  tls: GrpcServerTls | undefined,
  concurrentStreamsMax: number,
): Http2Server | Http2SecureServer {
  const options = {
    settings: {
      maxConcurrentStreams: concurrentStreamsMax,
      initialWindowSize: RECEIVE_WINDOW_BYTES,
      enablePush: false,
    },
    maxSessionMemory: SESSION_MEMORY_MB_MAX,
  };
  if (!tls) return http2.createServer(options);
  return http2.createSecureServer({
    ...options,
    ...tlsOptions(tls),
    allowHTTP1: false,
    ALPNProtocols: ['h2'],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  });
}

/**
 * A missing or bad certificate does not fail the handshake: CA calls come with a token instead.
 * What a call may rely on is `GrpcCall.peer`. `ticketKeys` stays unset: with fixed ones a client
 * could resume a session under a CA that is trusted no more.
 */
function tlsOptions(tls: GrpcServerTls): SecureServerOptions {
  const clientCa = tls.clientCa && { ca: tls.clientCa, requestCert: true };
  return {
    cert: tls.cert,
    key: tls.key,
    minVersion: 'TLSv1.3',
    rejectUnauthorized: false,
    ...clientCa,
  };
}

/** After a crash the socket's file stays behind and would make every later start fail. */
async function removeStaleSocket(path: string): Promise<void> {
  const isSocket = await lstat(path).then(
    (file) => file.isSocket(),
    () => false,
  );
  if (isSocket) await unlink(path);
}

function listenError(target: ListenTarget, cause: Error): OperatorError {
  const where = 'path' in target ? target.path : `${target.host}:${target.port}`;
  return new OperatorError('ADDRESS_IN_USE', `cannot listen on ${where}: ${cause.message}`, {
    remedy: 'end the program that has it (ss -ltnp), or choose another address',
    cause,
  });
}

function isAddressInfo(address: AddressInfo | string | null): address is AddressInfo {
  return typeof address === 'object' && address !== null;
}

const randomFraction = (): number => randomInt(2 ** 32) / 2 ** 32;

function describe(error: Error): { readonly error: string } {
  return { error: error.message };
}
