// One HTTP/2 connection of the server: its calls, its pings, its end.
import type { X509Certificate } from 'node:crypto';
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { TLSSocket } from 'node:tls';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { GrpcHandler } from './call.ts';
import { refuseCall, ServerCall } from './server-call.ts';
import { planUpkeep, sessionEndMs } from './session-upkeep.ts';
import type { UpkeepLimits } from './session-upkeep.ts';
import { GrpcStatus } from './status.ts';

export type SessionLimits = UpkeepLimits & {
  readonly concurrentStreamsMax: number;
  /** A larger message ends its call with RESOURCE_EXHAUSTED. */
  readonly messageBytesMax: number;
};

export type SessionOptions = {
  readonly methods: Readonly<Record<string, GrpcHandler>>;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
};

export class ServerSession {
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  readonly #session: ServerHttp2Session;
  readonly #options: SessionOptions;
  readonly #calls = new Set<ServerCall>();
  readonly #remoteAddress: string;
  readonly #retireAtMs: number;
  #idleSinceMs: number | undefined;
  #pingedAtMs: number;
  #isPingAnswered = true;

  constructor(session: ServerHttp2Session, options: SessionOptions) {
    const nowMs = options.clock.nowMs();
    this.#session = session;
    this.#options = options;
    this.#pingedAtMs = nowMs;
    this.#idleSinceMs = nowMs;
    this.#remoteAddress = remoteAddressOf(session);
    this.#retireAtMs = sessionEndMs({
      nowMs,
      ageMsMax: options.limits.ageMsMax,
      jitter: options.random(),
      certificateEndMs: peerOf(session)?.validToDate.getTime(),
    });
    this.closed = new Promise((resolve) => session.once('close', () => resolve()));
    session.on('stream', (stream, headers) => this.#accept(stream, headers));
    session.on('error', (error) => options.log.debug('session failed', { error: error.message }));
  }

  /** To be called about once a second. */
  upkeep(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const call of this.#calls) call.sweep(nowMs);
    const clock = {
      retireAtMs: this.#retireAtMs,
      idleSinceMs: this.#idleSinceMs,
      pingedAtMs: this.#pingedAtMs,
      isPingAnswered: this.#isPingAnswered,
    };
    switch (planUpkeep(clock, this.#options.limits, nowMs)) {
      case 'ping':
        return this.#ping(nowMs);
      case 'retire':
        return this.retire('the connection has reached its age limit');
      case 'destroy':
        this.#options.log.info('peer does not answer', { remote: this.#remoteAddress });
        return this.destroy();
      case 'none':
    }
  }

  /** No new calls; closes when the open ones have ended. */
  close(): void {
    if (!this.#session.closed) this.#session.close();
  }

  /** Ends its calls with UNAVAILABLE, so that clients call again on a new connection. */
  retire(reason: string): void {
    this.close();
    for (const call of this.#calls) call.end(GrpcStatus.unavailable, reason);
  }

  destroy(): void {
    this.#session.destroy();
  }

  #ping(nowMs: number): void {
    if (this.#session.destroyed) return;
    this.#pingedAtMs = nowMs;
    this.#isPingAnswered = false;
    this.#session.ping((error) => {
      if (!error) this.#isPingAnswered = true;
    });
  }

  #accept(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    // Resets and lost connections are reported as 'error' too, and would otherwise end the process;
    // 'close' always follows.
    stream.on('error', () => undefined);
    if (stream.destroyed) return;
    if (!isGrpcRequest(headers)) {
      stream.respond({ ':status': 415 }, { endStream: true });
      stream.resume();
      return;
    }
    const path = headers[':path'] ?? '';
    const { methods, limits } = this.#options;
    const handler = Object.hasOwn(methods, path) ? methods[path] : undefined;
    if (!handler) return refuseCall(stream, GrpcStatus.unimplemented, 'unknown method');
    const call = new ServerCall(stream, headers, {
      messageBytesMax: limits.messageBytesMax,
      remoteAddress: this.#remoteAddress,
      peer: this.#validPeer(),
    });
    this.#calls.add(call);
    this.#idleSinceMs = undefined;
    stream.on('close', () => {
      this.#calls.delete(call);
      if (this.#calls.size === 0) this.#idleSinceMs = this.#options.clock.nowMs();
    });
    handler(call);
  }

  /** A resumed TLS session skips verification, so its certificate's end is looked at here. */
  #validPeer(): X509Certificate | undefined {
    const peer = peerOf(this.#session);
    const nowMs = this.#options.clock.nowMs();
    return peer && nowMs < peer.validToDate.getTime() ? peer : undefined;
  }
}

/** The client's certificate, if the TLS layer has verified it. */
function peerOf(session: ServerHttp2Session): X509Certificate | undefined {
  if (session.destroyed) return undefined;
  const { socket } = session;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  return socket.getPeerX509Certificate();
}

function remoteAddressOf(session: ServerHttp2Session): string {
  const { remoteAddress, remotePort } = session.socket;
  if (remoteAddress === undefined) return 'unix';
  return remoteAddress.includes(':')
    ? `[${remoteAddress}]:${remotePort}`
    : `${remoteAddress}:${remotePort}`;
}

function isGrpcRequest(headers: IncomingHttpHeaders): boolean {
  const contentType = headers['content-type'] ?? '';
  return headers[':method'] === 'POST' && /^application\/grpc(\+proto|;|$)/.test(contentType);
}
