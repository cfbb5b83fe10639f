// The client's end of one call on node:http2.
import { constants } from 'node:http2';
import type { ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2';
import type { GrpcClientCall } from './call.ts';
import { MessageStream } from './message-stream.ts';
import { decodeGrpcMessage, GrpcStatus, parseGrpcCode } from './status.ts';
import type { GrpcCode, GrpcOutcome } from './status.ts';

export class ClientCall extends MessageStream implements GrpcClientCall {
  onClose: (outcome: GrpcOutcome) => void = () => undefined;
  readonly #http2: ClientHttp2Stream;
  /** How the call ended, as soon as that is decided; told when the stream has closed. */
  #outcome: GrpcOutcome | undefined;

  constructor(stream: ClientHttp2Stream, options: { readonly messageBytesMax: number }) {
    super(stream, {
      messageBytesMax: options.messageBytesMax,
      onBroken: (error) => this.#giveUp(error),
    });
    this.#http2 = stream;
    let cause = '';
    stream.on('response', (headers) => this.#onHeaders(headers));
    stream.on('trailers', (trailers) => this.#finish(outcomeOfTrailers(trailers)));
    stream.on('error', (error) => (cause = error.message));
    stream.on('close', () => {
      this.deafen();
      this.onClose(this.#outcome ?? outcomeOfReset(stream.rstCode ?? 0, cause));
    });
  }

  halfClose(): void {
    if (!this.#http2.destroyed) this.#http2.end();
  }

  cancel(): void {
    this.#giveUp({ code: GrpcStatus.cancelled, message: 'cancelled by the client' });
  }

  /** The server has said how the call ended: what the client would still send is of no use. */
  #finish(outcome: GrpcOutcome): void {
    this.#outcome ??= outcome;
    this.#http2.end();
  }

  #giveUp(outcome: GrpcOutcome): void {
    this.#outcome ??= outcome;
    this.deafen();
    this.#http2.close(constants.NGHTTP2_CANCEL);
  }

  /** A call may end with its first headers; and what answers may be no gRPC server at all. */
  #onHeaders(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): void {
    const status = headers[':status'] ?? 0;
    if (headers['grpc-status'] !== undefined) this.#finish(outcomeOfTrailers(headers));
    else if (status !== constants.HTTP_STATUS_OK) {
      this.#giveUp({ code: codeOfHttpStatus(status), message: `HTTP status ${status}` });
    }
  }
}

function outcomeOfTrailers(trailers: IncomingHttpHeaders): GrpcOutcome {
  const status = trailers['grpc-status'];
  const message = trailers['grpc-message'];
  return {
    code: parseGrpcCode(typeof status === 'string' ? status : undefined),
    message: typeof message === 'string' ? decodeGrpcMessage(message) : '',
  };
}

/** grpc/doc/http-grpc-status-mapping.md */
function codeOfHttpStatus(status: number): GrpcCode {
  switch (status) {
    case 400:
      return GrpcStatus.internal;
    case 401:
      return GrpcStatus.unauthenticated;
    case 403:
      return GrpcStatus.permissionDenied;
    case 404:
      return GrpcStatus.unimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return GrpcStatus.unavailable;
    default:
      return GrpcStatus.unknown;
  }
}

/** A stream that closed without a status: reset by the server, or lost with its connection. */
function outcomeOfReset(rstCode: number, cause: string): GrpcOutcome {
  const message = cause || `stream ended without a status (HTTP/2 code ${rstCode})`;
  const isTooMuch = rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM;
  return { code: isTooMuch ? GrpcStatus.resourceExhausted : GrpcStatus.unavailable, message };
}
