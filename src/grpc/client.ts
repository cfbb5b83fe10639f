// A gRPC client on node:http2: one connection that is dialled when a call needs it.
import http2 from 'node:http2';
import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2';
import { systemClock, withDeadline } from '#base/clock.ts';
import type { Clock } from '#base/clock.ts';
import type { GrpcClientCall, GrpcMetadata } from './call.ts';
import { ClientCall } from './client-call.ts';
import { keepAlive } from './client-keepalive.ts';
import { authorityOf, connectSocket } from './client-socket.ts';
import type { GrpcClientTls, GrpcTarget } from './client-socket.ts';
import { GrpcStatus, GrpcStatusError } from './status.ts';

export type GrpcChannelOptions = {
  readonly target: GrpcTarget;
  /** Absent: clear text. */
  readonly tls?: GrpcClientTls;
  /** A larger message from the server ends its call with RESOURCE_EXHAUSTED. */
  readonly messageBytesMax?: number;
  /** Bytes that the server may send on a connection before the client has read them. */
  readonly receiveWindowBytes?: number;
  readonly pingIntervalMs?: number;
  readonly pingTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
  readonly clock?: Clock;
};

const DEFAULTS = {
  messageBytesMax: 16 << 20,
  receiveWindowBytes: 1 << 20,
  pingIntervalMs: 30_000,
  pingTimeoutMs: 10_000,
  connectTimeoutMs: 10_000,
  clock: systemClock,
};
const UNARY_DEADLINE_MS = 30_000;

/**
 * Calls to one server over one connection. A call that finds none dials; when the connection is
 * lost its calls end with UNAVAILABLE and the next call dials again. It never waits or repeats by
 * itself: when and how often to try again is the caller's to decide.
 */
export interface GrpcChannel extends AsyncDisposable {
  /**
   * One request, one response.
   *
   * @param options.deadlineMs how long it may take (default 30 s)
   * @throws GrpcStatusError when it did not end in OK
   * @throws the signal's reason when that is aborted first
   */
  unary(
    path: string,
    request: Uint8Array,
    options?: {
      readonly metadata?: GrpcMetadata;
      readonly signal?: AbortSignal;
      readonly deadlineMs?: number;
    },
  ): Promise<Uint8Array>;
  /** Never throws: what goes wrong is told by the call's `onClose`. */
  stream(path: string, options?: { readonly metadata?: GrpcMetadata }): GrpcClientCall;
  /** Ends open calls with CANCELLED and returns when the connection is closed. */
  close(): Promise<void>;
}

export function connectGrpc(options: GrpcChannelOptions): GrpcChannel {
  return new Http2Channel({ ...DEFAULTS, ...options });
}

class Http2Channel implements GrpcChannel {
  readonly #options: GrpcChannelOptions & typeof DEFAULTS;
  readonly #calls = new Set<ClientCall>();
  /** The connection that new calls go to. One that was told to go away is no longer here. */
  #session: ClientHttp2Session | undefined;
  readonly #open = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: GrpcChannelOptions & typeof DEFAULTS) {
    this.#options = options;
  }

  stream(path: string, options: { readonly metadata?: GrpcMetadata } = {}): GrpcClientCall {
    if (this.#isClosed) throw new Error('call on a closed channel');
    const headers: OutgoingHttpHeaders = {
      ...options.metadata,
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    };
    const stream = this.#liveSession().request(headers);
    const call = new ClientCall(stream, this.#options);
    this.#calls.add(call);
    stream.on('close', () => this.#calls.delete(call));
    return call;
  }

  async unary(
    path: string,
    request: Uint8Array,
    options: {
      readonly metadata?: GrpcMetadata;
      readonly signal?: AbortSignal;
      readonly deadlineMs?: number;
    } = {},
  ): Promise<Uint8Array> {
    const { metadata, signal, deadlineMs = UNARY_DEADLINE_MS } = options;
    signal?.throwIfAborted();
    const deadline = {
      what: path,
      limitMs: deadlineMs,
      clock: this.#options.clock,
      parent: signal,
    };
    const call = this.stream(path, {
      metadata: { ...metadata, 'grpc-timeout': `${Math.ceil(deadlineMs)}m` },
    });
    return withDeadline(deadline, (signal) => exchange(call, request, signal)).catch(
      (error: unknown) => {
        if (!(error instanceof DOMException && error.name === 'TimeoutError')) throw error;
        throw new GrpcStatusError(GrpcStatus.deadlineExceeded, error.message);
      },
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const call of this.#calls) call.cancel();
    this.#session?.close();
    await Promise.all(this.#open);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #liveSession(): ClientHttp2Session {
    const session = this.#session;
    if (session && !session.closed && !session.destroyed) return session;
    return (this.#session = this.#dial());
  }

  #dial(): ClientHttp2Session {
    const { receiveWindowBytes, target, tls } = this.#options;
    const session = http2.connect(authorityOf(target, tls), {
      createConnection: () => connectSocket(target, tls),
      settings: { enablePush: false, initialWindowSize: receiveWindowBytes },
    });
    session.on('connect', () => session.setLocalWindowSize(receiveWindowBytes));
    session.on('error', () => undefined); // its calls are told, and 'close' follows
    session.on('goaway', () => this.#forget(session));
    const closed = new Promise<void>((resolve) => session.once('close', () => resolve()));
    this.#open.add(closed);
    void closed.then(() => {
      this.#open.delete(closed);
      this.#forget(session);
    });
    keepAlive(session, this.#options);
    return session;
  }

  #forget(session: ClientHttp2Session): void {
    if (this.#session === session) this.#session = undefined;
    if (!session.closed) session.close();
  }
}

/** Sends the one request of a unary call and waits for its one response. */
function exchange(
  call: GrpcClientCall,
  request: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let response: Uint8Array | undefined;
    call.onMessage = (message) => (response = message);
    call.onClose = ({ code, message }) => {
      signal.removeEventListener('abort', giveUp);
      if (code !== GrpcStatus.ok) return reject(new GrpcStatusError(code, message));
      if (response) return resolve(response);
      return reject(new GrpcStatusError(GrpcStatus.internal, 'OK, but without a response'));
    };
    const giveUp = (): void => {
      reject(signal.reason);
      call.cancel();
    };
    signal.addEventListener('abort', giveUp);
    call.send(request);
    call.halfClose();
  });
}
