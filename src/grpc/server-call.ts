// The server's end of one call on node:http2.
import type { X509Certificate } from 'node:crypto';
import { constants } from 'node:http2';
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { GrpcCall, GrpcMetadata } from './call.ts';
import { MessageStream } from './message-stream.ts';
import { encodeGrpcMessage, GrpcStatus } from './status.ts';
import type { GrpcCode } from './status.ts';

const RESPONSE_HEADERS = { ':status': 200, 'content-type': 'application/grpc' } as const;

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
  #trailers: OutgoingHttpHeaders | undefined;

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
      // The client may still be sending: without this the stream would stay half open until it
      // stops. NO_ERROR tells it that the answer is complete (RFC 9113 §8.1).
      stream.close(constants.NGHTTP2_NO_ERROR);
    });
    stream.on('close', () => {
      this.deafen();
      this.onClose();
    });
    // Headers go out at once: some clients wait for them before they send anything.
    stream.respond(RESPONSE_HEADERS, { waitForTrailers: true });
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
