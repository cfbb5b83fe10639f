// The server's end of one call on node:http2.
import type { X509Certificate } from 'node:crypto';
import { constants } from 'node:http2';
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { GrpcCall, GrpcMetadata } from './call.ts';
import { MessageStream } from './message-stream.ts';
import { encodeGrpcMessage, GrpcStatus } from './status.ts';
import type { GrpcCode } from './status.ts';

const RESPONSE_HEADERS = { ':status': 200, 'content-type': 'application/grpc' } as const;

/** How long an ended call may wait for its client. */
const LINGER_MS_MAX = 10_000;

/** What a call knows of the connection it came on. */
export type CallOrigin = {
  readonly peer: X509Certificate | undefined;
  readonly remoteAddress: string;
};

export class ServerCall extends MessageStream implements GrpcCall {
  onClose: () => void = () => undefined;
  readonly path: string;
  readonly metadata: GrpcMetadata;
  readonly peer: X509Certificate | undefined;
  readonly remoteAddress: string;
  readonly #http2: ServerHttp2Stream;
  /** Set as soon as the call has been ended from this side. */
  #trailers: OutgoingHttpHeaders | undefined;
  #sweepAtMs: number | undefined;

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    options: CallOrigin & { readonly messageBytesMax: number },
  ) {
    super(stream, {
      messageBytesMax: options.messageBytesMax,
      onBroken: (error) => this.end(error.code, error.message),
    });
    this.#http2 = stream;
    this.path = headers[':path'] ?? '';
    this.metadata = headers;
    this.peer = options.peer;
    this.remoteAddress = options.remoteAddress;
    stream.on('wantTrailers', () => {
      stream.sendTrailers(this.#trailers ?? statusTrailers(GrpcStatus.ok, ''));
    });
    stream.on('close', () => {
      this.deafen();
      this.onClose();
    });
    // Headers go out at once: some clients wait for them before they send anything.
    stream.respond(RESPONSE_HEADERS, { waitForTrailers: true });
  }

  /**
   * A client closes its side when it has the status. One that does not, or that never reads it,
   * would keep the stream for ever: to be called about once a second. (Resetting at once is no
   * way: it would overtake the trailers.)
   */
  sweep(nowMs: number): void {
    if (!this.#trailers) return;
    this.#sweepAtMs ??= nowMs + LINGER_MS_MAX;
    if (nowMs >= this.#sweepAtMs) this.#http2.close(constants.NGHTTP2_NO_ERROR);
  }

  end(code: GrpcCode = GrpcStatus.ok, message = ''): void {
    if (this.#trailers || this.#http2.destroyed) return;
    this.#trailers = statusTrailers(code, message);
    this.deafen();
    this.#http2.end();
  }
}

/** Answers a request that never becomes a call: a response of headers only. */
export function refuseCall(stream: ServerHttp2Stream, code: GrpcCode, message: string): void {
  stream.respond({ ...RESPONSE_HEADERS, ...statusTrailers(code, message) }, { endStream: true });
  stream.resume();
}

function statusTrailers(code: GrpcCode, message: string): OutgoingHttpHeaders {
  return {
    'grpc-status': String(code),
    ...(message && { 'grpc-message': encodeGrpcMessage(message) }),
  };
}
